/** The suite on stores that are made of several in other ways than the suite itself puts them together. */
import { createStore, type KeyValueStore, type StoreOptions } from "@kv/core";
import { conformance } from "@kv/core/conformance";
import { type CacheOptions, cache, chaos, route } from "@kv/core/wrappers";
import { describe, it } from "vitest";
import { MapDriver } from "../support/map-driver.ts";

const memory = (options?: StoreOptions) => createStore(new MapDriver(), options);

/** Longer than the suite takes, so that what must not be read from the near store could be. */
const ttl = "1h";
const far = (near: KeyValueStore<"write">, options: Partial<CacheOptions>) => (rest: StoreOptions) =>
  memory(rest).with(cache(near, { ttl, ...options }));

const stores: { readonly [name: string]: (options: StoreOptions) => KeyValueStore<never> } = {
  "cache that invalidates": (options) => far(memory(), {})(options),
  "cache that writes through": (options) => far(memory(), { writes: "through" })(options),
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
  "route by collections": (options) =>
    route({ stores: { a: memory(), b: memory() }, by: { other: "a" }, default: "b", ...options }),
};

for (const [name, open] of Object.entries(stores)) await conformance({ name, open }).register({ describe, it });
