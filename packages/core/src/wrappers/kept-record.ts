/** A record as a value in another store: in the near one of a cache, in the second one of a fallback. */
import type { StoredRecord } from "../driver/driver.ts";
import type { JsonValue } from "../json.ts";
import type { Revision } from "../record.ts";

/** Times are milliseconds since the epoch. */
export interface KeptRecord {
  readonly value: JsonValue;
  readonly created_at?: number | undefined;
  readonly expires_at?: number | undefined;
  readonly revision: string;
}

export function keptRecord({ value, createdAt, expiresAt, revision }: StoredRecord) {
  return { value, created_at: createdAt, expires_at: expiresAt, revision };
}

export function recordOf({ value, created_at, expires_at, revision }: KeptRecord): StoredRecord {
  return { value, createdAt: created_at, expiresAt: expires_at, revision: revision as Revision };
}
