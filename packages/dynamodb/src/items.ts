/**
 * Records as items of a table. The attributes are Python's: `collection` and `key`, which are the table's key, `value` (the
 * JSON text) and `ttl` (seconds); and one of ours beside them, `expires` (milliseconds), which conditions compare. When
 * Python overwrites an item, it is gone.
 */
import { createHash } from "node:crypto";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { CorruptRecordError, KeyValueError, ValueTooLargeError } from "@kv/core";
import {
  asKeyValueError,
  decodeEnvelope,
  encodeEnvelope,
  type InexactNumbers,
  isLive,
  type RecordId,
  type Settled,
  type StoredRecord,
  statedName,
} from "@kv/core/driver";

export type Item = Record<string, AttributeValue>;

/** What DynamoDB allows, in bytes of UTF-8. */
export const ITEM_BYTES = 400 * 1024;
const COLLECTION_BYTES = 2048;
const KEY_BYTES = 1024;

/** The last second of the year 9999: Python cannot read a later one. */
const LAST_SECOND = 253_402_300_799;

const HASH = /-H_[0-9a-f]{64}$/;
const HASH_BYTES = "-H_".length + 64;

/** Under which key the record of this name lies. */
export function keyOf({ collection, key }: RecordId): Item {
  return { collection: { S: storedName(collection, COLLECTION_BYTES) }, key: { S: storedName(key, KEY_BYTES) } };
}

/** What the stored forms of all collections whose names begin so begin with. */
export function collectionStart(prefix: string): string {
  return beginning(prefix, COLLECTION_BYTES - HASH_BYTES);
}

/** The same of keys. */
export function keyStart(prefix: string): string {
  return beginning(prefix, KEY_BYTES - HASH_BYTES);
}

/** For maps: the same for two keys only where they are the same. */
export function addressOf({ collection, key }: Item): string {
  return `${collection?.S?.length} ${collection?.S}${key?.S}`;
}

/** @throws ValueTooLargeError, InvalidValueError */
export function encodeItem(id: RecordId, record: StoredRecord): Item {
  const { expiresAt } = record;
  const item = {
    ...keyOf(id),
    value: { S: encodeEnvelope(id, record) },
    ...(expiresAt !== undefined && {
      // DynamoDB deletes by whole seconds, and must not do so early.
      ttl: { N: `${Math.min(Math.ceil(expiresAt / 1000), LAST_SECOND)}` },
      expires: { N: `${expiresAt}` },
    }),
  };
  // No character takes more than three bytes; the rest of the item is smaller than the names may be.
  if (item.value.S.length * 3 + 2 * COLLECTION_BYTES > ITEM_BYTES) {
    const size = sizeOf(item);
    if (size > ITEM_BYTES) throw new ValueTooLargeError(size, ITEM_BYTES);
  }
  return item;
}

/** @throws CorruptRecordError, InexactNumberError */
export function decodeItem(id: RecordId, item: Item, numbers: InexactNumbers): StoredRecord {
  const text = item.value?.S;
  if (text === undefined) throw new CorruptRecordError("what lies there is an item of another kind than a record");
  const { id: stated, record } = decodeEnvelope(text, numbers);
  if (stated.collection !== id.collection || stated.key !== id.key) {
    throw new CorruptRecordError("the record that lies there is one of another name");
  }
  return withExpiry(record, item);
}

/** An item of a listing that is a record. */
export interface Found {
  readonly id: RecordId;
  readonly record: Settled<StoredRecord>;
}

/** The record in an item; nothing where the names in it do not lead there, as in what another program keeps in the table. */
export function recognize(item: Item, numbers: InexactNumbers): Found | undefined {
  const text = item.value?.S;
  if (text === undefined) return undefined;
  const envelope = settled(() => decodeEnvelope(text, numbers));
  const { collection, key } = (envelope instanceof KeyValueError ? statedName(text) : envelope.id) ?? {};
  if (!collection || !key) return undefined;
  const id = { collection, key };
  if (addressOf(keyOf(id)) !== addressOf(item)) return undefined;
  const record = envelope instanceof KeyValueError ? envelope : settled(() => withExpiry(envelope.record, item));
  return { id, record };
}

/** Whether what was found counts as there: also where it cannot be read. */
export function isThere(record: Settled<StoredRecord>): boolean {
  return record instanceof KeyValueError || isLive(record);
}

export function settled<T>(attempt: () => T): Settled<T> {
  try {
    return attempt();
  } catch (error) {
    return asKeyValueError(error);
  }
}

/**
 * The name itself; of a longer one, and of one that looks like a stored form, its beginning and its hash, so that no two
 * names have the same form, and names that begin alike have forms that do.
 */
function storedName(name: string, limit: number): string {
  // No character takes more than three bytes.
  const fits = name.length * 3 <= limit || Buffer.byteLength(name) <= limit;
  if (fits && !HASH.test(name)) return name;
  return `${beginning(name, limit - HASH_BYTES)}-H_${createHash("sha256").update(name).digest("hex")}`;
}

/** The longest beginning of whole characters that takes no more than so many bytes. */
function beginning(name: string, limit: number): string {
  const bytes = Buffer.from(name);
  let end = Math.min(limit, bytes.length);
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** The record, which expires when the attributes of its item say. */
function withExpiry(record: StoredRecord, { ttl, expires }: Item): StoredRecord {
  if (ttl === undefined && expires === undefined) return record;
  const expiresAt = expires === undefined ? expiryOf(record, numberOf(ttl)) : numberOf(expires);
  return {
    value: record.value,
    get createdAt() {
      return record.createdAt;
    },
    expiresAt,
    get revision() {
      return record.revision;
    },
  };
}

/** As DynamoDB counts: names and values of the attributes. */
function sizeOf(item: Item): number {
  let size = 0;
  for (const [name, { S, N }] of Object.entries(item)) {
    size += name.length + (S === undefined ? digitBytes(N ?? "") : Buffer.byteLength(S));
  }
  return size;
}

/** Of a whole number: a byte for two digits without trailing zeros, counted from the right, and one more. */
function digitBytes(number: string): number {
  const significant = number.replace(/(?:00)+$/, "").length;
  return 1 + Math.ceil(significant / 2);
}

/** Of a record that Python wrote: its `ttl` is the start of the second in which the record expires by its text. */
function expiryOf({ expiresAt }: StoredRecord, ttl: number): number {
  const start = ttl * 1000;
  // Where somebody has changed `ttl`, it decides, as in Python.
  return expiresAt !== undefined && expiresAt >= start && expiresAt <= start + 1000 ? expiresAt : start;
}

function numberOf(attribute: AttributeValue | undefined): number {
  const number = Number(attribute?.N ?? Number.NaN);
  if (Number.isNaN(number)) throw new CorruptRecordError("the time to live of the stored record is no number");
  return number;
}
