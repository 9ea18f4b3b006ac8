/**
 * What lies in the folder: the file `format`, which holds {@link FORMAT} in ASCII, and the folder `data`, which is
 * RocksDB's. Only the owner may read them. RocksDB's keys are one letter and what follows it:
 *
 * - `r`: a name, as core's driver/folder/names.ts has it; the value is its record, see records.ts.
 * - `x`: a time and a name, as core's driver/folder/expiry-rows.ts has them; the value is the digit 1. At this time, which
 *   is not after its expiry, the record is to be looked at: each record that expires has such a row, maybe several, and
 *   some rows are of records that were overwritten or deleted since.
 *
 * Every version of this layout is read for ever: a change makes a new number.
 */
import { expiryRow, type Name } from "@kv/core/driver";
import type { Key, Range } from "./native.ts";

export const FORMAT = "kv-rocksdb 1";

const RECORD = Buffer.from("r");
const ROW = Buffer.from("x");
const MARK = 0xff;

/** A key that no record has. */
export const NO_RECORD = "r";

export const ROW_VALUE = "1";

export function recordKey(name: Name): Key {
  return Array.isArray(name) ? `r${name[0]}${name[1]}` : Buffer.concat([RECORD, name]);
}

/** The same key for bytes of a name that were read. */
export function recordKeyOf(name: Buffer): Key {
  return isHashed(name) ? Buffer.concat([RECORD, name]) : `r${name.toString("utf8")}`;
}

/** Whether it is the record that tells its whole name. */
export function isHashed(name: Buffer): boolean {
  return name.includes(MARK);
}

export function rowKey(time: number, name: Name): Buffer {
  return Buffer.concat([ROW, expiryRow(time, name)]);
}

export function recordRange(start: Buffer, end: Buffer): Range {
  return { gte: Buffer.concat([RECORD, start]), lt: Buffer.concat([RECORD, end]) };
}

/** The rows of all times from `first` to `last`. */
export function rowRange(first: Buffer, last: number): Range {
  return { gte: Buffer.concat([ROW, first]), lt: rowKey(last + 1, Buffer.alloc(0)) };
}

/** A key without its letter. */
export function withoutLetter(key: Buffer): Buffer {
  return key.subarray(1);
}

/**
 * When to look at a record that expires then. Rounded down to a sixteenth of the time that is left: so a record that is
 * overwritten again and again with a new expiry has a few rows only, and no write needs to know about those before it.
 */
export function dueOf(expiresAt: number, now: number): number {
  const step = 2 ** Math.floor(Math.log2(Math.max(16, expiresAt - now) / 16));
  return Math.floor(expiresAt / step) * step;
}
