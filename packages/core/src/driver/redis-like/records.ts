/** Records as Redis-like servers keep them: the name, the text, the time to live. */
import { CorruptRecordError, ValueTooLargeError } from "../../errors.ts";
import type { RecordId, StoredRecord } from "../driver.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope, type InexactNumbers } from "../envelope.ts";
import { joinNames, splitName } from "../names.ts";

/** The longest string that JavaScript holds is a little shorter than what Redis takes by default, 512 MiB. */
export const RECORD_BYTES = 511 * 2 ** 20;

export function nameOf({ collection, key }: RecordId): string {
  return joinNames(collection, key, "::");
}

export function idOf(name: string | null): RecordId | undefined {
  const parts = name === null ? undefined : splitName(name, "::");
  return parts && parts.rest !== "" ? { collection: parts.first, key: parts.rest } : undefined;
}

/** @throws ValueTooLargeError */
export function encode(id: RecordId, record: StoredRecord): string {
  const text = encodeEnvelope(id, record);
  // No character takes more than three bytes.
  if (text.length > RECORD_BYTES / 3) {
    const size = new TextEncoder().encode(text).length;
    if (size > RECORD_BYTES) throw new ValueTooLargeError(size, RECORD_BYTES);
  }
  return text;
}

/** @throws CorruptRecordError, InexactNumberError */
export function decode(text: string, numbers: InexactNumbers): Envelope {
  const envelope = decodeEnvelope(text, numbers);
  // Bytes that are no UTF-8 would be read as something else than they are. What we write is; Python's is ASCII.
  if (!envelope.ours && text.includes("\ufffd")) throw new CorruptRecordError("the stored record is not UTF-8");
  return envelope;
}

/**
 * PX of a record. The server hides it one millisecond after that time, not from it on. What has expired on the way there
 * is gone soon enough.
 */
export function ttlOf({ expiresAt }: StoredRecord): number | undefined {
  return expiresAt === undefined ? undefined : Math.max(1, expiresAt - Date.now() - 1);
}

export function expiryArguments(record: StoredRecord): string[] {
  const ttl = ttlOf(record);
  return ttl === undefined ? [] : ["PX", `${ttl}`];
}
