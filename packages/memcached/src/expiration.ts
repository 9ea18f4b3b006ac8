/** When memcached may forget a record. The record's own expiry, which is exact, decides what is read. */
import type { StoredRecord } from "@kv/core/driver";

/** Longer times to live than 30 days are given as a moment, in seconds since the epoch. */
const LONGEST_RELATIVE = 30 * 24 * 3600;

/**
 * memcached reads its clock about every second, drops the fraction, and counts from there: an item lives up to two seconds
 * less than asked for, and on a busy machine by as much less as the reading is late. In seconds.
 */
const LATE = 10;

/** By how much the server's clock may be another than this one, which matters to moments alone. In seconds. */
const SKEW = 24 * 3600;

/** The last moment that some servers hold. What expires after it is kept for ever. */
const LAST_MOMENT = 2 ** 31 - 1;

/** As the protocol has it: seconds up to 30 days, a moment beyond that, 0 for never. Never too early. */
export function expirationOf({ expiresAt }: Pick<StoredRecord, "expiresAt">): number {
  if (expiresAt === undefined) return 0;
  const seconds = Math.max(0, Math.ceil((expiresAt - Date.now()) / 1000)) + LATE;
  if (seconds <= LONGEST_RELATIVE) return seconds;
  const moment = Math.ceil(expiresAt / 1000) + LATE + SKEW;
  return moment <= LAST_MOMENT ? moment : 0;
}
