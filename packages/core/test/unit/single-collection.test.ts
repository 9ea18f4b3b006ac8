// One collection for all: what it stores under, that no two records ever meet, and collections made from keys.

import { createStore } from "@kv/core";
import { type Cursor, defineLayer, forward, type Page } from "@kv/core/driver";
import { prefixCollections, singleCollection } from "@kv/core/wrappers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { collect as listed } from "../../src/conformance/support.ts";
import { anyName, sorted, wrapped } from "../support/name-wrappers.ts";

it.each([
  ["users", "ada", "users__ada"],
  ["users", "__", "users____"],
  ["default_collection", "k", "default_collection__k"],
  ["a__b", "c", "__a%5F%5Fb__c"],
  ["a_", "c", "__a%5F__c"],
  ["_", "c", "__%5F__c"],
  ["50%", "c", "50%__c"],
])("the collection %j and the key %j lie under %j: as Python where that is unambiguous", async (name, key, stored) => {
  const { plain, store } = wrapped(singleCollection("all"));
  await store.collection(name).put(key, 1);
  expect(await listed(plain.collections())).toEqual(["all"]);
  expect(await listed(plain.collection("all").keys())).toEqual([stored]);
  expect(await listed(store.collections())).toEqual([name]);
  expect(await listed(store.collection(name).keys())).toEqual([key]);
});

// Python joins by "__" alone: ("a", "b__c") and ("a__b", "c") are one record there.
it("never lets two pairs of names meet, whatever they are, and clears one collection alone", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyName, { minLength: 2, maxLength: 4 }),
      fc.uniqueArray(anyName, { minLength: 1, maxLength: 4 }),
      fc.string({ unit: fc.constantFrom("_", "%", "5", "F", "a"), maxLength: 3 }),
      async (collections, keys, prefix) => {
        const { store } = wrapped(singleCollection("all"));
        for (const one of collections) for (const key of keys) await store.collection(one).put(key, [one, key]);
        for (const one of collections) {
          for (const key of keys) expect(await store.collection(one).get(key)).toEqual([one, key]);
          expect(await sorted(store.collection(one).keys())).toEqual([...keys].sort());
        }
        expect(await sorted(store.collections())).toEqual([...collections].sort());
        expect(await sorted(store.collections({ prefix }))).toEqual(
          collections.filter((one) => one.startsWith(prefix)).sort(),
        );
        await store.collection(collections[0]).clear();
        expect(await sorted(store.collections())).toEqual(collections.slice(1).sort());
      },
    ),
  );
});

it("gives each collection once over all pages of keys", async () => {
  const { store } = wrapped(singleCollection("all"));
  // In the order of the keys the collections take turns, on every page.
  for (let at = 0; at < 40; at++) {
    await store.collection("z").put(`${at}`, 1);
    await store
      .collection(`a_${at % 4}`)
      .putMany(Array.from({ length: 30 }, (_, n) => ({ key: `${at} ${n}`, value: 1 })));
  }
  expect(await sorted(store.collections())).toEqual(["a_0", "a_1", "a_2", "a_3", "z"]);
});

it("gives the same names again where a page is asked for again, as `retry` does", async () => {
  const { store } = wrapped(singleCollection("all"));
  for (let at = 0; at < 250; at++) await store.collection(`c${String(at % 150).padStart(3, "0")}`).put(`${at}`, 1);
  const pages: string[][] = [];
  const twice = defineLayer("twice", (inner) => {
    const { collections } = forward(inner, {});
    return forward(inner, {
      async collections(prefix, cursor: Cursor | undefined, call): Promise<Page<string>> {
        const lost = await collections?.(prefix, cursor, call);
        const page = await collections?.(prefix, cursor, call);
        expect(page?.items).toEqual(lost?.items);
        pages.push([...(page?.items ?? [])]);
        return page ?? { items: [] };
      },
    });
  });
  const names = await listed(store.with(twice).collections());
  expect([names.length, new Set(names).size]).toEqual([150, 150]);
  expect(pages.length).toBeGreaterThan(1);
});

it("takes no other program's keys in the collection for records of its own, and leaves them", async () => {
  const { plain, store } = wrapped(singleCollection("all"));
  const foreign = ["plain", "_", "__", "____", "__x", "a_b", "__%5__k", "__users__k", "users__", "%5F"];
  await plain.collection("all").putMany(foreign.map((key) => ({ key, value: 0 })));
  await plain.collection("other").put("users__k", 0);
  await store.collection("users").putMany(Array.from({ length: 150 }, (_, at) => ({ key: `k${at}`, value: 1 })));
  await store.collection("x__y").put("k", 1);
  expect(await sorted(store.collections())).toEqual(["users", "x__y"]);
  expect(await listed(store.collection("users").keys())).toHaveLength(150);
  await store.collection("users").clear();
  expect(await sorted(store.collections())).toEqual(["x__y"]);
  await store.collection("users").put("k", 1);
  await store.clearAll();
  expect(await listed(store.collections())).toEqual([]);
  expect(await sorted(plain.collection("all").keys())).toEqual([...foreign].sort());
  expect(await plain.collection("other").get("users__k")).toBe(0);
});

it("culls what has expired in it, and nothing beside it", async () => {
  const driver = new CompleteDriver();
  const { store } = wrapped(singleCollection("all"), driver);
  const expired = { value: 1, createdAt: 1, expiresAt: 2, revision: "r" as never };
  for (const collection of ["all", "other"]) driver.put({ collection, key: "users__old" }, expired);
  await store.collection("users").put("new", 1);
  await store.cull();
  expect(driver.get({ collection: "all", key: "users__old" })).toBeUndefined();
  expect(driver.get({ collection: "other", key: "users__old" })).toBeDefined();
  expect(await store.collection("users").get("new")).toBe(1);
});

it("under a prefix of collections, each lies in the other in either order", async () => {
  const plain = createStore(new CompleteDriver());
  const store = plain.with(singleCollection("all")).with(prefixCollections("app_"));
  const beside = plain.with(singleCollection("all")).with(prefixCollections("app"));
  await store.collection("c").put("k", 1);
  await beside.collection("c").put("k", 2);
  expect(await sorted(plain.collection("all").keys())).toEqual(["__%5F%5Fapp%255F%5F%5Fc__k", "__app%5F%5Fc__k"]);
  expect(await listed(store.collections())).toEqual(["c"]);
  await store.cull();
  await store.clearAll();
  expect([await store.collection("c").get("k"), await beside.collection("c").get("k")]).toEqual([undefined, 2]);
  const other = plain.with(prefixCollections("app")).with(singleCollection("all"));
  await other.collection("c").put("k", 3);
  expect(await plain.collection("app__all").get("c__k")).toBe(3);
});
