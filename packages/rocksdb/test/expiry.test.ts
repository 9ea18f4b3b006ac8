// Expired records go without being read, and the index of expiries stays small.
import { RocksdbDriver, rocksdbStore } from "@kv/rocksdb";
import { clockPast } from "@kv/test-servers";
import { afterEach, describe, expect, test } from "vitest";
import { keysOf } from "../src/native.ts";
import { newFolder } from "./helpers.ts";

type Store = ReturnType<typeof rocksdbStore>;
const stores: Store[] = [];
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

function open(path = newFolder()): Store {
  const store = rocksdbStore({ path, sync: false });
  stores.push(store);
  return store;
}

/** What lies in the folder of an open store, expired or not: records, and rows in the index of expiries. */
async function countsOf({ driver }: Store): Promise<{ records: number; rows: number }> {
  const database = driver instanceof RocksdbDriver ? driver.database : undefined;
  if (!database) throw new Error("not an open rocksdb store");
  const counts = { records: 0, rows: 0 };
  for (const key of await keysOf(database, { gte: Buffer.from("a"), lt: Buffer.from("z") }, 100_000)) {
    if (key[0] === "r".charCodeAt(0)) counts.records++;
    else counts.rows++;
  }
  return counts;
}

async function untilRecords(store: Store, most: number): Promise<void> {
  while ((await countsOf(store)).records > most) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("in the background", () => {
  test("what has expired is reclaimed, and nothing else", async () => {
    const store = open();
    await store.put("stays", 1);
    await store.put("later", 1, { ttl: "1h" });
    const short = Array.from({ length: 2500 }, (_, at) => ({ key: `${at}`, value: at, ttl: "100ms" as const }));
    await store.collection("other").putMany(short);
    await untilRecords(store, 2);
    expect(await countsOf(store)).toEqual({ records: 2, rows: 1 });
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
    await untilRecords(second, 1);
    expect(await countsOf(second)).toEqual({ records: 1, rows: 0 });
  });

  test("a record that expires sooner than the one that was waited for is not late", async () => {
    const store = open();
    await store.put("later", 1, { ttl: "30s" });
    const began = Date.now();
    await clockPast(began + 700);
    await store.put("sooner", 1, { ttl: "10ms" });
    await untilRecords(store, 1);
    expect(Date.now()).toBeLessThan(began + 25_000);
  });

  test("a record that was given another expiry, or none, stays", async () => {
    const store = open();
    const keys = ["overwritten", "longer", "for ever", "deleted"];
    await store.putMany(keys.map((key) => ({ key, value: 1, ttl: "5s" as const })));
    await store.put("expires", 1, { ttl: "5s" });
    await store.put("overwritten", 2);
    await store.touch("longer", "1h");
    await store.touch("for ever", null);
    await store.delete("deleted");
    await untilRecords(store, 3);
    expect(await store.getMany(keys)).toEqual([2, 1, 1, undefined]);
    expect((await countsOf(store)).records).toBe(3);
  });

  test("the sweep goes on where it was, and misses nothing that comes before", async () => {
    const store = open();
    for (let round = 0; round < 4; round++) {
      const entries = Array.from({ length: 50 }, (_, at) => ({
        key: `${round}-${at}`,
        value: at,
        ttl: (at + 1) / 100,
      }));
      await store.putMany(entries);
      await untilRecords(store, 0);
    }
    expect(await countsOf(store)).toEqual({ records: 0, rows: 0 });
  });
});

describe("the index", () => {
  test("holds a few rows of a record that is overwritten again and again", async () => {
    const store = open();
    for (let round = 0; round < 50; round++) {
      await Promise.all(Array.from({ length: 40 }, (_, at) => store.put("a", at, { ttl: 3600 + round * 40 + at })));
    }
    const { records, rows } = await countsOf(store);
    expect(records).toBe(1);
    expect(rows).toBeLessThanOrEqual(32);
  });

  test("cull deletes what has expired at once, and lets the rest be", async () => {
    const store = open();
    await store.put("later", 1, { ttl: "1h" });
    await store.collection("a".repeat(3000)).put("short", 1, { ttl: "20ms" });
    await clockPast(Date.now() + 20);
    await store.cull();
    expect((await countsOf(store)).records).toBe(1);
    expect(await store.get("later")).toBe(1);
  });
});
