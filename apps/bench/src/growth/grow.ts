/** The measurements of growth on one store. */
import type { Collection, KeyValueStore } from "@kv/core";
import { Data } from "../data.ts";
import { fill } from "../fill.ts";
import { Measurement } from "../measure.ts";
import { median } from "../statistics.ts";
import type { CallersPoint, GrowthBackend, GrowthOperation, RecordsPoint } from "./growth.ts";

type Store = KeyValueStore<"write" | "enumerate" | "clear">;
type Records = Collection<"write" | "enumerate" | "clear">;

const SMALLEST = 1000;
/** Records of one batch. */
const BATCH = 1000;
const MOST_EXPIRING = 100_000;
/** How long gets or puts are measured at each size: so often, so many milliseconds each. */
const PASSES = 5;
const PASS = 60;
/** Coprime to powers of ten: all keys have their turn, far apart from each other. */
const STRIDE = 7_919;

const CALLERS = [1, 3, 10, 30, 100, 300, 1000];

const value = { id: 1, name: "Ada Lovelace", email: "ada@mail.com", active: true, score: 41.5, tags: ["gift"] };
const keyOf = (index: number): string => `user:${10_000_000 + index}`;

export async function growRecords(
  backend: GrowthBackend,
  store: Store,
  most: number,
  progress: (now: string) => void,
): Promise<RecordsPoint[]> {
  const points: RecordsPoint[] = [];
  for (let records = SMALLEST; records <= most; records *= 10) {
    const point = (operation: GrowthOperation, microseconds: number): void => {
      points.push({ backend, operation, records, microseconds });
    };
    const collection = store.collection("grown");
    progress(`${records} records`);
    const filling = await took(() => putAll(collection, records));
    point("get", await eachTakes(records, (index) => collection.get(keyOf(index))));
    point("put", await eachTakes(records, (index) => collection.put(keyOf(index), value)));
    progress(`${records} records: enumerate, clear`);
    point("enumerate", (1000 * (await took(() => countAll(collection, records)))) / records);
    point("clear", (1000 * (await took(() => collection.clear()))) / records);
    // Redis does it by itself, and tells nobody. A disk would be filled for minutes.
    if (backend === "redis" || (backend === "disk" && records > MOST_EXPIRING)) continue;
    progress(`${records} records: expire`);
    point("expire", (1000 * (await expiring(store, records, filling))) / records);
  }
  return points;
}

export async function growCallers(
  backend: GrowthBackend,
  store: Store,
  progress: (now: string) => void,
): Promise<CallersPoint[]> {
  const data = new Data("100 B");
  const records = store.collection("called");
  await fill(records, data);
  const points: CallersPoint[] = [];
  for (const callers of CALLERS) {
    progress(`${callers} callers`);
    const measurement = new Measurement(records, { operation: "get", size: "100 B", concurrency: callers }, data);
    await measurement.warmUp(200);
    const samples = [];
    for (let pass = 0; pass < PASSES; pass++) samples.push(await measurement.round({ counted: PASS * 2, timed: PASS }));
    points.push({
      backend,
      callers,
      perSecond: median(samples.map(({ operationsPerSecond }) => operationsPerSecond)),
      p99: 1000 * median(samples.map(({ p99 }) => p99)),
    });
  }
  return points;
}

/** Milliseconds that all of them take to be gone once their time has come, by the sweep that programs call. */
async function expiring(store: Store, records: number, filling: number): Promise<number> {
  // None may expire before the last has been put, on a machine that has become slower, too.
  const expiresAt = Date.now() + filling * 2 + 500;
  await putAll(store.collection("expiring"), records, expiresAt);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, expiresAt - Date.now())));
  return took(() => store.cull());
}

async function putAll(collection: Records, records: number, expiresAt?: number): Promise<void> {
  for (let start = 0; start < records; start += BATCH) {
    const length = Math.min(BATCH, records - start);
    const entries = Array.from({ length }, (_, index) => {
      const key = keyOf(start + index);
      return expiresAt === undefined ? { key, value } : { key, value, expiresAt };
    });
    await collection.putMany(entries);
  }
}

async function countAll(collection: Records, expected: number): Promise<void> {
  let count = 0;
  for await (const _ of collection.keys()) count++;
  if (count !== expected) throw new Error(`${count} of ${expected} records came`);
}

/** Microseconds for one call, one after another: the median of a few passes. */
async function eachTakes(records: number, act: (index: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  let index = 0;
  // The first one warms up.
  for (let pass = 0; pass <= PASSES; pass++) {
    globalThis.gc?.();
    const start = performance.now();
    const end = start + PASS;
    let count = 0;
    while (performance.now() < end) {
      for (let time = 0; time < 10; time++) await act((index++ * STRIDE) % records);
      count += 10;
    }
    times.push((performance.now() - start) / count);
  }
  return 1000 * median(times.slice(1));
}

async function took(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}
