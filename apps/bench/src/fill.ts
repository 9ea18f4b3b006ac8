/** What lies in a contender before it is measured. */
import { isDeepStrictEqual } from "node:util";
import type { Entry, Records } from "./contender.ts";
import { type Data, KEYS } from "./data.ts";
import { together } from "./together.ts";

/** Stores what the cases get and overwrite, and sees that it comes back as it was. */
export async function fill(records: Records, data: Data): Promise<void> {
  await putAll(records, data);
  await together(data.count, async (index) => {
    if (!isDeepStrictEqual(await records.get(data.key(index)), data.value(index))) {
      throw new Error(`${data.key(index)} does not come back as it was put`);
    }
  });
}

export async function putAll(records: Records, data: Data): Promise<void> {
  await together(data.count, (index) => records.put(data.key(index), data.value(index)));
}

export async function empty(records: Records, data: Data): Promise<void> {
  await together(data.count, (index) => records.delete(data.key(index)));
  await together(KEYS, (index) => records.delete(data.counter(index)));
}

/** Most records in one batch. */
const BATCH = 1000;

/** Stores so many records under names of their own, quickly where the contender has batches. */
export async function fillMany(records: Records, count: number, value: Entry["value"]): Promise<void> {
  const key = (index: number): string => `record:${100_000 + index}`;
  if (records.putMany === undefined) return together(count, (index) => records.put(key(index), value));
  for (let start = 0; start < count; start += BATCH) {
    const length = Math.min(BATCH, count - start);
    await records.putMany(Array.from({ length }, (_, index) => ({ key: key(start + index), value })));
  }
}
