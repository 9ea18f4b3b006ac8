/** What lies in the near store in the place of a record. */
import type { StoredRecord } from "../../driver/driver.ts";
import type { JsonValue } from "../../json.ts";
import type { Revision } from "../../record.ts";

/** What lies near of a record. Times are milliseconds since the epoch. */
export interface Copy {
  /** When it began to be read, or had been written. */
  readonly cached_at: number;
  /** Absent: there is none. */
  readonly record?: {
    readonly value: JsonValue;
    readonly created_at?: number | undefined;
    readonly expires_at?: number | undefined;
    readonly revision: string;
  };
}

export function copyOf(record: StoredRecord | undefined, cachedAt: number) {
  if (!record) return { cached_at: cachedAt };
  const { value, createdAt, expiresAt, revision } = record;
  return { cached_at: cachedAt, record: { value, created_at: createdAt, expires_at: expiresAt, revision } };
}

export function isCopy(value: JsonValue | undefined): value is JsonValue & Copy {
  return typeof value === "object" && value !== null && "cached_at" in value && typeof value.cached_at === "number";
}

export function recordOf({ record }: Copy): StoredRecord | undefined {
  if (!record) return undefined;
  const { value, created_at: createdAt, expires_at: expiresAt, revision } = record;
  return { value, createdAt, expiresAt, revision: revision as Revision };
}
