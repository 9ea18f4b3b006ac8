/** What may be stored beside the value: keys and collections, times to live, and the entry that users read. */
import { InvalidArgumentError, InvalidNameError, InvalidTtlError } from "./errors.ts";

declare const brand: unique symbol;
/** Identifies one write of one record. Opaque; compare with `===`, hand back to `compareAndSwap`. */
export type Revision = string & { readonly [brand]: "Revision" };

/** A number of seconds, or digits with a unit: `"500ms"`, `"1.5s"`, `"15m"`, `"2h"`, `"30d"`, `"1w"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}`;

/** When a record ends: after `ttl`, or at `expiresAt` (a Date, or milliseconds since the epoch); never without either. */
export type Expiry =
  | { readonly ttl?: Duration | undefined; readonly expiresAt?: undefined }
  | { readonly ttl?: undefined; readonly expiresAt?: Date | number | undefined };

/** A record with what is known about it. */
export interface Entry<Out> {
  readonly key: string;
  readonly value: Out;
  /** Absent on a record of another writer that kept no such time. */
  readonly createdAt?: Date;
  readonly expiresAt?: Date;
  /** Seconds left when it was read, more than 0; absent on what never expires. */
  readonly ttl?: number;
  readonly revision: Revision;
}

/** The last millisecond of the year 9999, the end of ISO timestamps and of most backends' dates. */
const LAST_MOMENT = 253_402_300_799_999;

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** @throws InvalidNameError */
export function checkName(name: unknown, what: "key" | "collection" | "prefix"): asserts name is string {
  if (typeof name !== "string") throw new InvalidNameError(`a ${what} must be a string, not ${kindOf(name)}`);
  if (name.length === 0) throw new InvalidNameError(`a ${what} must not be empty`);
  if (!name.isWellFormed())
    throw new InvalidNameError(`a ${what} must be well-formed Unicode, without lone surrogates`);
}

/**
 * When a record written at `now` expires, in milliseconds since the epoch; `undefined` for never.
 * @throws InvalidTtlError
 */
export function expiryOf(expiry: Expiry | undefined, now: number): number | undefined {
  if (expiry === undefined || (expiry.ttl === undefined && expiry.expiresAt === undefined)) return undefined;
  if (expiry.ttl !== undefined && expiry.expiresAt !== undefined) {
    throw new InvalidTtlError("give either ttl or expiresAt, not both");
  }
  const moment = expiry.ttl !== undefined ? now + ttlOf(expiry.ttl) : momentOf(expiry.expiresAt);
  if (moment <= now) throw new InvalidTtlError("expiresAt must lie in the future");
  if (moment > LAST_MOMENT) throw new InvalidTtlError("a record must expire before the year 10000");
  return moment;
}

/** Milliseconds, rounded up so that nothing vanishes early. A number is in seconds. */
function ttlOf(ttl: unknown): number {
  const milliseconds = typeof ttl === "number" ? ttl * 1000 : durationOf(ttl);
  if (milliseconds === undefined || !(milliseconds > 0) || milliseconds === Number.POSITIVE_INFINITY) {
    throw new InvalidTtlError(
      `a TTL must be a positive number of seconds or a duration such as "15m", not ${quote(ttl)}`,
    );
  }
  return Math.max(1, Math.ceil(Math.round(milliseconds * 1000) / 1000));
}

function momentOf(expiresAt: unknown): number {
  const moment = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  if (typeof moment !== "number" || !Number.isFinite(moment)) {
    throw new InvalidTtlError(
      `expiresAt must be a Date or a number of milliseconds since the epoch, not ${quote(expiresAt)}`,
    );
  }
  return Math.ceil(moment);
}

/**
 * A timeout in milliseconds: a number is in milliseconds already, as everywhere in Node.js; or a duration string.
 * @throws InvalidArgumentError
 */
export function timeoutOf(timeout: unknown): number {
  const milliseconds = typeof timeout === "number" ? timeout : durationOf(timeout);
  if (milliseconds === undefined || !(milliseconds > 0) || milliseconds > 2 ** 31 - 1) {
    throw new InvalidArgumentError(
      `a timeout must be a positive number of milliseconds, at most 24 days, or a duration such as "2s", not ${quote(timeout)}`,
    );
  }
  return milliseconds;
}

function durationOf(text: unknown): number | undefined {
  const match = typeof text === "string" ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text) : null;
  return match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : undefined;
}

/** What was given, for a message: options are the program's own words, but only short ones are repeated. */
function quote(given: unknown): string {
  if (typeof given === "string") return given.length <= 20 ? JSON.stringify(given) : "this string";
  return typeof given === "number" ? String(given) : kindOf(given);
}

export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** A text for a record's two names, in this process: another one for each record. */
export function recordName({ collection, key }: { readonly collection: string; readonly key: string }): string {
  return `${collection.length} ${collection}${key}`;
}
