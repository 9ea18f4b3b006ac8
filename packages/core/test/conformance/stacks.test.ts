/** The suite under ten stacks of wrappers, drawn anew at each run, or by the seed in `KV_SEED`. */
import { randomInt } from "node:crypto";
import { createStore } from "@kv/core";
import { conformance, type Property, stackTargets } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { type Data, MapDriver } from "../support/map-driver.ts";

/** Chapters that mostly wait, for what each wrapper keeps or breaks alone. */
const ALONE = new Set(["deadlines", "lifecycle", "schema"]);
const only = ({ chapter }: Property): boolean => !ALONE.has(chapter);

const seed = Number(process.env.KV_SEED ?? randomInt(2 ** 31));
console.log(`KV_SEED=${seed}`);
const data: Data = new Map();
const targets = stackTargets(
  { name: "map", open: (options) => createStore(new MapDriver(data), options), shared: true },
  seed,
  10,
);
for (const target of targets) await conformance(target).register({ describe, it }, { only });
