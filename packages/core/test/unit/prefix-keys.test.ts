// Key prefixes: what they store under, that no two ever meet, and that a store under one reaches nothing else.

import { createStore, type KeyValueStore } from "@kv/core";
import { forward } from "@kv/core/driver";
import { encryption, prefixKeys } from "@kv/core/wrappers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { collect as listed } from "../../src/conformance/support.ts";
import { anyName, sorted, wrapped } from "../support/name-wrappers.ts";
import { rejection } from "./held-driver.ts";

it.each([
  ["app", "k", "app__k"],
  ["app", "__", "app____"],
  ["my-server", "a_b", "my-server__a_b"],
  ["app_", "k", "__app%5F__k"],
  ["a__b", "c", "__a%5F%5Fb__c"],
  ["__app", "c", "__%5F%5Fapp__c"],
  ["50%", "c", "50%__c"],
])("under %j the key %j is stored as %j: as Python where that is unambiguous", async (prefix, key, stored) => {
  const { plain, store } = wrapped(prefixKeys(prefix));
  await store.collection("c").put(key, 1);
  expect(await listed(plain.collection("c").keys())).toEqual([stored]);
  expect(await listed(store.collection("c").keys())).toEqual([key]);
  expect(await listed(store.collections())).toEqual(["c"]);
});

// Python joins by "__" alone: "a" + "b__c" and "a__b" + "c" are one record there.
it("never lets two prefixes meet, whatever they are, nor reach the other's records", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyName, { minLength: 2, maxLength: 4 }),
      fc.uniqueArray(anyName, { minLength: 1, maxLength: 4 }),
      async (prefixes, keys) => {
        const plain = createStore(new CompleteDriver());
        const prefixed = prefixes.map((prefix) => plain.with(prefixKeys(prefix)));
        for (const [index, store] of prefixed.entries()) for (const key of keys) await store.put(key, [index, key]);
        for (const [index, store] of prefixed.entries()) {
          for (const key of keys) expect(await store.get(key)).toEqual([index, key]);
          expect(await sorted(store.collection().keys())).toEqual([...keys].sort());
        }
        const [first, ...others] = prefixed;
        await first?.clearAll();
        expect(await first?.collection().keys().next()).toEqual({ done: true, value: undefined });
        for (const store of others) expect(await listed(store.collection().keys())).toHaveLength(keys.length);
      },
    ),
  );
});

const FOREIGN = ["ap", "app", "app_", "app__", "app_x", "appx__k", "x__app__k", "k"];

/** Three collections with records under the prefix and beside it, and one with records beside it alone. */
async function mixed(store: KeyValueStore<"write">, plain: KeyValueStore<"write">) {
  for (const name of ["a", "b", "c", "foreign"]) {
    await plain.collection(name).putMany(FOREIGN.map((key) => ({ key, value: 0 })));
    if (name === "foreign") continue;
    await store.collection(name).putMany(Array.from({ length: 250 }, (_, at) => ({ key: `k${at}`, value: at })));
  }
}

it("reaches only what lies under it: keys, entries, collections", async () => {
  const { plain, store } = wrapped(prefixKeys("app"));
  await mixed(store, plain);
  expect(await sorted(store.collections())).toEqual(["a", "b", "c"]);
  expect(await sorted(store.collections({ prefix: "b" }))).toEqual(["b"]);
  const keys = await listed(store.collection("a").keys());
  expect([keys.length, new Set(keys).size]).toEqual([250, 250]);
  expect(await sorted(store.collection("a").keys({ prefix: "k24" }))).toHaveLength(11);
  expect(await listed(store.collection("foreign").keys())).toEqual([]);
  expect((await listed(store.collection("a").entries({ prefix: "k7" }))).map(({ value }) => value).sort()).toEqual([
    7, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79,
  ]);
});

it("clears only what lies under it: also beside a key that is the prefix alone", async () => {
  const { plain, store } = wrapped(prefixKeys("app"));
  await mixed(store, plain);
  await store.collection("a").clear();
  expect(await sorted(plain.collection("a").keys())).toEqual([...FOREIGN].sort());
  expect(await listed(store.collection("b").keys())).toHaveLength(250);
  await store.clearAll();
  expect(await listed(store.collections())).toEqual([]);
  for (const name of ["a", "b", "c", "foreign"]) {
    expect(await sorted(plain.collection(name).keys())).toEqual([...FOREIGN].sort());
  }
});

it("clears by the backend's own means where no key is the prefix alone", async () => {
  const driver = new CompleteDriver();
  const deleted: string[] = [];
  const watched = forward(driver, {
    delete(id) {
      deleted.push(id.key);
      return driver.delete(id);
    },
  });
  const store = createStore({ ...watched, capabilities: driver.capabilities }).with(prefixKeys("app"));
  await store.put("k", 1);
  await store.clearAll();
  expect([await store.has("k"), deleted]).toEqual([false, []]);
});

it("does not take what cannot be read for absent: it stays, and the rest goes", async () => {
  const plain = createStore(new CompleteDriver());
  const keys = [{ id: "a", key: new Uint8Array(32) }];
  const store = plain.with(encryption({ keys })).with(prefixKeys("app"));
  await plain.put("app__", "not encrypted");
  await store.put("k", 1);
  await store.collection().clear();
  expect(await listed(plain.collection().keys())).toEqual(["app__"]);
});

it("culls only what lies under it", async () => {
  const driver = new CompleteDriver();
  const { plain, store } = wrapped(prefixKeys("app"), driver);
  const expired = { value: 1, createdAt: 1, expiresAt: 2, revision: "r" as never };
  driver.put({ collection: "c", key: "app__old" }, expired);
  driver.put({ collection: "c", key: "other" }, expired);
  await store.collection("c").put("new", 1);
  await store.cull();
  expect(driver.get({ collection: "c", key: "app__old" })).toBeUndefined();
  expect(driver.get({ collection: "c", key: "other" })).toBeDefined();
  expect(await plain.collection("c").get("app__new")).toBe(1);
});

it("a failing deletion around a key that is the prefix alone is the clear's failure", async () => {
  const driver = new CompleteDriver();
  const failing = forward(driver, {
    delete(id) {
      if (id.key === "app__b") throw new Error("no");
      return driver.delete(id);
    },
  });
  const plain = createStore({ ...failing, capabilities: driver.capabilities });
  const store = plain.with(prefixKeys("app"));
  await plain.put("app__", 1);
  await store.putMany(["a", "b", "c"].map((key) => ({ key, value: 1 })));
  expect(await rejection(store.collection().clear())).toMatchObject({ code: "BACKEND_FAILURE", operation: "clear" });
});

it("may be put on itself: the outer one lies inside the inner one", async () => {
  const plain = createStore(new CompleteDriver());
  const inner = plain.with(prefixKeys("inner"));
  const store = inner.with(prefixKeys("outer"));
  await store.put("k", 1);
  await inner.put("outer__", 0);
  await inner.put("k", 0);
  expect(await listed(plain.collection().keys({ prefix: "inner__outer__k" }))).toEqual(["inner__outer__k"]);
  expect(await listed(store.collection().keys())).toEqual(["k"]);
  await store.clearAll();
  expect(await sorted(plain.collection().keys())).toEqual(["inner__k", "inner__outer__"]);
});
