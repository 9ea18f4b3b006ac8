// A limit on the size of values: counted in bytes of JSON, told of by error, never dropped.

import { createStore, InvalidArgumentError, type JsonValue } from "@kv/core";
import { limitSize } from "@kv/core/wrappers";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { TakingDriver } from "../support/taking-driver.ts";
import { rejection } from "./held-driver.ts";

function stores(options: Parameters<typeof limitSize>[0], driver = new CompleteDriver()) {
  const plain = createStore(driver);
  return { plain, store: plain.with(limitSize(options as object)) };
}

// Python counts its own JSON, spaced and escaped: {"a": "\u65e5\u672c"} is 21 there.
it.each<[JsonValue, number]>([
  [{ a: "日本" }, 14],
  ["😀", 6],
  [[1, 2], 5],
  [null, 4],
  ["", 2],
  [{}, 2],
])("%j has %d bytes", async (value, size) => {
  const { store } = stores({ min: size, max: size });
  await store.put("key", value);
  expect(await store.get("key")).toEqual(value);
  expect(await rejection(stores({ max: size - 1 }).store.put("key", value))).toMatchObject({
    code: "VALUE_TOO_LARGE",
    size,
    limit: size - 1,
    retryable: false,
    outcome: "not-applied",
    key: "key",
  });
  expect(await rejection(stores({ min: size + 1 }).store.put("key", value))).toMatchObject({
    code: "INVALID_VALUE",
    message: `the value's JSON has ${size} bytes, the least is ${size + 1}`,
    outcome: "not-applied",
  });
});

it("holds for every operation that writes, and leaves what is there", async () => {
  const { plain, store } = stores({ max: 5 });
  await store.put("key", 1);
  const entry = await store.getEntry("key");
  const calls = [
    store.put("key", "too long"),
    store.putIfAbsent("other", "too long"),
    store.compareAndSwap("key", entry?.revision as never, "too long"),
    store.update("key", () => "too long"),
    store.increment("key", 99_999),
  ];
  for (const call of calls) expect(await rejection(call)).toMatchObject({ code: "VALUE_TOO_LARGE" });
  expect(await plain.getEntry("key")).toEqual(entry);
  expect(await plain.has("other")).toBe(false);
});

// Python's wrapper can be told to drop them silently.
it("stores those of a batch that fit, and tells of the others by key", async () => {
  const { store } = stores({ min: 3, max: 5 });
  const entries = ["abc", "abcd", "a", ""].map((value, at) => ({ key: `k${at}`, value }));
  expect(await rejection(store.putMany(entries))).toMatchObject({
    code: "BATCH_FAILED",
    outcome: "not-applied",
    failures: [
      { index: 1, key: "k1", error: { code: "VALUE_TOO_LARGE" } },
      { index: 3, key: "k3", error: { code: "INVALID_VALUE" } },
    ],
  });
  expect(await store.getMany(["k0", "k1", "k2", "k3"])).toEqual(["abc", undefined, "a", undefined]);
});

it("reads what is there whatever its size, and keeps the backend's own take", async () => {
  const driver = new TakingDriver();
  const { plain, store } = stores({ max: 5 }, driver);
  await plain.put("key", "too long");
  expect(await store.get("key")).toBe("too long");
  expect(await store.take("key")).toBe("too long");
  expect(driver.takes).toBe(1);
});

it.each<object | undefined>([
  undefined,
  {},
  { max: null },
  { min: -1 },
  { max: -1 },
  { max: 1.5 },
  { max: Number.NaN },
  { max: "1kb" },
  { min: 6, max: 5 },
  { min: Number.POSITIVE_INFINITY },
])("the options %j are refused when the wrapper is made", (options) => {
  expect(() => limitSize(options as object)).toThrow(InvalidArgumentError);
});
