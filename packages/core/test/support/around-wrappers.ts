/** Each wrapper around exchanges, as the conformance suite and the README's table take it. */
import type { Capability } from "../../src/capabilities.ts";
import { around, defineLayer, type Layer } from "../../src/driver/index.ts";
import {
  chaos,
  circuitBreaker,
  clampTtl,
  concurrencyLimit,
  logging,
  readOnly,
  statistics,
  timeout,
} from "../../src/wrappers/index.ts";
import { telemetry } from "../../src/wrappers/telemetry.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Does nothing, as the base of what such a wrapper costs. */
export const nothing = (): Layer =>
  defineLayer("nothing", (inner) => around(inner, (_, call, exchange) => exchange(call)));

export const aroundWrappers: { readonly [name: string]: () => Layer<never, Capability> } = {
  nothing,
  timeout: () => timeout("1m"),
  readOnly: () => readOnly(),
  clampTtl: () => clampTtl({ min: "1ms" }),
  logging: () => logging({ logger: silent, keys: true }),
  statistics: () => statistics({ maxCollections: 5 }),
  circuitBreaker: () => circuitBreaker(),
  concurrencyLimit: () => concurrencyLimit({ max: 3 }),
  "chaos without faults": () => chaos({ seed: 1 }),
  "chaos with delays": () => chaos({ seed: 2, delayRate: 0.2, maxDelay: 3 }),
  telemetry: () => telemetry(),
};
