// Expired records go without being read, and the index of expiries holds one row for each record that expires.
import { diskStore } from "@kv/disk";
import { clockPast, until } from "@kv/test-servers";
import { afterEach, describe, expect, test } from "vitest";
import { countsOf, newFolder } from "./helpers.ts";

type Store = ReturnType<typeof diskStore>;
const stores: Store[] = [];
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

function open(path = newFolder()): Store {
  const store = diskStore({ path });
  stores.push(store);
  return store;
}

describe("in the background", () => {
  test("what has expired is reclaimed, and nothing else", async () => {
    const store = open();
    await store.put("stays", 1);
    await store.put("later", 1, { ttl: "1h" });
    const short = Array.from({ length: 2500 }, (_, at) => ({ key: `${at}`, value: at, ttl: "100ms" as const }));
    await store.collection("other").putMany(short);
    const counts = countsOf(store);
    await until(() => counts().records <= 2);
    expect(counts()).toEqual({ records: 2, rows: 1 });
    expect(await store.getMany(["stays", "later"])).toEqual([1, 1]);
  });

  test("also what expired while the folder was closed", async () => {
    const path = newFolder();
    const first = open(path);
    await first.putMany(Array.from({ length: 20 }, (_, at) => ({ key: `${at}`, value: at, ttl: "50ms" as const })));
    await first.put("stays", 1);
    const written = Date.now();
    await first.close();
    await clockPast(written + 50);
    const second = open(path);
    expect(await second.get("0")).toBeUndefined();
    const counts = countsOf(second);
    await until(() => counts().records === 1);
    expect(counts()).toEqual({ records: 1, rows: 0 });
  });

  test("a record that expires sooner than the one that was waited for is not late", async () => {
    const store = open();
    await store.put("later", 1, { ttl: "30s" });
    const counts = countsOf(store);
    const began = Date.now();
    await clockPast(began + 700);
    await store.put("sooner", 1, { ttl: "10ms" });
    await until(() => counts().records === 1);
    expect(Date.now()).toBeLessThan(began + 25_000);
  });
});

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

  test("cull deletes what has expired at once", async () => {
    const store = open();
    await store.put("later", 1, { ttl: "1h" });
    const counts = countsOf(store);
    await store.collection("a".repeat(3000)).put("short", 1, { ttl: "20ms" });
    await clockPast(Date.now() + 20);
    await store.cull();
    expect(counts()).toEqual({ records: 1, rows: 1 });
  });
});
