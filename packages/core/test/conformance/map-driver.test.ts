/** The suite on a driver over a Map: with a store to each data, and with several on the same. */
import { createStore } from "@kv/core";
import { conformance } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { type Data, MapDriver } from "../support/map-driver.ts";

const data: Data = new Map();

await conformance({ name: "map", open: (options) => createStore(new MapDriver(), options) }).register({ describe, it });
await conformance({
  name: "map, shared",
  open: (options) => createStore(new MapDriver(data), options),
  shared: true,
}).register({ describe, it });
