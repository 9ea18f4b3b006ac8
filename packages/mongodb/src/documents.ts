/**
 * The documents, as Python's py-key-value-aio 0.4 writes them, with fields of ours inside `value`, which Python replaces as
 * a whole when it overwrites a record:
 *
 *     { _id, key: "ada", collection: "users", version: 1, created_at: Date, expires_at: Date,
 *       value: { object: { name: "Ada" }, revision: "…", wrapped: "items" | "json" } }
 *
 * Python stores objects only: any other value is kept as `object: { items: value }`, as its own adapters do. What
 * MongoDB cannot keep as it is, is kept as text: `object: { json: "…" }`. `wrapped` says which.
 *
 * A document that we insert has an `_id` made of the record's names, so that of two who insert one record the second is
 * refused. Python's have an ObjectId; where it inserts at the same moment as we do, two documents are one record: the
 * newest counts.
 */
import { createHash } from "node:crypto";
import { CorruptRecordError, InexactNumberError, ValueTooLargeError } from "@kv/core";
import {
  foreignRevision,
  type InexactNumbers,
  type JsonObject,
  type JsonValue,
  type RecordId,
  type StoredRecord,
  stringifyJson,
} from "@kv/core/driver";
import { Binary, BSON, type Document } from "mongodb";
import { copyAt, dateAt, type Element, elementsOf, fieldsAt, isNull, objectAt, textAt } from "./bson-reader.ts";

type Revision = StoredRecord["revision"];

/** The largest document that MongoDB takes, and with it the names once more, which a request holds twice. */
export const RECORD_BYTES = 2 ** 24;

/** MongoDB takes 180 levels, its documentation says 100; two of them are `value` and `object`. */
const DEEPEST = 90;

/** A record to be written: what the document gets, and no more than how many bytes that takes. */
export interface Encoded {
  readonly names: RecordId;
  readonly fields: Document;
  /** Those of a document that was there before and that this record does not have. */
  readonly removed: readonly string[];
  readonly bytes: number;
}

/** @throws ValueTooLargeError */
export function encode({ collection, key }: RecordId, record: StoredRecord): Encoded {
  const { value, createdAt, expiresAt, revision } = record;
  const copy = new Copy();
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  const native = copy.of(value, 1);
  const json = copy.possible ? undefined : stringifyJson(value);
  const object = json !== undefined ? { json } : plain ? native : { items: native };
  const wrapped = json !== undefined ? "json" : plain ? undefined : "items";
  const fields = {
    key,
    collection,
    version: 1,
    value: { object, revision, ...(wrapped && { wrapped }) },
    ...(createdAt !== undefined && { created_at: new Date(createdAt) }),
    ...(expiresAt !== undefined && { expires_at: new Date(expiresAt) }),
  };
  const names = { key, collection };
  const removed = ["created_at", "expires_at"].filter((name) => !(name in fields));
  // At most three bytes for a UTF-16 code unit.
  let bytes = 3 * ((json?.length ?? copy.length) + 2 * (key.length + collection.length)) + 1000;
  if (bytes > RECORD_BYTES / 2) {
    bytes =
      BSON.calculateObjectSize({ _id: idOf(names, 1), ...fields }) +
      Buffer.byteLength(key) +
      Buffer.byteLength(collection);
    if (bytes > RECORD_BYTES) throw new ValueTooLargeError(bytes, RECORD_BYTES);
  }
  return { names, fields, removed, bytes };
}

/** What makes the encoded record of a document that is there. */
export function replacement({ fields, removed }: Encoded): Document {
  return removed.length === 0
    ? { $set: fields }
    : { $set: fields, $unset: Object.fromEntries(removed.map((name) => [name, ""])) };
}

/**
 * The `_id` by which our inserts of one record meet: a hash of its names. A document that Python has made another record's
 * may still have it; so after some attempts it is another one.
 */
export function idOf({ collection, key }: RecordId, attempt: number): Binary {
  const names = `${collection.length} ${collection}${key}`;
  const text = attempt < 4 ? names : `${attempt}: ${names}`;
  return new Binary(createHash("sha256").update(text).digest());
}

/** Copies a value for the driver, which serializes only once it has a connection, into what BSON keeps as it is. */
class Copy {
  /** False where there is something that BSON, the driver or a server would refuse or change. */
  possible = true;
  /** In characters, about: no less than a third of its bytes. */
  length = 0;

  of(value: JsonValue, depth: number): unknown {
    this.length += 8;
    if (typeof value === "string") {
      this.length += value.length;
      return value;
    }
    if (typeof value === "number") return numberOf(value);
    if (typeof value !== "object" || value === null) return value;
    if (depth > DEEPEST) this.possible = false;
    if (!this.possible) return undefined;
    if (Array.isArray(value)) return value.map((part) => this.of(part, depth + 1));
    const copy: { [name: string]: unknown } = {};
    for (const [name, part] of Object.entries(value)) {
      if (part === undefined) continue;
      // The first means something to servers, the second ends a name, the third means something to the driver.
      if (name.startsWith("$") || name.includes("\0") || name === "_bsontype") this.possible = false;
      this.length += name.length;
      const inner = this.of(part, depth + 1);
      if (name === "__proto__") Object.defineProperty(copy, name, { value: inner, enumerable: true });
      else copy[name] = inner;
    }
    return copy;
  }
}

/** Integers as such, also where the driver would make a float of them, for the sake of Python. */
function numberOf(value: number): number | bigint {
  const isLong = Number.isInteger(value) && Math.abs(value) >= 2 ** 31 && Math.abs(value) < 2 ** 63;
  return isLong ? BigInt(value) : value + 0;
}

/** A document as it came, of which only what finds it is read so far. */
export interface Found {
  readonly bytes: Buffer;
  readonly elements: ReadonlyMap<string, Element>;
  readonly key: string | undefined;
  readonly createdAt: number | undefined;
  readonly expiresAt: number | undefined;
}

/** @throws CorruptRecordError */
export function found(bytes: Buffer): Found {
  const elements = elementsOf(bytes);
  return {
    bytes,
    elements,
    key: textAt(bytes, elements.get("key")),
    createdAt: dateAt(bytes, elements.get("created_at")),
    expiresAt: dateAt(bytes, elements.get("expires_at")),
  };
}

/** Of several documents that are one record, the one that counts comes first. */
export function newestFirst(documents: readonly Buffer[]): Found[] {
  const all = documents.map(found);
  if (all.length > 1) {
    const oldest = Number.NEGATIVE_INFINITY;
    all.sort((a, b) => (b.createdAt ?? oldest) - (a.createdAt ?? oldest) || Buffer.compare(b.bytes, a.bytes));
  }
  return all;
}

/** @throws CorruptRecordError, InexactNumberError */
export function decode(document: Found, numbers: InexactNumbers): StoredRecord {
  const { bytes, elements, createdAt, expiresAt } = document;
  if (isOther(elements.get("created_at"), createdAt) || isOther(elements.get("expires_at"), expiresAt)) {
    throw new CorruptRecordError("a time in the stored record is not a date");
  }
  const parts = fieldsAt(bytes, elements.get("value"));
  const stored = objectAt(bytes, parts?.get("object"));
  if (!parts || !stored) throw new CorruptRecordError("the stored record holds no value");
  if (!stored.exact && numbers === "error") {
    throw new InexactNumberError("another program stored a number that JavaScript cannot hold exactly");
  }
  const { object } = stored;
  const revision = revisionAt(bytes, parts);
  if (revision === undefined) return new ForeignRecord(object, createdAt, expiresAt, bytes);
  return { value: unwrapped(object, textAt(bytes, parts.get("wrapped"))), createdAt, expiresAt, revision };
}

/** What finds this very document as it was read, and it no more once anybody has written it anew. */
export function exactly({ bytes, elements }: Found): Document {
  const { _id, created_at, expires_at } = BSON.deserialize(bytes, { promoteValues: false });
  const value = elements.get("value");
  const parts = fieldsAt(bytes, value);
  const revision = parts && revisionAt(bytes, parts);
  if (revision !== undefined) return { _id, "value.revision": revision };
  return { _id, created_at: orNone(created_at), expires_at: orNone(expires_at), value: orNone(copyAt(bytes, value)) };
}

/** Whether a filter of {@link exactly} goes by a revision: else it holds the whole value. */
export function isByRevision(filter: Document): boolean {
  return "value.revision" in filter;
}

/** A record without a revision of ours: its hash stands for one, computed only where someone asks. */
class ForeignRecord implements StoredRecord {
  readonly value: JsonValue;
  readonly createdAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly #bytes: Buffer;
  #revision: Revision | undefined;

  constructor(value: JsonValue, createdAt: number | undefined, expiresAt: number | undefined, bytes: Buffer) {
    this.value = value;
    this.createdAt = createdAt;
    this.expiresAt = expiresAt;
    this.#bytes = bytes;
  }

  get revision(): Revision {
    this.#revision ??= foreignRevision(this.#bytes.toString("latin1"));
    return this.#revision;
  }
}

function revisionAt(bytes: Buffer, parts: ReadonlyMap<string, Element>): Revision | undefined {
  const revision = textAt(bytes, parts.get("revision"));
  return revision === undefined || revision === "" ? undefined : (revision as Revision);
}

/** @param wrapped the property that holds the value, see above */
function unwrapped(object: JsonObject, wrapped: string | undefined): JsonValue {
  if (wrapped === undefined) return object;
  const value = object[wrapped];
  if (wrapped === "items" && value !== undefined) return value;
  try {
    if (wrapped === "json" && typeof value === "string") return JSON.parse(value);
  } catch {
    // The parser's own error quotes the text.
  }
  throw new CorruptRecordError("the stored record holds no value");
}

/** Whether there is something else than a date. */
function isOther(element: Element | undefined, date: number | undefined): boolean {
  return date === undefined && !isNull(element);
}

function orNone(field: unknown): Document {
  return field === undefined ? { $exists: false } : { $eq: field };
}
