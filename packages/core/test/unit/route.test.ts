// One store made of several. Where Python's RoutingWrapper does otherwise, the test says so.

import { createStore, InvalidArgumentError, type KeyValueStore, StoreClosedError } from "@kv/core";
import { type Driver, forward } from "@kv/core/driver";
import { type RouteOptions, readOnly, route } from "@kv/core/wrappers";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { MinimalDriver } from "../../examples/minimal-driver.ts";
import { rawRecords } from "../support/raw-records.ts";

const complete = (driver: Driver = new CompleteDriver()) => createStore(driver as CompleteDriver);

async function listed(names: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = [];
  for await (const name of names) list.push(name);
  return list.sort();
}

function byCollection() {
  const [hot, main] = [complete(), complete()];
  return { hot, main, store: route({ stores: { hot, main }, by: { sessions: "hot" }, default: "main" }) };
}

/** Keys that begin with "h" are hot; Python's routes by collection alone. */
function byKey() {
  const [hot, main] = [complete(), complete()];
  const store = route({ stores: { hot, main }, by: ({ key }) => (key.startsWith("h") ? "hot" : "main") });
  return { hot, main, store };
}

it("has each collection in its store, the others in the default one", async () => {
  const { hot, main, store } = byCollection();
  await store.collection("sessions").put("a", 1);
  await store.collection("users").putMany([{ key: "a", value: 2 }]);
  expect(await hot.collection("sessions").get("a")).toBe(1);
  expect(await main.collection("users").get("a")).toBe(2);
  expect(await listed(hot.collections())).toEqual(["sessions"]);
  expect(await listed(main.collections())).toEqual(["users"]);
  expect(await listed(store.collections())).toEqual(["sessions", "users"]);
});

it("has each key in its store, and batches in order", async () => {
  const { hot, main, store } = byKey();
  await store.putMany(["a", "h1", "b", "h2"].map((key) => ({ key, value: key })));
  expect(await listed(hot.collection().keys())).toEqual(["h1", "h2"]);
  expect(await listed(main.collection().keys())).toEqual(["a", "b"]);
  expect(await store.getMany(["h2", "none", "a", "h1"])).toEqual(["h2", undefined, "a", "h1"]);
  expect(await listed(store.collection().keys())).toEqual(["a", "b", "h1", "h2"]);
  expect(await listed(store.collections())).toEqual(["default_collection"]);
  expect(await store.deleteMany(["a", "h1", "none"])).toBe(2);
});

it("clears by batches that each store takes, and none without records", async () => {
  const batches: number[] = [];
  const main = new CompleteDriver();
  const small = forward(main, {
    capabilities: { ...main.capabilities, limits: { batch: { delete: 2 } } },
    deleteMany(ids) {
      batches.push(ids.length);
      return Promise.all(ids.map((id) => main.delete(id)));
    },
  });
  const store = route({ stores: { hot: complete(), main: complete(small) }, by: () => "main" });
  await store.putMany(["a", "b", "c", "d", "e"].map((key) => ({ key, value: key })));
  await store.collection().clear();
  await store.collection().clear();
  expect(batches).toEqual([2, 2, 1]);
  expect(await listed(store.collection().keys())).toEqual([]);
});

it("finds, lists and clears nothing in the wrong store", async () => {
  for (const { hot, main, store } of [byCollection(), byKey()]) {
    // Left there by somebody else, or before the routes were changed.
    await main.collection("sessions").put("h", "wrong");
    await hot.collection("users").put("a", "wrong");
    expect(await store.collection("sessions").get("h")).toBeUndefined();
    expect(await listed(store.collection("sessions").keys())).toEqual([]);
    expect(await listed(store.collections())).toEqual([]);
    await store.collection("sessions").put("h", 1);
    await store.collection("users").put("a", 1);
    expect(await listed(store.collections())).toEqual(["sessions", "users"]);
    await store.collection("sessions").clear();
    expect(await store.collection("sessions").has("h")).toBe(false);
    await store.clearAll();
    expect(await listed(store.collections())).toEqual([]);
    expect(await main.collection("sessions").get("h")).toBe("wrong");
    expect(await hot.collection("users").get("a")).toBe("wrong");
  }
});

it("is an error where nothing is routed to, before anything is sent", async () => {
  const store = route({ stores: { hot: complete() }, by: { sessions: "hot" } });
  const users = store.collection("users");
  const refused = { code: "INVALID_ARGUMENT", collection: "users" };
  await expect(users.get("a")).rejects.toMatchObject(refused);
  await expect(users.put("a", 1)).rejects.toMatchObject({ ...refused, outcome: "not-applied" });
  await expect(users.keys().next()).rejects.toMatchObject(refused);
  await expect(users.clear()).rejects.toMatchObject(refused);
  const byFunction = route({ stores: { a: complete() }, by: ({ key }) => (key === "a" ? "a" : undefined) });
  await byFunction.put("a", 1);
  await expect(byFunction.getMany(["a", "b"])).rejects.toMatchObject({
    failures: [{ key: "b", error: { code: "INVALID_ARGUMENT" } }],
    results: [1, undefined],
  });
});

it("keeps what getOrSet needs beside a record in the record's store", async () => {
  const { hot, store } = byKey();
  await store.getOrSet("h", () => 1, { ttl: 600, staleFor: 600 });
  expect(await rawRecords(hot).has("@kv/get-or-set/copy/h")).toBe(true);
});

it("can do what all of its stores can, within the limits of each", async () => {
  const limited = forward(new CompleteDriver(), {
    capabilities: { ...new CompleteDriver().capabilities, limits: { recordBytes: 100, batch: { get: 10 } } },
  });
  const store = route({ stores: { a: complete(limited), b: complete() }, by: {}, default: "a" });
  expect(store.capabilities).toMatchObject({ atomic: true, clear: true, durable: true });
  expect(store.capabilities.limits).toEqual({ recordBytes: 100, batch: { get: 10 } });
  const minimal: KeyValueStore<"write" | "durable"> = createStore(new MinimalDriver());
  const least = route({ stores: { a: complete(), b: minimal }, by: {}, default: "a" });
  expect(least.capabilities).toMatchObject({ write: true, atomic: false, enumerate: false, clear: false });
  // @ts-expect-error
  await expect(least.increment("a")).rejects.toMatchObject({ code: "UNSUPPORTED" });
  const read = route({ stores: { a: complete(), b: complete().with(readOnly()) }, by: {}, default: "a" });
  // @ts-expect-error
  await expect(read.put("a", 1)).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

it("fails a batch in part where one of its stores fails", async () => {
  const { main, store } = byKey();
  await main.put("a", 1);
  await main.close();
  await store.put("h", 1);
  await expect(store.getMany(["h", "a"])).rejects.toMatchObject({
    failures: [{ key: "a", error: expect.any(StoreClosedError) }],
    results: [1, undefined],
  });
});

it("does not close its stores", async () => {
  const { hot, main, store } = byCollection();
  await store.close();
  await expect(store.get("a")).rejects.toThrow(StoreClosedError);
  await Promise.all([hot.put("a", 1), main.put("a", 1)]);
});

it.each([
  [{}],
  [{ stores: {}, by: {} }],
  [{ stores: { a: new CompleteDriver() }, by: {} }],
  [{ stores: { a: complete() } }],
  [{ stores: { a: complete() }, by: null }],
  [{ stores: { a: complete() }, by: { c: "b" } }],
  [{ stores: { a: complete() }, by: {}, default: "b" }],
  [{ stores: { a: complete() }, by: {}, timeout: 0 }],
])("is refused: %o", (options) => {
  expect(() => route(options as RouteOptions<never, "a">)).toThrow(InvalidArgumentError);
});

it("is refused with one store twice", () => {
  const one = complete();
  expect(() => route({ stores: { a: one, b: one }, by: {} })).toThrow(InvalidArgumentError);
});
