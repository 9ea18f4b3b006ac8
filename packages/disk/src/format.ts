/**
 * What lies in the folder: `data.mdb` and `lock.mdb` of lmdb, of owner-only permissions. In lmdb's main database the key
 * `format` holds {@link FORMAT} in ASCII, beside two databases:
 *
 * - `records`, with lmdb's versions: a name (see core's driver/folder/names.ts) and its record. The version is a whole
 *   random number, made anew for each write.
 * - `expiry`: for each record that expires the six bytes of its time and its name. The values are empty.
 *
 * A record, all numbers unsigned and big-endian, all texts UTF-8, all times milliseconds since the epoch:
 *
 *     offset  bytes
 *     0       1      1: the layout's version
 *     1       1      flags: 1 for a value in ASCII alone, 2 for a name that is kept because it is hashed
 *     2       6      when the value was created; 0: not known
 *     8       6      when it expires; 0: never
 *     14      1      length of the revision
 *     15             the revision, in ASCII
 *                    with flag 2: 4 bytes for the length of the collection, the collection, and so the key
 *                    the value as JSON
 *
 * Every version of this layout is read for ever: a change makes a new number, here and in {@link FORMAT}.
 */
import { CorruptRecordError, type Revision, ValueTooLargeError } from "@kv/core";
import { type Name, parseName, parseStored, type RecordId, type StoredRecord, stringifyJson } from "@kv/core/driver";

export const FORMAT = "kv-disk 1";

const LAYOUT = 1;
const ASCII = 1;
const NAMED = 2;
const HEADER = 15;

/** Below this many bytes one text is cut in two, which is quicker; of a longer one the smallest part would keep it all. */
const SHORT = 1024;

/** Above 16 MiB lmdb hands out its memory instead of a copy. In bytes, with the header. */
export const LARGEST_RECORD = 16_000_000;

/** @throws ValueTooLargeError, InvalidValueError on a lone surrogate */
export function encodeRecord(id: RecordId, name: Name, record: StoredRecord): Buffer {
  const { value, createdAt = 0, expiresAt = 0, revision } = record;
  const json = stringifyJson(value);
  const jsonLength = Buffer.byteLength(json);
  const ascii = jsonLength === json.length;
  const original = Buffer.isBuffer(name) ? encodeId(id) : undefined;
  const start = HEADER + revision.length + (original?.length ?? 0);
  const size = start + jsonLength;
  if (size > LARGEST_RECORD) throw new ValueTooLargeError(size, LARGEST_RECORD);
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = LAYOUT;
  bytes[1] = (ascii ? ASCII : 0) | (original ? NAMED : 0);
  bytes.writeUIntBE(createdAt, 2, 6);
  bytes.writeUIntBE(expiresAt, 8, 6);
  bytes[14] = revision.length;
  bytes.write(revision, HEADER, "latin1");
  original?.copy(bytes, HEADER + revision.length);
  bytes.write(json, start, ascii ? "latin1" : "utf8");
  return bytes;
}

/** What stands before the value. Of a record that cannot be read, only that it never expires. */
export interface Header {
  readonly expiresAt: number | undefined;
}

/**
 * The record in the bytes, which may change after this returns. Their end is always said: lmdb gives a larger buffer
 * with a `length` of its own, which Node.js 24 looks at no more where it is left out.
 * @throws CorruptRecordError
 */
export function decodeRecord(bytes: Buffer, id: RecordId): StoredRecord {
  const size = bytes.length;
  const flags = flagsOf(bytes);
  const encoding = flags & ASCII ? "latin1" : "utf8";
  const length = bytes[14] ?? 0;
  let revision: string;
  let json: string;
  if (size < SHORT && (flags & NAMED) === 0) {
    const text = bytes.toString(encoding, HEADER, size);
    revision = text.slice(0, length);
    json = text.slice(length);
  } else {
    const end = HEADER + length;
    revision = bytes.toString("latin1", HEADER, end);
    json = bytes.toString(encoding, flags & NAMED ? checkOriginal(bytes, end, id) : end, size);
  }
  return {
    value: parseStored(json),
    createdAt: timeAt(bytes, 2),
    expiresAt: timeAt(bytes, 8),
    // What was encoded is a revision.
    revision: revision as Revision,
  };
}

/** Never throws: what cannot be read can still be overwritten and deleted. */
export function decodeHeader(bytes: Buffer): Header {
  return { expiresAt: bytes.length >= HEADER && bytes[0] === LAYOUT ? timeAt(bytes, 8) : undefined };
}

/** Whose record lies under this name. @throws CorruptRecordError where its name is hashed and the record broken */
export function idOf(name: Uint8Array, bytes: Buffer): RecordId {
  const { collection, key } = parseName(name);
  if (collection !== undefined && key !== undefined) return { collection, key };
  if ((flagsOf(bytes) & NAMED) === 0) throw new CorruptRecordError("a record with a long name does not tell it");
  return decodeId(bytes, HEADER + (bytes[14] ?? 0));
}

function flagsOf(bytes: Buffer): number {
  if (bytes.length < HEADER || bytes[0] !== LAYOUT) {
    throw new CorruptRecordError("the stored record has an unknown layout");
  }
  return bytes[1] ?? 0;
}

function timeAt(bytes: Buffer, offset: number): number | undefined {
  const time = bytes.readUIntBE(offset, 6);
  return time === 0 ? undefined : time;
}

/** Where the name that is kept in the record ends. @throws CorruptRecordError where it is another's */
function checkOriginal(bytes: Buffer, start: number, id: RecordId): number {
  const original = decodeId(bytes, start);
  if (original.collection === id.collection && original.key === id.key) return original.end;
  throw new CorruptRecordError("the record lies under the name of another");
}

function encodeId({ collection, key }: RecordId): Buffer {
  return Buffer.concat([collection, key].flatMap((text) => [lengthOf(text), Buffer.from(text)]));
}

function lengthOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(Buffer.byteLength(text));
  return bytes;
}

function decodeId(bytes: Buffer, start: number): RecordId & { readonly end: number } {
  const collection = decodeText(bytes, start);
  const key = decodeText(bytes, collection.end);
  return { collection: collection.text, key: key.text, end: key.end };
}

function decodeText(bytes: Buffer, start: number): { readonly text: string; readonly end: number } {
  const from = start + 4;
  const end = from <= bytes.length ? from + bytes.readUInt32BE(start) : Number.POSITIVE_INFINITY;
  if (end > bytes.length) throw new CorruptRecordError("the stored record ends before its name does");
  return { text: bytes.toString("utf8", from, end), end };
}
