/** Records as memcached keeps them: Python's JSON text, and a time after which it is forgotten. */
import { CorruptRecordError, ValueTooLargeError } from "@kv/core";
import { decodeEnvelope, encodeEnvelope, type InexactNumbers, type RecordId, type StoredRecord } from "@kv/core/driver";
import { expirationOf } from "./expiration.ts";

/** What is stored under a key. */
export interface Item {
  readonly value: string;
  readonly expiration: number;
}

/** @throws ValueTooLargeError, InvalidValueError */
export function itemOf(id: RecordId, record: StoredRecord, recordBytes: number): Item {
  const value = encodeEnvelope(id, record);
  // No character takes more than three bytes.
  if (value.length > recordBytes / 3) {
    const size = Buffer.byteLength(value);
    if (size > recordBytes) throw new ValueTooLargeError(size, recordBytes);
  }
  return { value, expiration: expirationOf(record) };
}

/** The record in a text that lies under the key of this name. @throws CorruptRecordError, InexactNumberError */
export function recordIn(id: RecordId, text: string, numbers: InexactNumbers): StoredRecord {
  const envelope = decodeEnvelope(text, numbers);
  // Bytes that are no UTF-8 would be read as something else than they are. What we write is; Python's is ASCII.
  if (!envelope.ours && text.includes("\ufffd")) throw new CorruptRecordError("the stored record is not UTF-8");
  if (envelope.id.key !== id.key || envelope.id.collection !== id.collection) {
    throw new CorruptRecordError("the record that lies there is one of another name");
  }
  return envelope.record;
}
