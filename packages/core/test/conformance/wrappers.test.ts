/** The whole suite under each wrapper, and under all that go together. */
import { createStore } from "@kv/core";
import { conformance, wrapperTargets } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { type Data, MapDriver } from "../support/map-driver.ts";

const data: Data = new Map();
const targets = await wrapperTargets(
  { name: "map", open: (options) => createStore(new MapDriver(data), options), shared: true },
  true,
);
for (const target of targets) await conformance(target).register({ describe, it });
