// A second store for outages. Where Python's FallbackWrapper does otherwise, the test says so.

import {
  CorruptRecordError,
  createStore,
  InvalidArgumentError,
  type KeyValueError,
  StoreUnavailableError,
  TimeoutError,
} from "@kv/core";
import { around, type Driver, forward, type StoredRecord } from "@kv/core/driver";
import { type FallbackEvent, type FallbackOptions, fallback, readOnly } from "@kv/core/wrappers";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";

const storeOver = (driver: Driver) => createStore(driver as CompleteDriver);

/** A store with a second one; the first fails by `failure` while that is set. */
function stores(options: FallbackOptions = {}, second: Driver = new CompleteDriver()) {
  const state: { failure: KeyValueError | undefined; hangs: boolean } = { failure: undefined, hangs: false };
  const inner = new CompleteDriver();
  const primary = around(inner, (_, call, exchange) => {
    if (state.failure) throw state.failure.copy(state.failure.outcome);
    return state.hangs ? new Promise(() => {}) : exchange(call);
  });
  const events: FallbackEvent[] = [];
  const secondary = storeOver(second);
  const outage = fallback(secondary, { onEvent: (event) => void events.push(event), ...options });
  const store = storeOver(primary).with(outage);
  return { store, first: storeOver(inner), secondary, outage, state, events };
}

const down = () => new StoreUnavailableError("down", { outcome: "not-applied" });

it("leaves the second store alone as long as the first one serves", async () => {
  const { store, secondary, events } = stores();
  await store.put("a", 1);
  expect(await store.get("a")).toBe(1);
  expect(await store.delete("a")).toBe(true);
  expect((await secondary.collections().next()).done).toBe(true);
  expect(events).toEqual([]);
});

it("reads and writes in the second store while the first one is down, and says so", async () => {
  const { store, state, events } = stores();
  state.failure = down();
  await store.put("a", { n: 1 });
  expect(await store.get("a")).toEqual({ n: 1 });
  expect(await store.getMany(["a"])).toEqual([{ n: 1 }]);
  expect(await store.delete("a")).toBe(true);
  expect(await store.get("a")).toBeUndefined();
  expect(await store.delete("a")).toBe(false);
  expect(events.map((event) => event.type === "fallback" && event.operation)).toEqual([
    "put",
    "get",
    "getMany",
    "delete",
    "get",
    "delete",
  ]);
  expect(events[0]).toMatchObject({ error: { code: "UNAVAILABLE" } });
});

it("does so with batches, too", async () => {
  const batches = new CompleteDriver();
  const driver = forward(batches, {
    putMany: () => {
      throw down();
    },
    put: () => {
      throw down();
    },
    get: () => {
      throw down();
    },
    deleteMany: () => {
      throw down();
    },
  });
  const store = storeOver(driver).with(fallback(storeOver(new CompleteDriver())));
  await store.putMany([
    { key: "a", value: 1 },
    { key: "b", value: 2 },
  ]);
  expect(await store.getMany(["b", "a"])).toEqual([2, 1]);
  expect(await store.deleteMany(["a", "b"])).toBe(2);
  expect(await store.getMany(["b", "a"])).toEqual([undefined, undefined]);
});

it("takes what the second store does not know for no miss", async () => {
  const { store, first, state } = stores();
  await first.put("a", 1);
  state.failure = down();
  await expect(store.get("a")).rejects.toMatchObject({ code: "UNAVAILABLE", operation: "get" });
  await expect(store.delete("a")).rejects.toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
});

it("finds again what was written in the outage; Python's asks the first store alone then, which lacks it", async () => {
  const { store, first, secondary, state, events } = stores();
  await first.put("a", "old");
  state.failure = down();
  await store.put("a", "new", { ttl: 600 });
  await store.put("b", "new");
  state.failure = undefined;
  expect(await store.get("a")).toBe("new");
  expect((await first.getEntry("a"))?.ttl).toBeGreaterThan(500);
  expect(await first.has("b")).toBe(false);
  const keys: string[] = [];
  for await (const key of store.collection().keys()) keys.push(key);
  expect(keys.sort()).toEqual(["a", "b"]);
  expect((await secondary.collections().next()).done).toBe(true);
  expect(events.filter(({ type }) => type === "replayed")).toMatchObject([
    { id: { key: "a" }, kept: false },
    { id: { key: "b" }, kept: false },
  ]);
});

it("brings back what was deleted no more", async () => {
  const { store, first, state, outage } = stores();
  await first.put("a", "old");
  state.failure = down();
  await store.put("a", "new");
  await store.delete("a");
  state.failure = undefined;
  expect(await outage.replay()).toEqual({ applied: 1, kept: 0 });
  expect(await first.has("a")).toBe(false);
});

it("brings back an older record no more where what replaced it in the outage has expired", async () => {
  const { store, first, state } = stores();
  await first.put("a", "old");
  state.failure = down();
  await store.put("a", "new", { ttl: "1ms" });
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await store.get("a")).toBeUndefined();
  state.failure = undefined;
  expect(await store.get("a")).toBeUndefined();
  expect(await first.has("a")).toBe(false);
});

it("leaves a newer record of the first store as it is", async () => {
  const { store, first, state, outage } = stores();
  state.failure = down();
  await store.put("a", "in the outage");
  await new Promise((resolve) => setTimeout(resolve, 5));
  await first.put("a", "after it");
  state.failure = undefined;
  expect(await outage.replay()).toEqual({ applied: 0, kept: 1 });
  expect(await store.get("a")).toBe("after it");
});

it("replays what a process before has left, and rejects while the first store is down", async () => {
  const second = new CompleteDriver();
  const before = stores({}, second);
  before.state.failure = down();
  await before.store.collection("c").put("a", 1);
  await expect(before.outage.replay()).rejects.toThrow(StoreUnavailableError);
  const after = stores({}, second);
  expect(await after.outage.replay()).toEqual({ applied: 1, kept: 0 });
  expect(await after.store.collection("c").get("a")).toBe(1);
});

it.each([
  new CorruptRecordError("damaged", { outcome: "not-applied" }),
  new InvalidArgumentError("wrong", { outcome: "not-applied" }),
])("does not hide what is no outage: %s; Python's hides everything", async (failure) => {
  const { store, secondary, state } = stores();
  state.failure = down();
  await store.put("a", "in the outage");
  const before = await secondary.get("a");
  state.failure = failure;
  await expect(store.get("a")).rejects.toMatchObject({ code: failure.code });
  await expect(store.put("a", 1)).rejects.toMatchObject({ code: failure.code });
  await expect(store.delete("a")).rejects.toMatchObject({ code: failure.code });
  expect(await secondary.get("a")).toEqual(before);
});

it("does not do a write twice that may have been applied", async () => {
  const { store, secondary, state } = stores({ timeout: 20 });
  state.failure = new StoreUnavailableError("the answer is lost", { outcome: "unknown" });
  await expect(store.put("a", 1)).rejects.toMatchObject({ outcome: "unknown" });
  state.failure = undefined;
  state.hangs = true;
  await expect(store.put("a", 1)).rejects.toBeInstanceOf(TimeoutError);
  expect((await secondary.collections().next()).done).toBe(true);
});

it("waits for a first store that hangs only so long", async () => {
  const { store, state } = stores({ timeout: 20 });
  state.failure = down();
  await store.put("a", 1);
  state.failure = undefined;
  state.hangs = true;
  expect(await store.get("a")).toBe(1);
});

it("asks the first store alone for what must be atomic, enumerated or cleared", async () => {
  const { store, state } = stores();
  state.failure = down();
  await expect(store.putIfAbsent("a", 1)).rejects.toThrow(StoreUnavailableError);
  await expect(store.increment("a")).rejects.toThrow(StoreUnavailableError);
  await expect(store.take("a")).rejects.toThrow(StoreUnavailableError);
  await expect(store.collection().keys().next()).rejects.toThrow(StoreUnavailableError);
  await expect(store.clearAll()).rejects.toThrow(StoreUnavailableError);
});

it("rejects with the first store's error where the second one fails as well", async () => {
  const driver = forward(new CompleteDriver(), {
    get: (): StoredRecord => {
      throw new TimeoutError("the second");
    },
  });
  const { store, state } = stores({}, driver);
  state.failure = down();
  await expect(store.get("a")).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

it("is not durable where the second store is not, and does not close it", async () => {
  const durable = new CompleteDriver();
  const capabilities = Object.freeze({ ...durable.capabilities, durable: false } as const);
  const memory = createStore({ ...forward(durable, {}), capabilities });
  const store = storeOver(new CompleteDriver()).with(fallback(memory));
  expect(store.capabilities).toMatchObject({ durable: false, atomic: true });
  expect(stores().store.capabilities.durable).toBe(true);
  await store.close();
  expect(await memory.has("a")).toBe(false);
});

it("is refused with a second store that cannot write, with wrong options, and on two stores", () => {
  const plain = storeOver(new CompleteDriver());
  expect(() => fallback(plain.with(readOnly()))).toThrow(/second store of a fallback/);
  expect(() => fallback(undefined as never)).toThrow(InvalidArgumentError);
  expect(() => fallback(plain, { timeout: -1 })).toThrow(InvalidArgumentError);
  expect(() => fallback(plain, { onEvent: 1 as never })).toThrow(InvalidArgumentError);
  const layer = fallback(plain);
  storeOver(new CompleteDriver()).with(layer);
  expect(() => storeOver(new CompleteDriver()).with(layer)).toThrow(InvalidArgumentError);
});
