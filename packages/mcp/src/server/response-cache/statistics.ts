/** What the cache has done, counted for each method. */
import { CACHED_METHODS, type CachedMethod } from "./methods.ts";

/** Counted since the cache was made, in this process. */
export interface CacheStatistics {
  /** Answered from the store. */
  readonly hits: number;
  /** Answered by the run of an equal request that was in progress, here or (with a lease) in another process. */
  readonly shared: number;
  /** Answered by the handler, though they might have been in the store. */
  readonly misses: number;
  /** Answers put into the store. */
  readonly stored: number;
  /** Failures of the store, of `revision` and of `principal`. */
  readonly failures: number;
}

export type Counts = { -readonly [K in keyof CacheStatistics]: CacheStatistics[K] };

export type CountsByMethod = { readonly [M in CachedMethod]: Counts };

export function newCounts(): CountsByMethod {
  const counts = CACHED_METHODS.map((method) => [method, { hits: 0, shared: 0, misses: 0, stored: 0, failures: 0 }]);
  return Object.fromEntries(counts);
}
