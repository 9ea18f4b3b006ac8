/** What lies in the second store of a record that was written, or deleted, in an outage. */
import { isLive, type StoredRecord } from "../../driver/driver.ts";
import type { KeyValueError } from "../../errors.ts";
import type { JsonValue } from "../../json.ts";
import { type KeptRecord, keptRecord, recordOf } from "../kept-record.ts";

export interface Left {
  /** In milliseconds since the epoch. */
  readonly written_at: number;
  /** Absent: it was deleted. */
  readonly record?: KeptRecord;
}

export function leftOf(record: StoredRecord | undefined) {
  return { written_at: Date.now(), ...(record && { record: keptRecord(record) }) };
}

export function isLeft(value: JsonValue | KeyValueError | undefined): value is JsonValue & Left {
  return typeof value === "object" && value !== null && "written_at" in value && typeof value.written_at === "number";
}

/** The record, unless it was deleted or has expired. */
export function liveRecordOf({ record }: Left): StoredRecord | undefined {
  return record && isLive({ expiresAt: record.expires_at }) ? recordOf(record) : undefined;
}
