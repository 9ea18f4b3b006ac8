/** All wrappers around exchanges that leave a store what it can do. */
import type { Layer } from "../driver/layer.ts";
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

/** Innermost first. */
export function aroundLayers(): readonly Layer[] {
  return [
    chaos({ seed: 1, delayRate: 0.01, maxDelay: 1 }),
    timeout("1m"),
    // Open for so short that a server which is back serves at once, as the suite asks.
    circuitBreaker({ openFor: 1 }),
    concurrencyLimit({ max: 100 }),
    retry(),
    clampTtl({ min: "1ms" }),
    statistics(),
    logging({ logger: silent }),
  ];
}
