/** The operations under measurement: one call of each, and what it needs before and leaves behind. */
import type { Contender, Records } from "./contender.ts";
import { BATCH, type Data, KEYS } from "./data.ts";
import { putAll } from "./fill.ts";
import { together } from "./together.ts";

export type OperationName =
  | "get"
  | "get miss"
  | "put"
  | "put with TTL"
  | "getMany(100)"
  | "putMany(100)"
  | "delete"
  | "putIfAbsent"
  | "increment"
  | "enumerate";

interface Operation {
  /** The method that it needs, where not every contender has it. */
  readonly needs?: Exclude<keyof Records, "get" | "put" | "delete">;
  /** Nothing between the loop and the contender: what this costs, all pay. */
  perform(records: Records, data: Data, index: number): Promise<unknown>;
  /** Whether the answer says that it was done. */
  done?(answer: unknown): boolean;
  /** Before a pass of so many operations, without a clock. */
  prepare?(records: Records, data: Data, count: number): Promise<void>;
  /** After such a pass. */
  cleanUp?(records: Records, data: Data, count: number): Promise<void>;
}

/** A minute: nothing expires while it is measured. */
const TTL = { ttl: 60 };
/** Most operations of a pass that has to be prepared, so that this does not take longer than the pass. */
export const MOST_PREPARED = 20_000;
/** How many records there are beside the thousand that are enumerated. */
export const BESIDE = 99_000;

export const operations: { readonly [name in OperationName]: Operation } = {
  /** Of a key that is there: to answer without a value would be a fault. */
  get: {
    perform: (records, data, index) => records.get(data.key(index)),
    done: (value) => value != null,
  },
  "get miss": {
    perform: (records, data, index) => records.get(data.freshKey(index)),
    done: (value) => value == null,
  },
  /** Over what is there. */
  put: { perform: (records, data, index) => records.put(data.key(index), data.value(index)) },
  "put with TTL": {
    perform: (records, data, index) => records.put(data.key(index), data.value(index), TTL),
    // What other operations find must not expire under them.
    cleanUp: (records, data) => putAll(records, data),
  },
  "getMany(100)": {
    needs: "getMany",
    perform: async (records, data, index) => records.getMany?.(data.keys(index)),
    done: (values) => Array.isArray(values) && values.length === BATCH && values.every((value) => value != null),
  },
  "putMany(100)": {
    needs: "putMany",
    perform: async (records, data, index) => records.putMany?.(data.entries(index)),
  },
  /** Of a key that is there. */
  delete: {
    prepare: (records, data, count) => together(count, (index) => records.put(data.freshKey(index), data.value(index))),
    perform: (records, data, index) => records.delete(data.freshKey(index)),
  },
  /** Of a key that is not there. */
  putIfAbsent: {
    needs: "putIfAbsent",
    perform: async (records, data, index) => records.putIfAbsent?.(data.freshKey(index), data.value(index)),
    done: Boolean,
    cleanUp: (records, data, count) => together(count, (index) => records.delete(data.freshKey(index))),
  },
  increment: {
    needs: "increment",
    perform: async (records, data, index) => records.increment?.(data.counter(index)),
    done: (number) => number != null,
  },
  /** A thousand records, beside {@link BESIDE} others. Redis itself may give one twice. */
  enumerate: {
    needs: "keys",
    async perform(records) {
      let count = 0;
      for await (const _ of records.keys?.() ?? []) count++;
      return count;
    },
    done: (count) => typeof count === "number" && count >= KEYS,
  },
};

/** Whether a pass has to be prepared or cleaned up after, and is short therefore. */
export function isPrepared(name: OperationName): boolean {
  return operations[name].prepare !== undefined || operations[name].cleanUp !== undefined;
}

export function canDo({ lacks }: Contender, records: Records, name: OperationName): boolean {
  const { needs } = operations[name];
  return !lacks?.includes(name) && (needs === undefined || records[needs] !== undefined);
}
