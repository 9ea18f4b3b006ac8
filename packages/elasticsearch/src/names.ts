/**
 * Where a record lies: in the index of its collection, under the id of its key. Both are named as Python's
 * py-key-value-aio 0.4 does (`<prefix>-<collection>`, the key itself), wherever that is one name for one record. What
 * Python would confuse (it lower-cases collections) or Elasticsearch refuses is hashed, and what looks like a hash, too.
 *
 * The first `-` that is not doubled ends the prefix: `kv-other-users` is `other-users` of `kv`, and `users` of `kv-other`
 * is `kv--other-users`. No index is that of two prefixes.
 */
import { createHash } from "node:crypto";
import type { RecordId } from "@kv/core/driver";

/**
 * Python's two naming schemes: names as they are, or by its opt-in `ElasticsearchV1…SanitizationStrategy`. `-exact` is the
 * former with prefixes as they are too, so that two may meet in one index.
 */
export const NAME_SCHEMES = ["python", "python-exact", "python-v1"] as const;
export type NameScheme = (typeof NAME_SCHEMES)[number];

/** In bytes, of the name of an index; of an id; of a term in an index, which keyword fields hold. */
const INDEX_BYTES = 255;
const ID_BYTES = 512;
const TERM_BYTES = 32_766;
/** In characters, of what a search may ask terms to begin with: less than any index allows. */
const PREFIX_LENGTH = 100;

/** What Elasticsearch takes in no name of an index, and control characters. */
const FORBIDDEN = /[\\/*?"<>| ,#:\p{Cc}]/u;
const HASHED = /^h_[0-9a-f]{64}$/;
const HASHED_INDEX = /^h_[a-z0-9_]{0,40}-[0-9a-f]{64}$/;

/** The longest that what stands for the prefix may be, so that there is room for any collection behind it. */
export function longestPrefix(scheme: NameScheme): number {
  return INDEX_BYTES - "-".length - (scheme === "python-v1" ? 200 : `h_${"x".repeat(40)}-`.length + 64);
}

/** What the names of a prefix's indices begin with, before the `-` that ends it. */
export function startOf(prefix: string, scheme: NameScheme): string {
  return scheme === "python" ? prefix.replaceAll("-", "--") : prefix;
}

export class Names {
  readonly #start: string;
  readonly #scheme: NameScheme;

  /** @param prefix lower case, and what may begin the name of an index */
  constructor(prefix: string, scheme: NameScheme) {
    this.#start = startOf(prefix, scheme);
    this.#scheme = scheme;
  }

  indexOf(collection: string): string {
    const index = `${this.#start}-${collection}`;
    if (this.#scheme === "python-v1") return `${this.#start}-${sanitized(collection)}`.toLowerCase();
    if (this.#isPlain(collection) && !HASHED_INDEX.test(collection) && Buffer.byteLength(index) <= INDEX_BYTES)
      return index;
    // The beginning is for people who look at the list of indices.
    const hint = collection
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_")
      .slice(0, 40);
    return `${this.#start}-h_${hint}-${hashOf(collection)}`;
  }

  /** What matches the indices of all collections that begin with `collectionPrefix`, and others. */
  patternsOf(collectionPrefix: string): string[] {
    if (collectionPrefix === "" || this.#scheme === "python-v1") return [`${this.#start}-*`];
    const plain = this.#isPlain(collectionPrefix) ? [`${this.#start}-${beginningOf(collectionPrefix)}*`] : [];
    return [...plain, `${this.#start}-h_*`];
  }

  /** The collection that an index is named after; `undefined` where only its documents tell. */
  collectionOf(index: string): string | undefined {
    const rest = index.slice(this.#start.length + 1);
    return this.#scheme !== "python-v1" && !HASHED_INDEX.test(rest) ? rest : undefined;
  }

  idOf(key: string): string {
    if (this.#scheme === "python-v1") return hashOf(key);
    return HASHED.test(key) || Buffer.byteLength(key) > ID_BYTES ? `h_${hashOf(key)}` : key;
  }

  /** Whether a record of this name lies there. */
  liesAt({ collection, key }: RecordId, index: string, id: string): boolean {
    return this.indexOf(collection) === index && this.idOf(key) === id;
  }

  /** Whether the name of an index may hold it, or what begins with it, as it is. */
  #isPlain(name: string): boolean {
    if (this.#scheme === "python" && name.startsWith("-")) return false;
    return name === name.toLowerCase() && !FORBIDDEN.test(name);
  }
}

/** A key or collection as a keyword field holds it, which takes no long ones: no two names are held alike. */
export function fieldOf(name: string): string {
  return HASHED.test(name) || Buffer.byteLength(name) > TERM_BYTES ? `h_${hashOf(name)}` : name;
}

/** What the field of a key may begin with where the key begins with `prefix`: of longer ones, a part will do. */
export function fieldPrefixesOf(prefix: string): string[] {
  return [beginningOf(prefix), "h_"];
}

function beginningOf(prefix: string): string {
  const characters = Array.from(prefix.slice(0, 2 * PREFIX_LENGTH));
  return characters.slice(0, PREFIX_LENGTH).join("");
}

/** Python's hybrid strategy: runs of other characters become one `_`, which alone becomes nothing; a hash always follows. */
function sanitized(collection: string): string {
  const replaced = collection.replace(/[^A-Za-z0-9_.-]+/gu, "_");
  const text = replaced === "_" && collection !== "_" ? "" : replaced;
  return `S_${text.slice(0, 200 - "S_-".length - 8)}-${hashOf(collection).slice(0, 8)}`;
}

function hashOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}
