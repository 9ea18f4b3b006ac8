/** The suite under ten stacks of wrappers, drawn anew at each run, or by the seed in `KV_SEED`. */
import { createStore } from "@kv/core";
import { conformance, type Property, stackSeed, stackTargets } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { type Data, MapDriver } from "../support/map-driver.ts";

/** Chapters that mostly wait, for what each wrapper keeps or breaks alone. */
const ALONE = new Set(["deadlines", "lifecycle", "schema"]);
const only = ({ chapter }: Property): boolean => !ALONE.has(chapter);

const data: Data = new Map();
const target = { name: "map", open: (options: object) => createStore(new MapDriver(data), options), shared: true };
for (const stack of await stackTargets(target, stackSeed(), 10, true)) {
  await conformance(stack).register({ describe, it }, { only });
}
