/** What is measured: each operation with each size of value and each number of concurrent callers. */
import type { BackendName } from "./contender.ts";
import type { Size } from "./data.ts";
import type { Operation } from "./operations.ts";

export interface Case {
  readonly operation: Operation;
  readonly size: Size;
  /** Callers at once, each of which waits for its answer before it calls again. */
  readonly concurrency: number;
}

const OPERATIONS: readonly Operation[] = ["get", "put"];
const SIZES: readonly Size[] = ["100 B", "10 KB"];
const CONCURRENCIES: readonly number[] = [1, 64];

export const cases: readonly Case[] = OPERATIONS.flatMap((operation) =>
  SIZES.flatMap((size) => CONCURRENCIES.map((concurrency) => ({ operation, size, concurrency }))),
);

/** The least share of the raw driver's speed that kv is to have; `undefined` where none was set. */
export function targetOf(backend: BackendName, { operation, size, concurrency }: Case): number | undefined {
  switch (backend) {
    case "memory":
      return size === "100 B" ? 1.2 : undefined;
    // At most 5 % and 30 % more time.
    case "around-1":
      return size === "100 B" && operation === "get" ? 0.95 : undefined;
    case "around-5":
      return size === "100 B" && operation === "get" ? 0.77 : undefined;
    case "disk":
      return operation === "get" ? 0.7 : undefined;
    case "rocksdb":
      return 0.8;
    case "redis":
      if (concurrency !== 64) return undefined;
      return size === "100 B" ? 0.9 : 0.95;
  }
}

/** Each size once. */
export function sizesOf(some: readonly Case[]): readonly Size[] {
  return [...new Set(some.map(({ size }) => size))];
}

export function titleOf({ operation, size, concurrency }: Case): string {
  return `${operation} ${size} ×${concurrency}`;
}
