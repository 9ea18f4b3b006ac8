/** One call of each operation under measurement. */
import type { JsonValue } from "@kv/core";
import type { Records } from "./contender.ts";

export type Operation = "get" | "put";

export type Perform = (records: Records, key: string, value: JsonValue) => Promise<unknown>;

export const operations: { readonly [name in Operation]: { readonly perform: Perform; readonly answers: boolean } } = {
  /** Of a key that is there: to answer without a value would be a fault. */
  get: { perform: (records, key) => records.get(key), answers: true },
  /** Over what is there. */
  put: { perform: (records, key, value) => records.put(key, value), answers: false },
};
