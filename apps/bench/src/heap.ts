/** How much of the heap a record takes in memory. */
import type { Contender } from "./contender.ts";
import { Data } from "./data.ts";

const RECORDS = 10_000;

/**
 * Bytes for each record: its key and a value of about 100 bytes of JSON, of their own for each record. Where the
 * contender keeps the value that it is given, the value counts.
 */
export async function weigh(contender: Contender): Promise<number> {
  const records = contender.collection("weighed");
  const data = new Data("100 B");
  // What is made on first use does not count.
  for (let index = 0; index < 100; index++) await records.put(`first:${index}`, data.value(index));
  const before = await held();
  for (let index = 0; index < RECORDS; index++) {
    await records.put(`user:${100_000 + index}`, structuredClone(data.value(index)));
  }
  return ((await held()) - before) / RECORDS;
}

/** What is reachable, after all that was to happen later. */
async function held(): Promise<number> {
  for (let time = 0; time < 3; time++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    globalThis.gc?.();
  }
  return process.memoryUsage().heapUsed;
}
