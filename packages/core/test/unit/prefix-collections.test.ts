// Prefixes: what they store under, that no two ever meet, and that a store under one reaches nothing else.

import { createStore, InvalidNameError } from "@kv/core";
import { prefixCollections } from "@kv/core/wrappers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { golden } from "../golden/wrappers.ts";

/** A store, and the same seen through a prefix. */
function stores(prefix: string) {
  const plain = createStore(new CompleteDriver());
  return { plain, store: plain.with(prefixCollections(prefix)) };
}

async function listed(names: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = [];
  for await (const name of names) list.push(name);
  return list.sort();
}

it("stores a record where Python's wrapper has it", async () => {
  const plain = createStore(new CompleteDriver());
  await plain.with(prefixCollections("app")).collection("users").put("ada", 1);
  const [collection = "", key = ""] = golden.names.prefixCollections.split("::");
  expect(await plain.collection(collection).get(key)).toBe(1);
});

it.each([
  ["app", "users", "app__users"],
  ["app", "__", "app____"],
  ["my-server", "a_b", "my-server__a_b"],
  ["app_", "users", "__app%5F__users"],
  ["a__b", "c", "__a%5F%5Fb__c"],
  ["__app", "c", "__%5F%5Fapp__c"],
  ["50%", "c", "50%__c"],
])("under %j the collection %j is stored as %j", async (prefix, collection, stored) => {
  const { plain, store } = stores(prefix);
  await store.collection(collection).put("k", 1);
  expect(await listed(plain.collections())).toEqual([stored]);
  expect(await listed(store.collections())).toEqual([collection]);
  expect(await plain.collection(stored).get("k")).toBe(1);
});

it("never lets two prefixes meet, whatever they are", async () => {
  const name = fc.oneof(
    fc.string({ unit: fc.constantFrom("_", "%", "5", "F", "a"), minLength: 1, maxLength: 6 }),
    fc.string({ unit: "grapheme", minLength: 1 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { minLength: 2, maxLength: 4 }),
      fc.array(name, { minLength: 1, maxLength: 4 }),
      async (prefixes, collections) => {
        const plain = createStore(new CompleteDriver());
        const prefixed = prefixes.map((prefix) => plain.with(prefixCollections(prefix)));
        for (const [index, store] of prefixed.entries()) {
          for (const collection of collections) await store.collection(collection).put("k", [index, collection]);
        }
        for (const [index, store] of prefixed.entries()) {
          for (const collection of collections)
            expect(await store.collection(collection).get("k")).toEqual([index, collection]);
          expect(await listed(store.collections())).toEqual([...new Set(collections)].sort());
        }
        const [first, ...others] = prefixed;
        await first?.clearAll();
        expect(await first?.collections().next()).toEqual({ done: true, value: undefined });
        for (const store of others) expect(await listed(store.collections())).toHaveLength(new Set(collections).size);
      },
    ),
  );
});

it("reaches only what lies under it", async () => {
  const { plain, store } = stores("app");
  const others = ["ap", "app", "app_", "app_x", "appx__users", "x__app__users", "default_collection"];
  for (const other of others) await plain.collection(other).put("k", 1);
  await store.collection("users").put("k", 2, { ttl: "1h" });
  await store.put("k", 3);
  expect(await listed(store.collections())).toEqual(["default_collection", "users"]);
  expect(await listed(store.collections({ prefix: "us" }))).toEqual(["users"]);
  expect(await listed(store.collection("users").keys())).toEqual(["k"]);
  await store.collection("users").clear();
  expect(await listed(store.collections())).toEqual(["default_collection"]);
  await store.cull();
  await store.clearAll();
  expect(await listed(plain.collections())).toEqual(others.sort());
});

it("lists no collection without a name, should another program have one that is the prefix alone", async () => {
  const { plain, store } = stores("app");
  await plain.collection("app__").put("k", 1);
  await plain.collection("app__users").put("k", 1);
  expect(await listed(store.collections())).toEqual(["users"]);
});

it("clears no such collection, but all that lies under it, also what has many records", async () => {
  const { plain, store } = stores("app");
  await plain.collection("app__").putMany(Array.from({ length: 150 }, (_, at) => ({ key: `${at}`, value: 1 })));
  for (const name of ["a", "b"]) {
    await store.collection(name).putMany(Array.from({ length: 150 }, (_, at) => ({ key: `${at}`, value: 1 })));
  }
  await plain.collection("b").put("k", 1);
  await store.clearAll();
  expect(await listed(plain.collections())).toEqual(["app__", "b"]);
});

it("may be put on itself: the outer one lies inside the inner one", async () => {
  const plain = createStore(new CompleteDriver());
  const store = plain.with(prefixCollections("inner")).with(prefixCollections("outer"));
  await store.collection("c").put("k", 1);
  expect(await listed(plain.collections())).toEqual(["inner__outer__c"]);
  expect(await listed(store.collections())).toEqual(["c"]);
  expect(store.layers).toEqual(["prefixCollections", "prefixCollections"]);
});

it.each([[""], ["\ud800"], [undefined], [1]])("is refused: %j", (prefix) => {
  expect(() => prefixCollections(prefix as string)).toThrow(InvalidNameError);
});
