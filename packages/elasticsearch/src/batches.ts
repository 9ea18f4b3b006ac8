/** Batches, of which each record succeeds or fails on its own. */
import { KeyValueError } from "@kv/core";
import type { Settled } from "@kv/core/driver";

/** The answers in the order of the items. A batch may hold records of several collections; most hold those of one. */
export async function byIndex<T, R>(
  items: readonly T[],
  indexOf: (item: T) => string,
  run: (index: string, some: readonly T[]) => Promise<readonly Settled<R>[]>,
): Promise<readonly Settled<R>[]> {
  const groups = new Map<string, { readonly places: number[]; readonly some: T[] }>();
  for (const [place, item] of items.entries()) {
    const index = indexOf(item);
    const group = groups.get(index) ?? { places: [], some: [] };
    groups.set(index, group);
    group.places.push(place);
    group.some.push(item);
  }
  const answers: Settled<R>[] = [];
  for (const [index, { places, some }] of groups) {
    // What fails as a whole is not to hide what became of the others.
    const results = await run(index, some).catch((error: unknown): Settled<R>[] => {
      if (groups.size > 1 && error instanceof KeyValueError) return some.map(() => error);
      throw error;
    });
    for (const [nth, place] of places.entries()) answers[place] = results[nth] as Settled<R>;
  }
  return answers;
}

/** The answer, or the error in its place. */
export function settled<T>(attempt: () => T): Settled<T> {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof KeyValueError) return error;
    throw error;
  }
}

/** What is read for a write that is yet to be sent: should that fail, the write was not applied. */
export function unsent<T>(reading: Promise<T>): Promise<T> {
  return reading.catch((error: unknown) => {
    if (error instanceof KeyValueError) error.outcome = "not-applied";
    throw error;
  });
}
