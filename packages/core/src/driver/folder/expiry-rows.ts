/**
 * The keys of an index of expiries: six bytes of a time, in milliseconds since the epoch, unsigned and big-endian, and a
 * name (see names.ts). So they are in the order of their times. Read for ever.
 */
import { bytesOf, type Name } from "./names.ts";

export function expiryRow(time: number, name: Name): Buffer {
  const bytes = bytesOf(name);
  const row = Buffer.allocUnsafe(6 + bytes.length);
  row.writeUIntBE(time, 0, 6);
  row.set(bytes, 6);
  return row;
}

export function parseExpiryRow(row: Buffer): { readonly time: number; readonly name: Buffer } {
  return { time: row.readUIntBE(0, 6), name: row.subarray(6) };
}
