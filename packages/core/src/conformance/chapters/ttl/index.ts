/**
 * Chapter "ttl": a record is there until its time has come, to the millisecond, and absent to every operation after it.
 * The clock is the real one. A put happened between two stamps: until the first plus the TTL its record must be there,
 * from the second plus the TTL on it must be gone.
 */
import type { Property } from "../../property.ts";
import { absent } from "./absent.ts";
import { absentToAtomics } from "./absent-to-atomics.ts";
import { atomics } from "./atomics.ts";
import { cull } from "./cull.ts";
import { exact } from "./exact.ts";
import { invalid } from "./invalid.ts";
import { puts } from "./puts.ts";

export const ttl: readonly Property[] = [
  ...exact,
  ...puts,
  ...absent,
  ...absentToAtomics,
  ...atomics,
  ...cull,
  ...invalid,
];
