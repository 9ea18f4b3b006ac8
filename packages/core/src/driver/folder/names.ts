/**
 * How a collection and a key become the name under which a folder keeps their record:
 *
 *     name       = collection 00 key
 *     collection = its UTF-8 with 00 as 01 01 and 01 as 01 02; over 960 bytes: the first 927, FF, SHA-256 of all
 *     key        = its UTF-8; where the name would have over 1970 bytes: as many as fit, FF, SHA-256 of all
 *
 * No two pairs meet (FF is in no UTF-8), and names are in the order of their collection's and key's code points, so that
 * what begins with a prefix is one range. A record whose name holds a hash keeps the original.
 */
import { createHash } from "node:crypto";
import type { RecordId, Scope } from "../driver.ts";

/** What lmdb takes is 1978 bytes, of which six go to the time in its index of expiries. */
const LONGEST_NAME = 1970;
const LONGEST_COLLECTION = 960;
/** FF and the 32 bytes of SHA-256. */
const HASH = 33;
const END = 0;
const MARK = 0xff;

/** As texts, to be read one after the other, where it holds no hash: that is quicker to make than bytes. Else as bytes. */
export type Name = [collection: string, key: string] | Buffer;

/** All names from `start`, up to and without `end`. */
export interface NameRange {
  readonly start: Buffer;
  readonly end: Buffer;
}

export function nameOf({ collection, key }: RecordId): Name {
  const head = headOf(collection);
  const { text } = head;
  // No code unit has more than three bytes.
  if (text !== undefined && (text.length + key.length) * 3 <= LONGEST_NAME) return [text, key];
  const bytes = Buffer.from(key);
  const part = shorten(bytes, LONGEST_NAME - head.bytes.length);
  return text !== undefined && part === bytes ? [text, key] : Buffer.concat([head.bytes, part]);
}

export function bytesOf(name: Name): Buffer {
  return Buffer.isBuffer(name) ? name : Buffer.from(name.join(""));
}

/** The collection and the key of a name; `undefined` in place of one that is hashed. */
export function parseName(name: Uint8Array): {
  readonly collection: string | undefined;
  readonly key: string | undefined;
} {
  const bytes = Buffer.from(name.buffer, name.byteOffset, name.byteLength);
  const end = headEnd(bytes) - 1;
  return {
    collection: bytes.subarray(0, end).includes(MARK) ? undefined : unescapeText(bytes.toString("utf8", 0, end)),
    key: bytes.includes(MARK, end + 1) ? undefined : bytes.toString("utf8", end + 1, bytes.length),
  };
}

/** Where the names of the scope lie, maybe among others: a prefix may be longer than what a hashed name shows of it. */
export function rangeOf(scope: Scope): NameRange {
  if ("collection" in scope) {
    const { bytes } = headOf(scope.collection);
    const shown = Buffer.from(scope.keyPrefix).subarray(0, LONGEST_NAME - bytes.length - HASH);
    return range(Buffer.concat([bytes, shown]));
  }
  const shown = Buffer.from(escapeText(scope.collectionPrefix)).subarray(0, LONGEST_COLLECTION - HASH);
  return shown.length === 0 ? { start: Buffer.of(1), end: Buffer.of(MARK) } : range(shown);
}

/** The first possible name after this one. */
export function after(name: Uint8Array): Buffer {
  return Buffer.concat([name, Buffer.of(0)]);
}

/** The first possible name after those of the collection that this name is in. */
export function afterCollection(name: Uint8Array): Buffer {
  const bytes = Buffer.from(name);
  const head = bytes.subarray(0, headEnd(bytes));
  head[head.length - 1] = END + 1;
  return head;
}

interface Head {
  /** All of a name before the key. */
  readonly bytes: Buffer;
  /** The same as text, which is quicker to join; absent where it holds a hash. */
  readonly text: string | undefined;
}

/** Programs have few collections, and use one again and again. */
const heads = new Map<string, Head>();
const MOST_HEADS = 1000;

function headOf(collection: string): Head {
  const known = heads.get(collection);
  if (known) return known;
  const text = `${escapeText(collection)}\0`;
  const escaped = Buffer.from(text);
  const part = shorten(escaped.subarray(0, -1), LONGEST_COLLECTION);
  const head =
    part.length === escaped.length - 1
      ? { bytes: escaped, text }
      : { bytes: Buffer.concat([part, Buffer.of(END)]), text: undefined };
  if (heads.size === MOST_HEADS) heads.clear();
  heads.set(collection, head);
  return head;
}

/** How long the part before the key is. */
function headEnd(name: Buffer): number {
  const end = name.indexOf(END);
  const mark = name.indexOf(MARK);
  return (mark === -1 || end < mark ? end : mark + HASH) + 1;
}

function shorten(bytes: Buffer, most: number): Buffer {
  if (bytes.length <= most) return bytes;
  const hash = createHash("sha256").update(bytes).digest();
  return Buffer.concat([bytes.subarray(0, most - HASH), Buffer.of(MARK), hash]);
}

/** The names that begin with `prefix`, whose last byte is below FF. */
function range(prefix: Buffer): NameRange {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (prefix.at(-1) ?? 0) + 1;
  return { start: prefix, end };
}

function escapeText(text: string): string {
  return text.replaceAll("\x01", "\x01\x02").replaceAll("\0", "\x01\x01");
}

function unescapeText(text: string): string {
  return text.replaceAll("\x01\x01", "\0").replaceAll("\x01\x02", "\x01");
}
