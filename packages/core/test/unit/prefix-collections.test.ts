// Prefixes: what they store under, that no two ever meet, and that a store under one reaches nothing else.

import { createStore } from "@kv/core";
import { prefixCollections } from "@kv/core/wrappers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { anyName, sorted, wrapped } from "../support/name-wrappers.ts";

it.each([
  ["app", "users", "app__users"],
  ["app", "__", "app____"],
  ["my-server", "a_b", "my-server__a_b"],
  ["app_", "users", "__app%5F__users"],
  ["a__b", "c", "__a%5F%5Fb__c"],
  ["__app", "c", "__%5F%5Fapp__c"],
  ["50%", "c", "50%__c"],
])("under %j the collection %j is stored as %j", async (prefix, collection, stored) => {
  const { plain, store } = wrapped(prefixCollections(prefix));
  await store.collection(collection).put("k", 1);
  expect(await sorted(plain.collections())).toEqual([stored]);
  expect(await sorted(store.collections())).toEqual([collection]);
  expect(await plain.collection(stored).get("k")).toBe(1);
});

it("never lets two prefixes meet, whatever they are", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyName, { minLength: 2, maxLength: 4 }),
      fc.array(anyName, { minLength: 1, maxLength: 4 }),
      async (prefixes, collections) => {
        const plain = createStore(new CompleteDriver());
        const prefixed = prefixes.map((prefix) => plain.with(prefixCollections(prefix)));
        for (const [index, store] of prefixed.entries()) {
          for (const collection of collections) await store.collection(collection).put("k", [index, collection]);
        }
        for (const [index, store] of prefixed.entries()) {
          for (const collection of collections)
            expect(await store.collection(collection).get("k")).toEqual([index, collection]);
          expect(await sorted(store.collections())).toEqual([...new Set(collections)].sort());
        }
        const [first, ...others] = prefixed;
        await first?.clearAll();
        expect(await first?.collections().next()).toEqual({ done: true, value: undefined });
        for (const store of others) expect(await sorted(store.collections())).toHaveLength(new Set(collections).size);
      },
    ),
  );
});

it("reaches only what lies under it", async () => {
  const { plain, store } = wrapped(prefixCollections("app"));
  const others = ["ap", "app", "app_", "app_x", "appx__users", "x__app__users", "default_collection"];
  for (const other of others) await plain.collection(other).put("k", 1);
  await store.collection("users").put("k", 2, { ttl: "1h" });
  await store.put("k", 3);
  expect(await sorted(store.collections())).toEqual(["default_collection", "users"]);
  expect(await sorted(store.collections({ prefix: "us" }))).toEqual(["users"]);
  expect(await sorted(store.collection("users").keys())).toEqual(["k"]);
  await store.collection("users").clear();
  expect(await sorted(store.collections())).toEqual(["default_collection"]);
  await store.cull();
  await store.clearAll();
  expect(await sorted(plain.collections())).toEqual(others.sort());
});

it("lists no collection without a name, should another program have one that is the prefix alone", async () => {
  const { plain, store } = wrapped(prefixCollections("app"));
  await plain.collection("app__").put("k", 1);
  await plain.collection("app__users").put("k", 1);
  expect(await sorted(store.collections())).toEqual(["users"]);
});

it("clears no such collection, but all that lies under it, also what has many records", async () => {
  const { plain, store } = wrapped(prefixCollections("app"));
  await plain.collection("app__").putMany(Array.from({ length: 150 }, (_, at) => ({ key: `${at}`, value: 1 })));
  for (const name of ["a", "b"]) {
    await store.collection(name).putMany(Array.from({ length: 150 }, (_, at) => ({ key: `${at}`, value: 1 })));
  }
  await plain.collection("b").put("k", 1);
  await store.clearAll();
  expect(await sorted(plain.collections())).toEqual(["app__", "b"]);
});

it("may be put on itself: the outer one lies inside the inner one", async () => {
  const plain = createStore(new CompleteDriver());
  const store = plain.with(prefixCollections("inner")).with(prefixCollections("outer"));
  await store.collection("c").put("k", 1);
  expect(await sorted(plain.collections())).toEqual(["inner__outer__c"]);
  expect(await sorted(store.collections())).toEqual(["c"]);
  expect(store.layers).toEqual(["prefixCollections", "prefixCollections"]);
});
