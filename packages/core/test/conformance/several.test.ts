/** The suite on stores that are made of several. */
import { createStore, type KeyValueStore, type StoreOptions } from "@kv/core";
import { conformance } from "@kv/core/conformance";
import { type CacheOptions, cache, chaos, fallback, route } from "@kv/core/wrappers";
import { describe, it } from "vitest";
import { MapDriver } from "../support/map-driver.ts";

const memory = (options?: StoreOptions) => createStore(new MapDriver(), options);

const parts = ["a", "b", "c"] as const;

/** Longer than the suite takes, so that what must not be read from the near store could be. */
const ttl = "1h";
const far = (near: KeyValueStore<"write">, options: Partial<CacheOptions>) => (rest: StoreOptions) =>
  memory(rest).with(cache(near, { ttl, ...options }));

const stores: { readonly [name: string]: (options: StoreOptions) => KeyValueStore<never> } = {
  "cache that invalidates": (options) => far(memory(), {})(options),
  "cache that writes through": (options) => far(memory(), { writes: "through" })(options),
  "cache of misses": (options) => far(memory(), { missTtl: ttl })(options),
  "cache whose near store takes its time": (options) =>
    far(memory().with(chaos({ seed: 1, delayRate: 0.3, maxDelay: 3 })), { writes: "through", missTtl: ttl })(options),
  "cache whose near store fails": (options) =>
    far(memory().with(chaos({ seed: 2, failRate: 0.2, lossRate: 0.2, delayRate: 0.1, maxDelay: 3 })), {
      writes: "through",
      missTtl: ttl,
    })(options),
  "cache whose far store takes its time": (options) =>
    memory(options)
      .with(chaos({ seed: 3, delayRate: 0.3, maxDelay: 3 }))
      .with(cache(memory(), { ttl, writes: "through", missTtl: ttl })),
  "route by keys": (options) =>
    route({ stores: { a: memory(), b: memory(), c: memory() }, by: ({ key }) => parts[key.length % 3], ...options }),
  "route by collections": (options) =>
    route({ stores: { a: memory(), b: memory() }, by: { other: "a" }, default: "b", ...options }),
  fallback: (options) => memory(options).with(fallback(memory())),
};

for (const [name, open] of Object.entries(stores)) await conformance({ name, open }).register({ describe, it });
