/**
 * How a record is written in a store that is a folder. All numbers unsigned and big-endian, all texts UTF-8, all times
 * milliseconds since the epoch:
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
 * A row of an index of expiries is the six bytes of a time and a name (see names.ts).
 *
 * Every version of these layouts is read for ever: a change makes a new number, here and in the formats of the drivers.
 */
import { CorruptRecordError, ValueTooLargeError } from "../../errors.ts";
import { type JsonValue, stringifyJson } from "../../json.ts";
import type { Revision } from "../../record.ts";
import type { RecordId, StoredRecord } from "../driver.ts";
import { bytesOf, type Name, parseName } from "./names.ts";

const LAYOUT = 1;
const ASCII = 1;
const NAMED = 2;
const HEADER = 15;

/** Below this many bytes one text is cut in two, which is quicker; of a longer one the smallest part would keep it all. */
const SHORT = 1024;

/**
 * @param limit in bytes, of all that is written
 * @throws ValueTooLargeError, InvalidValueError on a lone surrogate
 */
export function encodeRecord(id: RecordId, name: Name, record: StoredRecord, limit: number): Buffer {
  const { value, createdAt = 0, expiresAt = 0, revision } = record;
  const json = stringifyJson(value);
  const jsonLength = Buffer.byteLength(json);
  const ascii = jsonLength === json.length;
  const original = Buffer.isBuffer(name) ? encodeId(id) : undefined;
  const start = HEADER + revision.length + (original?.length ?? 0);
  const size = start + jsonLength;
  if (size > limit) throw new ValueTooLargeError(size, limit);
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

/** The record in the bytes, which may change after this returns. @throws CorruptRecordError */
export function decodeRecord(bytes: Buffer, id: RecordId): StoredRecord {
  const flags = flagsOf(bytes);
  const encoding = flags & ASCII ? "latin1" : "utf8";
  const length = bytes[14] ?? 0;
  let revision: string;
  let json: string;
  if (bytes.length < SHORT && (flags & NAMED) === 0) {
    const text = bytes.toString(encoding, HEADER);
    revision = text.slice(0, length);
    json = text.slice(length);
  } else {
    const end = HEADER + length;
    revision = bytes.toString("latin1", HEADER, end);
    json = bytes.toString(encoding, flags & NAMED ? checkOriginal(bytes, end, id) : end);
  }
  return {
    value: parse(json),
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

/** The key of a row in the index of expiries. */
export function expiryRow(expiresAt: number, name: Name): Buffer {
  const bytes = bytesOf(name);
  const row = Buffer.allocUnsafe(6 + bytes.length);
  row.writeUIntBE(expiresAt, 0, 6);
  row.set(bytes, 6);
  return row;
}

export function parseExpiryRow(row: Buffer): { readonly expiresAt: number; readonly name: Buffer } {
  return { expiresAt: row.readUIntBE(0, 6), name: row.subarray(6) };
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

function parse(json: string): JsonValue {
  try {
    return JSON.parse(json);
  } catch (error) {
    // The parser's own message quotes the value.
    throw new CorruptRecordError(`the stored value is not JSON: ${error instanceof Error ? error.name : "unknown"}`);
  }
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
