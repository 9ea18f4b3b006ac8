/** A call of every operation that a store has: for what the contract says of all of them alike. */
import type { CallOptions } from "../call.ts";
import type { KeyValueError } from "../errors.ts";
import type { KeyValueStore } from "../store.ts";
import { equal, ok } from "./assertions.ts";
import { call, collectionOperations, keyOperations, storeOperations } from "./support.ts";

export interface Operation {
  /** As in `error.operation`. */
  readonly name: string;
  readonly writes: boolean;
  /** The collection and the key that an error of this call names. */
  readonly collection: string;
  readonly key: string | undefined;
  run(options?: CallOptions): Promise<unknown>;
}

/**
 * All that this store can do, by its capabilities, on a collection and a key of each operation's own. Some reach beyond
 * the collection: only for calls that do not get as far as the backend.
 */
export function operationsOf(store: KeyValueStore<never>, name: string): Operation[] {
  const collection = store.collection(name);
  const cases = [
    ...keyOperations.map((one) => ({ ...one, target: collection })),
    ...collectionOperations.map((one) => ({ ...one, target: collection })),
    ...storeOperations.map((one) => ({ ...one, target: store })),
  ];
  return cases.flatMap(({ method, needs, writes, args, target }) => {
    if (needs !== undefined && !store.capabilities[needs]) return [];
    const key = `key of ${method}`;
    return {
      name: method,
      writes,
      collection: target.name,
      key: args(key).includes(key) ? key : undefined,
      run: (options) => call(target, method, ...args(key), options),
    };
  });
}

/** What every error of an operation says, whatever went wrong: which call it was, and of a write what became of it. */
export function checkError(error: KeyValueError, operation: Operation): void {
  const what = `${operation.name}: the ${error.name}'s`;
  equal(error.operation, operation.name, `${what} operation`);
  equal(error.collection, operation.collection, `${what} collection`);
  equal(error.key, operation.key, `${what} key`);
  ok(/^[A-Z_]+$/.test(error.code), `${what} code is an upper-case word`);
  equal(typeof error.retryable, "boolean", `${what} retryable is told`);
  const outcomes: readonly unknown[] = operation.writes ? ["not-applied", "unknown"] : [undefined];
  ok(outcomes.includes(error.outcome), `${what} outcome is one of ${outcomes.join(", ")}, not ${error.outcome}`);
}
