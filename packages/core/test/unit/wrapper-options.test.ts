// Whatever a wrapper is given, it takes it or says at once what is wrong with it, by an error of the library's.

import { createStore, KeyValueError } from "@kv/core";
import { telemetry } from "@kv/core/telemetry";
import * as exported from "@kv/core/wrappers";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";

const { cache, fallback, fernetKeyFromPassphrase, keyFromPassphrase, reencrypt, route, ...rest } = exported;
const near = createStore(new CompleteDriver());
const wrappers: { readonly [name: string]: (given: never) => unknown } = {
  ...rest,
  telemetry,
  cache: (options: never) => cache(near, options),
  fallback: (options: never) => fallback(near, options),
  route: (options: never) => route(options),
  reencrypt: (options: never) => reencrypt(near.with(exported.encryption({ keys: [key] })), options),
};
const key = { id: "a", key: new Uint8Array(32) };

const NONSENSE: readonly unknown[] = [
  undefined,
  null,
  -1,
  Number.NaN,
  1e21,
  "nonsense",
  "",
  [],
  [null],
  Symbol("a"),
  1n,
  () => 1,
];
/** All options that any of them has, and the right values of those that others need. */
const OPTIONS = {
  ...{ attempts: 2, baseDelay: 1, maxDelay: 1, seed: 1, delayRate: 0, failRate: 0, lossRate: 0, ttl: 1, missTtl: 1 },
  ...{ writes: "through", timeout: 1, onEvent: undefined, min: 1, max: 1, missing: 1, threshold: 1, level: 1 },
  ...{ maxInflatedBytes: 1, algorithm: "gzip", format: "kv", numbers: "error", maxCollections: 1, window: 1 },
  ...{ minCalls: 1, failureRate: 1, slowerThan: 1, slowRate: 1, openFor: 1, probes: 1, onStateChange: undefined },
  ...{ maxQueued: 1, logger: console, sample: 1, collections: true, concurrency: 1, stores: { near }, by: {} },
  default: "near",
};

function outcome(make: () => unknown): unknown {
  try {
    make();
    return "made";
  } catch (error) {
    return error instanceof KeyValueError ? error.code : error;
  }
}

it.each(Object.keys(wrappers))("%s", (name) => {
  const make = wrappers[name];
  if (!make) throw new TypeError("there is one of each name");
  const outcomes = NONSENSE.flatMap((given) => [
    outcome(() => make(given as never)),
    ...Object.keys(OPTIONS).map((option) => outcome(() => make({ ...OPTIONS, [option]: given } as never))),
    ...["keys", "acceptPlaintext", "tracerProvider", "meterProvider"].map((option) =>
      outcome(() => make({ ...OPTIONS, [option]: given } as never)),
    ),
  ]);
  const codes = new Set(outcomes);
  expect([...codes].filter((one) => one !== "made" && typeof one !== "string")).toEqual([]);
});

it.each([{ tracerProvider: {} }, { meterProvider: 1 }, { tracerProvider: null }, { collections: "no" }])(
  "telemetry refuses %j",
  (options) => {
    expect(() => telemetry(options as never)).toThrow(KeyValueError);
  },
);
