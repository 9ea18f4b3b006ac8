/** The loop in which every contender is measured: callers that wait for their answer before they call again. */
import type { Case } from "./cases.ts";
import type { Records } from "./contender.ts";
import type { Data } from "./data.ts";
import { isPrepared, MOST_PREPARED, operations } from "./operations.ts";

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

export class Measurement {
  readonly #records: Records;
  readonly #case: Case;
  readonly #data: Data;
  readonly #most: number;
  /** As last seen, to know how many operations fill a round. Operations a millisecond. */
  #rate = 0;

  constructor(records: Records, one: Case, data: Data) {
    this.#records = records;
    this.#case = one;
    this.#data = data;
    this.#most = isPrepared(one.operation) ? MOST_PREPARED : Number.POSITIVE_INFINITY;
  }

  /** Runs until the time is over, in growing steps, so that the code is compiled and the speed is known. */
  async warmUp(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    let count = this.#case.concurrency;
    do {
      this.#rate = count / (await this.#count(count)).elapsed;
      count = Math.min(count * 2, this.#fitting(Math.max(1, milliseconds / 4)));
    } while (performance.now() < end);
  }

  async round(length: RoundLength): Promise<Sample> {
    // Until code and data are in the caches again. What garbage there is stays, as in a server: a collection by force takes
    // from the heap the room that it had grown to, which costs who makes more garbage far more than in a steady process.
    await this.#count(this.#fitting(length.counted / 2));
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

  /** So many operations, one after another and nothing else. */
  async perform(count: number): Promise<void> {
    const { perform } = operations[this.#case.operation];
    for (let index = 0; index < count; index++) await perform(this.#records, this.#data, index);
  }

  async prepare(count: number): Promise<void> {
    await operations[this.#case.operation].prepare?.(this.#records, this.#data, count);
  }

  async cleanUp(count: number): Promise<void> {
    await operations[this.#case.operation].cleanUp?.(this.#records, this.#data, count);
  }

  #fitting(milliseconds: number): number {
    return Math.min(this.#most, Math.max(this.#case.concurrency, Math.ceil(this.#rate * milliseconds)));
  }

  /** How long `count` operations take, in milliseconds: two looks at the clock, however many they are. */
  async #count(count: number): Promise<{ readonly elapsed: number; readonly cpu: number }> {
    const data = this.#data;
    const records = this.#records;
    const { perform, done = () => true } = operations[this.#case.operation];
    let begun = 0;
    let undone = 0;
    const caller = async (): Promise<void> => {
      while (begun < count) if (!done(await perform(records, data, begun++))) undone++;
    };
    await this.prepare(count);
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    await this.#together(caller);
    const elapsed = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuBefore);
    await this.cleanUp(count);
    if (undone > 0) throw new Error(`${this.#case.operation}: ${undone} of ${count} were not done`);
    return { elapsed, cpu: (user + system) / 1000 };
  }

  /** How long each of `count` operations takes for its caller, in milliseconds, ascending. */
  async #time(count: number): Promise<Float64Array> {
    const data = this.#data;
    const records = this.#records;
    const { perform } = operations[this.#case.operation];
    const times = new Float64Array(count);
    let begun = 0;
    const caller = async (): Promise<void> => {
      while (begun < count) {
        const index = begun++;
        const start = performance.now();
        await perform(records, data, index);
        times[index] = performance.now() - start;
      }
    };
    await this.prepare(count);
    await this.#together(caller);
    await this.cleanUp(count);
    return times.sort();
  }

  async #together(caller: () => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: this.#case.concurrency }, caller));
  }
}

function percentile(ascending: Float64Array, part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))] ?? Number.NaN;
}
