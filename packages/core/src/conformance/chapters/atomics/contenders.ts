/** Chapter "atomics": many calls at once, and the revision that tells who won. */
import type { Capability } from "../../../capabilities.ts";
import type { Revision } from "../../../record.ts";
import type { Collection } from "../../../store.ts";
import { ok, show } from "../../assertions.ts";

export async function revisionOf<C extends Capability>(c: Collection<C>, key: string): Promise<Revision> {
  const entry = await c.getEntry(key);
  ok(entry, `getEntry(${show(key)}) of a record`);
  return entry.revision;
}

export const times = <T>(count: number, run: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => run(at)));
