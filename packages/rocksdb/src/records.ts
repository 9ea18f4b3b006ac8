/**
 * How a record is written: as text, in UTF-8, since RocksDB's package hands texts over at half the cost of bytes. Times are
 * milliseconds since the epoch in twelve hexadecimal digits.
 *
 *     offset  characters
 *     0       1           1; or 2 where the record keeps its name, since that is hashed
 *     1       12          when the value was created; 0: not known
 *     13      12          when it expires; 0: never
 *     25                  the revision, and a space
 *                         with 2: the collection and the key as an array in JSON, and a line feed, which is in no JSON
 *                         the value as JSON
 *
 * Every version of this layout is read for ever: a change makes new numbers, here and in format.ts.
 */
import { CorruptRecordError, type Revision, ValueTooLargeError } from "@kv/core";
import { type Name, parseName, parseStored, type RecordId, type StoredRecord, stringifyJson } from "@kv/core/driver";

const PLAIN = "1";
const NAMED = "2";
const CREATED = 1;
const EXPIRES = 13;
const REVISION = 25;
const NO_TIME = "000000000000";

/** In bytes, with all that stands before the value. RocksDB has no such limit, but holds a record in memory several times. */
export const LARGEST_RECORD = 32_000_000;

/** A record as text, and how many bytes it has. */
export interface Encoded {
  readonly text: string;
  readonly size: number;
}

/** @throws ValueTooLargeError, InvalidValueError on a lone surrogate */
export function encodeRecord(id: RecordId, name: Name, record: StoredRecord): Encoded {
  const { value, createdAt, expiresAt, revision } = record;
  const json = stringifyJson(value);
  const times = timeText(createdAt) + timeText(expiresAt);
  const text = Array.isArray(name)
    ? `${PLAIN}${times}${revision} ${json}`
    : `${NAMED}${times}${revision} ${JSON.stringify([id.collection, id.key])}\n${json}`;
  const size = Buffer.byteLength(text);
  if (size > LARGEST_RECORD) throw new ValueTooLargeError(size, LARGEST_RECORD);
  return { text, size };
}

/** @throws CorruptRecordError */
export function decodeRecord(text: string, id: RecordId): StoredRecord {
  const end = revisionEnd(text);
  let start = end + 1;
  if (text.startsWith(NAMED)) {
    const { collection, key, end } = namesAt(text, start);
    if (collection !== id.collection || key !== id.key) {
      throw new CorruptRecordError("the record lies under the name of another");
    }
    start = end + 1;
  }
  return {
    value: parseStored(text.slice(start)),
    createdAt: timeAt(text, CREATED),
    expiresAt: timeAt(text, EXPIRES),
    // What was encoded is a revision.
    revision: text.slice(REVISION, end) as Revision,
  };
}

/** Never throws: what cannot be read can still be overwritten and deleted; it never expires. */
export function expiryOfText(text: string): number | undefined {
  return hasLayout(text) ? timeAt(text, EXPIRES) : undefined;
}

/** Whose record lies under this name. @throws CorruptRecordError where its name is hashed and the record broken */
export function idOf(name: Uint8Array, text: string): RecordId {
  const { collection, key } = parseName(name);
  if (collection !== undefined && key !== undefined) return { collection, key };
  const start = revisionEnd(text) + 1;
  if (!text.startsWith(NAMED)) throw new CorruptRecordError("a record with a long name does not tell it");
  return namesAt(text, start);
}

function hasLayout(text: string): boolean {
  return text.length > REVISION && (text.startsWith(PLAIN) || text.startsWith(NAMED));
}

function revisionEnd(text: string): number {
  const end = hasLayout(text) ? text.indexOf(" ", REVISION) : -1;
  if (end === -1) throw new CorruptRecordError("the stored record has an unknown layout");
  return end;
}

function namesAt(text: string, start: number): RecordId & { readonly end: number } {
  const end = text.indexOf("\n", start);
  const names = end === -1 ? undefined : parseStored(text.slice(start, end));
  const [collection, key] = Array.isArray(names) ? names : [];
  if (typeof collection === "string" && typeof key === "string") return { collection, key, end };
  throw new CorruptRecordError("a record with a long name does not tell it");
}

/** The last one that was made: of a batch all have one time. */
let last = { time: 0, text: NO_TIME };

function timeText(time: number | undefined): string {
  if (time === undefined) return NO_TIME;
  if (time !== last.time) last = { time, text: time.toString(16).padStart(NO_TIME.length, "0") };
  return last.text;
}

function timeAt(text: string, offset: number): number | undefined {
  return text.startsWith(NO_TIME, offset)
    ? undefined
    : Number.parseInt(text.slice(offset, offset + NO_TIME.length), 16);
}
