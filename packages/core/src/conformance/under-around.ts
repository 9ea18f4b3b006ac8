/** A store under all wrappers around exchanges that leave it what it can do. */
import type { KeyValueStore } from "../store.ts";
import {
  chaos,
  circuitBreaker,
  clampTtl,
  concurrencyLimit,
  logging,
  retry,
  statistics,
  timeout,
} from "../wrappers/index.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export function underAround(store: KeyValueStore<never>): KeyValueStore<never> {
  return (
    store
      .with(chaos({ seed: 1, delayRate: 0.01, maxDelay: 1 }))
      .with(timeout("1m"))
      // Open for so short that a server which is back serves at once, as the suite asks.
      .with(circuitBreaker({ openFor: 1 }))
      .with(concurrencyLimit({ max: 100 }))
      .with(retry())
      .with(clampTtl({ min: "1ms" }))
      .with(statistics())
      .with(logging({ logger: silent }))
  );
}
