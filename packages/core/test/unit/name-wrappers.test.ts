// What is the same of all wrappers of names: where Python's have a record, names that are none, stores that cannot enumerate.

import { createStore, InvalidNameError } from "@kv/core";
import { forward } from "@kv/core/driver";
import { prefixCollections, prefixKeys, singleCollection } from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { golden } from "../golden/wrappers.ts";
import { wrapped } from "../support/name-wrappers.ts";
import { rejection } from "./held-driver.ts";

describe.each([
  { make: prefixKeys, name: "app", place: golden.names.prefixKeys },
  { make: prefixCollections, name: "app", place: golden.names.prefixCollections },
  { make: singleCollection, name: "all", place: golden.names.singleCollection },
])("$make.name", ({ make, name, place }) => {
  it("stores a record where Python's wrapper has it", async () => {
    const { plain, store } = wrapped(make(name));
    await store.collection("users").put("ada", 1);
    const [collection = "", key = ""] = place.split("::");
    expect(await plain.collection(collection).get(key)).toBe(1);
  });

  it.each([[""], ["\ud800"], [undefined], [1]])("refuses %j", (given) => {
    expect(() => make(given as string)).toThrow(InvalidNameError);
  });
});

describe.each([prefixKeys("app"), singleCollection("all")])("$name over a store that cannot enumerate", (layer) => {
  it("withdraws `clear` at run time", async () => {
    const driver = new CompleteDriver();
    const blind = forward(driver, {
      capabilities: Object.freeze({ ...driver.capabilities, enumerate: false }),
      list: undefined,
      collections: undefined,
    });
    const store = createStore({ ...blind, capabilities: driver.capabilities }).with(layer);
    expect(store.can("clear")).toBe(false);
    expect(await rejection(store.clearAll())).toMatchObject({ code: "UNSUPPORTED" });
    expect(await rejection(store.collection().clear())).toMatchObject({ code: "UNSUPPORTED" });
    await store.put("k", 1);
    expect(await store.get("k")).toBe(1);
  });
});
