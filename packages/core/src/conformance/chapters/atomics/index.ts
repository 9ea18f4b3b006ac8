/** Chapter "atomics": what is done in one step, whoever else is at it. */
import type { Property } from "../../property.ts";
import { compare } from "./compare.ts";
import { increment } from "./increment.ts";
import { mixedWriters } from "./mixed-writers.ts";
import { putIfAbsent } from "./put-if-absent.ts";
import { revisions } from "./revisions.ts";
import { take } from "./take.ts";
import { update } from "./update.ts";

export const atomics: readonly Property[] = [
  ...putIfAbsent,
  ...take,
  ...compare,
  ...revisions,
  ...increment,
  ...update,
  ...mixedWriters,
];
