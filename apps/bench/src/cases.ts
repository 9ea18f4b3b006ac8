/** What is measured: each operation with each size of value and each number of concurrent callers. */
import type { BackendName } from "./contender.ts";
import type { Size } from "./data.ts";
import type { OperationName } from "./operations.ts";

export interface Case {
  readonly operation: OperationName;
  readonly size: Size;
  /** Callers at once, each of which waits for its answer before it calls again. */
  readonly concurrency: number;
}

const SMALL: readonly OperationName[] = [
  "get",
  "get miss",
  "put",
  "put with TTL",
  "delete",
  "putIfAbsent",
  "increment",
];
const BATCHES: readonly OperationName[] = ["getMany(100)", "putMany(100)"];

/** In the order in which they are measured: what needs 99,000 records beside it comes last. */
const full: readonly Case[] = [
  ...across(SMALL, ["100 B", "10 KB"], [1, 64]).filter(({ operation, size }) => hasSize(operation, size)),
  ...across(BATCHES, ["100 B", "10 KB"], [1, 64]),
  ...across(["get", "put"], ["1 MB"], [1]),
  ...across(["enumerate"], ["100 B"], [1]),
];

const usual: readonly Case[] = [
  ...across(["get", "put"], ["100 B", "10 KB"], [1, 64]),
  ...across(["get miss", "put with TTL", "delete", "putIfAbsent", "increment"], ["100 B"], [64]),
  ...across(BATCHES, ["100 B", "10 KB"], [1]),
  ...across(["enumerate"], ["100 B"], [1]),
];

export const operationNames: readonly OperationName[] = [...SMALL, ...BATCHES, "enumerate"];

/** The cases of these operations that make sense on this backend. */
export function casesOf(backend: BackendName, operations: readonly OperationName[], everything: boolean): Case[] {
  return (everything ? full : usual).filter(
    (one) => operations.includes(one.operation) && isCheap(backend, one) && fits(backend, one),
  );
}

function across(
  operations: readonly OperationName[],
  sizes: readonly Size[],
  concurrencies: readonly number[],
): Case[] {
  return operations.flatMap((operation) =>
    sizes.flatMap((size) => concurrencies.map((concurrency) => ({ operation, size, concurrency }))),
  );
}

/** Where there is no value, its size is no case of its own. */
function hasSize(operation: OperationName, size: Size): boolean {
  return size === "100 B" || !(operation === "get miss" || operation === "increment" || operation === "delete");
}

/** Whether 99,000 records more are there in seconds. */
function isCheap(backend: BackendName, { operation }: Case): boolean {
  return operation !== "enumerate" || ["memory", "disk", "redis", "valkey"].includes(backend);
}

/** Whether the backend takes so large a record, and so much at once within kv's deadline. */
function fits(backend: BackendName, { operation, size, concurrency }: Case): boolean {
  if (BATCHES.includes(operation) && concurrency === 64) {
    // 64 MB at once are refused; what stands in for MongoDB takes a millisecond for each of 6,400 records.
    if (backend === "elasticsearch" && size === "10 KB") return false;
    if (backend === "mongodb") return false;
  }
  return size !== "1 MB" || ["memory", "disk", "redis", "valkey", "mongodb"].includes(backend);
}

/** Each size once. */
export function sizesOf(some: readonly Case[]): readonly Size[] {
  return [...new Set(some.map(({ size }) => size))];
}

export function titleOf({ operation, size, concurrency }: Case): string {
  return `${operation} ${size} ×${concurrency}`;
}
