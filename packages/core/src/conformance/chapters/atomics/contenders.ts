/** Chapter "atomics": many calls at once, and the revision that tells who won. */
import type { Capability } from "../../../capabilities.ts";
import type { Revision } from "../../../record.ts";
import type { Collection } from "../../../store.ts";
import { equal, ok, show } from "../../assertions.ts";

/** The revision of a record, which must be there. */
export async function revisionOf<C extends Capability>(c: Collection<C>, key: string): Promise<Revision> {
  const entry = await c.getEntry(key);
  ok(entry, `getEntry(${show(key)}) of a record`);
  return entry.revision;
}

/** So many calls at once. */
export const times = <T>(count: number, run: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => run(at)));

/** The only one of the callers that got an answer. */
export function winnerOf<T>(
  answers: readonly (T | undefined)[],
  what: string,
): { readonly at: number; readonly answer: T } {
  const winners = answers.flatMap((answer, at) => (answer === undefined ? [] : [{ at, answer }]));
  equal(winners.length, 1, what);
  const [winner] = winners;
  ok(winner, what);
  return winner;
}
