/** Counts and durations of what goes through a store. */
import type { Operation } from "../driver/driver.ts";
import { around, defineLayer, type Layer, type Subject } from "../driver/layer.ts";
import { observed } from "../driver/observe.ts";
import type { ErrorCode, KeyValueError } from "../errors.ts";
import { collectionOf, type Found, failuresIn, foundIn } from "./answers.ts";
import { Histogram } from "./histogram.ts";
import { checkOptions, countOf } from "./options.ts";

export interface StatisticsOptions {
  /** How many collections are told apart; those that come later are counted together as `others`. Default: 100. */
  readonly maxCollections?: number;
}

export interface OperationStatistics {
  /** Exchanges with the backend; a batch is one. */
  readonly count: number;
  /** Records that were there, and that were not: of `get`, `getMany`, `take`, `delete`, `deleteMany`. */
  readonly hits: number;
  readonly misses: number;
  /** How often it failed, by code; of a batch that failed in part each record. */
  readonly errors: { readonly [code in ErrorCode]?: number };
  /** Of all exchanges, also those that failed, in milliseconds; percentiles to about 6 %. */
  readonly latency: {
    readonly mean: number;
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
}

export type StatisticsByOperation = { readonly [operation in Operation]?: OperationStatistics };

export interface StatisticsSnapshot {
  /** When counting began. */
  readonly since: Date;
  /** Of everything. */
  readonly total: StatisticsByOperation;
  readonly collections: { readonly [name: string]: StatisticsByOperation };
  /** Of the collections beyond `maxCollections`. */
  readonly others: StatisticsByOperation;
}

export interface Statistics extends Layer {
  /** What was counted so far, as data of the caller's own. */
  snapshot(): StatisticsSnapshot;
  /** Begins anew. */
  reset(): void;
}

type Counters = Map<Operation, Counter>;

/**
 * Counts exchanges, hits, misses and errors, and how long exchanges take, by collection and operation. Put on several
 * stores, the same layer counts all of them together.
 * @throws InvalidArgumentError
 */
export function statistics(options: StatisticsOptions = {}): Statistics {
  checkOptions(options, "statistics");
  const maxCollections = countOf(options.maxCollections ?? 100, "maxCollections", 0);
  let since = new Date();
  const collections = new Map<string, Counters>();
  /** Of exchanges that are no collection's own: a ping, the names of all collections. */
  const general: Counters = new Map();
  const others: Counters = new Map();

  function countersOf(collection: string | undefined): Counters {
    if (collection === undefined) return general;
    let counters = collections.get(collection);
    if (counters === undefined) {
      if (collections.size >= maxCollections) return others;
      counters = new Map();
      collections.set(collection, counters);
    }
    return counters;
  }

  function counterOf(subject: Subject): Counter {
    const counters = countersOf(collectionOf(subject));
    let counter = counters.get(subject.operation);
    if (counter === undefined) {
      counter = new Counter();
      counters.set(subject.operation, counter);
    }
    return counter;
  }

  const layer = defineLayer("statistics", (inner) =>
    around(inner, (subject, call, exchange) => {
      const began = performance.now();
      return observed(call, exchange, (error, answer) => {
        const counter = counterOf(subject);
        if (error) counter.failed(error, performance.now() - began);
        else counter.answered(performance.now() - began, foundIn(subject, answer, inner.capabilities), answer);
      });
    }),
  );
  return {
    ...layer,
    snapshot() {
      const named: { [name: string]: StatisticsByOperation } = Object.create(null);
      for (const [name, counters] of collections) named[name] = readingOf([counters]);
      return {
        since: new Date(since),
        total: readingOf([...collections.values(), others, general]),
        collections: named,
        others: readingOf([others]),
      };
    },
    reset() {
      since = new Date();
      for (const counters of [collections, others, general]) counters.clear();
    },
  };
}

class Counter {
  readonly #latency = new Histogram();
  #hits = 0;
  #misses = 0;
  readonly #errors = new Map<ErrorCode, number>();

  answered(milliseconds: number, { hits, misses }: Found, answer: unknown): void {
    this.#latency.add(milliseconds);
    this.#hits += hits;
    this.#misses += misses;
    for (const code of failuresIn(answer)) this.#count(code, 1);
  }

  failed({ code }: KeyValueError, milliseconds: number): void {
    this.#latency.add(milliseconds);
    this.#count(code, 1);
  }

  merge(other: Counter): void {
    this.#latency.merge(other.#latency);
    this.#hits += other.#hits;
    this.#misses += other.#misses;
    for (const [code, times] of other.#errors) this.#count(code, times);
  }

  read(): OperationStatistics {
    const latency = this.#latency;
    return {
      count: latency.count,
      hits: this.#hits,
      misses: this.#misses,
      errors: Object.fromEntries(this.#errors),
      latency: {
        mean: latency.mean,
        p50: latency.percentile(0.5),
        p90: latency.percentile(0.9),
        p99: latency.percentile(0.99),
        max: latency.max,
      },
    };
  }

  #count(code: ErrorCode, times: number): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + times);
  }
}

/** What several have counted, taken together. */
function readingOf(all: readonly Counters[]): StatisticsByOperation {
  const merged: Counters = new Map();
  for (const counters of all) {
    for (const [operation, counter] of counters) {
      const sum = merged.get(operation) ?? new Counter();
      sum.merge(counter);
      merged.set(operation, sum);
    }
  }
  return Object.fromEntries([...merged].map(([operation, counter]) => [operation, counter.read()]));
}
