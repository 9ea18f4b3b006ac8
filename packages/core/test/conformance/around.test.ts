/** The suite under each wrapper around exchanges. */
import { createStore, type KeyValueStore } from "@kv/core";
import { conformance } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { aroundWrappers } from "../support/around-wrappers.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";

for (const [name, layer] of Object.entries(aroundWrappers)) {
  const data: Data = new Map();
  await conformance({
    name: `map under ${name}`,
    open: (options): KeyValueStore<never> => createStore(new MapDriver(data), options).with(layer()),
    shared: true,
  }).register({ describe, it });
}
