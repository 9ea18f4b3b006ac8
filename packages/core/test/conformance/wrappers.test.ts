/** The suite under each wrapper, and under all of them. */
import { createStore } from "@kv/core";
import { conformance, underWrappers } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { type Data, MapDriver } from "../support/map-driver.ts";

const data: Data = new Map();
const [, ...wrapped] = underWrappers({
  name: "map",
  open: (options) => createStore(new MapDriver(data), options),
  shared: true,
});
for (const target of wrapped) await conformance(target).register({ describe, it });
