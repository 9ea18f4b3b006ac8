/** The loop in which every contender is measured: callers that wait for their answer before they call again. */
import { isDeepStrictEqual } from "node:util";
import type { Case } from "./cases.ts";
import type { Records } from "./contender.ts";
import { Data, KEYS } from "./data.ts";
import { operations, type Perform } from "./operations.ts";

/** One round. Times in milliseconds. */
export interface Sample {
  readonly operationsPerSecond: number;
  /** Processor time of the contender's process for one operation, garbage collection and compiling included. */
  readonly cpu: number;
  readonly p50: number;
  readonly p99: number;
}

export interface RoundLength {
  /** About how long the pass that only counts takes, in milliseconds. */
  readonly counted: number;
  /** The same of the pass that takes a time for each operation. */
  readonly timed: number;
}

/** How much of a round goes before its clock starts, to bring code and data back into the caches. */
const LEAD_IN = 0.1;

export class Measurement {
  readonly #records: Records;
  readonly #perform: Perform;
  readonly #answers: boolean;
  readonly #concurrency: number;
  readonly #data: Data;
  /** As last seen, to know how many operations fill a round. Operations a millisecond. */
  #rate = 0;

  constructor(records: Records, { operation, size, concurrency }: Case) {
    this.#records = records;
    this.#perform = operations[operation].perform;
    this.#answers = operations[operation].answers;
    this.#concurrency = concurrency;
    this.#data = new Data(size);
  }

  /** Runs until the time is over, in growing steps, so that the code is compiled and the speed is known. */
  async warmUp(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    let count = this.#concurrency;
    do {
      this.#rate = count / (await this.#count(count)).elapsed;
      count = Math.min(count * 2, this.#fitting(Math.max(1, milliseconds / 4)));
    } while (performance.now() < end);
  }

  async round(length: RoundLength): Promise<Sample> {
    globalThis.gc?.();
    await this.#count(this.#fitting(length.counted * LEAD_IN));
    const count = this.#fitting(length.counted);
    const { elapsed, cpu } = await this.#count(count);
    this.#rate = count / elapsed;
    const times = await this.#time(this.#fitting(length.timed));
    return {
      operationsPerSecond: this.#rate * 1000,
      cpu: cpu / count,
      p50: percentile(times, 0.5),
      p99: percentile(times, 0.99),
    };
  }

  #fitting(milliseconds: number): number {
    return Math.max(this.#concurrency, Math.ceil(this.#rate * milliseconds));
  }

  /** How long `count` operations take, in milliseconds: two looks at the clock, however many they are. */
  async #count(count: number): Promise<{ readonly elapsed: number; readonly cpu: number }> {
    const data = this.#data;
    const records = this.#records;
    const perform = this.#perform;
    let begun = 0;
    let answered = 0;
    const caller = async (): Promise<void> => {
      while (begun < count) {
        const index = begun++;
        const answer = await perform(records, data.key(index), data.value(index));
        if (answer !== undefined) answered++;
      }
    };
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    await this.#together(caller);
    const elapsed = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuBefore);
    if (this.#answers && answered !== count) throw new Error(`${count - answered} of ${count} gets found nothing`);
    return { elapsed, cpu: (user + system) / 1000 };
  }

  /** How long each of `count` operations takes for its caller, in milliseconds, ascending. */
  async #time(count: number): Promise<Float64Array> {
    const data = this.#data;
    const records = this.#records;
    const perform = this.#perform;
    const times = new Float64Array(count);
    let begun = 0;
    const caller = async (): Promise<void> => {
      while (begun < count) {
        const index = begun++;
        const start = performance.now();
        await perform(records, data.key(index), data.value(index));
        times[index] = performance.now() - start;
      }
    };
    await this.#together(caller);
    return times.sort();
  }

  async #together(caller: () => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: this.#concurrency }, caller));
  }
}

/** Stores what the cases get and overwrite, and sees that it comes back as it was. */
export async function fill(records: Records, data: Data): Promise<void> {
  await forEachKey((index) => records.put(data.key(index), data.value(index)));
  await forEachKey(async (index) => {
    if (!isDeepStrictEqual(await records.get(data.key(index)), data.value(index))) {
      throw new Error(`${data.key(index)} does not come back as it was put`);
    }
  });
}

export async function empty(records: Records, data: Data): Promise<void> {
  await forEachKey((index) => records.delete(data.key(index)));
}

/** All at once: one by one they would take a disk seconds. */
async function forEachKey(act: (index: number) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: KEYS }, (_, index) => act(index)));
}

function percentile(ascending: Float64Array, part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))] ?? Number.NaN;
}
