/** What lies in the near store in the place of a record. */
import type { StoredRecord } from "../../driver/driver.ts";
import type { JsonValue } from "../../json.ts";
import { type KeptRecord, keptRecord } from "../kept-record.ts";

export interface Copy {
  /** When it began to be read, or had been written, in milliseconds since the epoch. */
  readonly cached_at: number;
  /** Absent: there is none. */
  readonly record?: KeptRecord;
}

export function copyOf(record: StoredRecord | undefined, cachedAt: number) {
  return { cached_at: cachedAt, ...(record && { record: keptRecord(record) }) };
}

export function isCopy(value: JsonValue | undefined): value is JsonValue & Copy {
  return typeof value === "object" && value !== null && "cached_at" in value && typeof value.cached_at === "number";
}
