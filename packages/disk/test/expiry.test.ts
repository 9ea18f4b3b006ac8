// Expired records go without being read, and the index of expiries holds one row for each record that expires.
import { diskStore } from "@kv/disk";
import { reclaimingSuite } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterEach, describe, expect, test } from "vitest";
import { countsOf, newFolder } from "./helpers.ts";

type Store = ReturnType<typeof diskStore>;
const stores: Store[] = [];
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

function open(): Store {
  const store = diskStore({ path: newFolder() });
  stores.push(store);
  return store;
}

reclaimingSuite(vitest, { scheme: "disk", open: diskStore, newFolder, countsOf });

describe("the index", () => {
  test("follows every change of an expiry", async () => {
    const store = open();
    await store.put("a", 1, { ttl: "1h" });
    const counts = countsOf(store);
    const changes: [() => Promise<unknown>, number][] = [
      [() => store.put("a", 2, { ttl: "2h" }), 1],
      [() => store.put("a", 3), 0],
      [() => store.touch("a", "1h"), 1],
      [() => store.update("a", () => 4, { keepTtl: true }), 1],
      [() => store.touch("a", null), 0],
      [() => store.touch("a", "1h"), 1],
      [() => store.take("a"), 0],
      [() => store.putIfAbsent("a", 5, { ttl: "1h" }), 1],
      [() => store.delete("a"), 0],
      [() => store.put("a", 6, { ttl: "1h" }), 1],
      [() => store.collection().clear(), 0],
    ];
    for (const [change, rows] of changes) {
      await change();
      expect([change.toString(), counts().rows]).toEqual([change.toString(), rows]);
    }
  });

  test("holds one row where many write one record at once", async () => {
    const store = open();
    await store.get("a");
    const writes = Array.from({ length: 100 }, (_, at) => store.put("a", at, { ttl: 3600 + at }));
    await Promise.all(writes);
    expect(countsOf(store)()).toEqual({ records: 1, rows: 1 });
  });
});
