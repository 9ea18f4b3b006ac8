// Expired records go without being read, and the index of expiries stays small.
import { RocksdbDriver, rocksdbStore } from "@kv/rocksdb";
import { reclaimingSuite, until } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterEach, describe, expect, test } from "vitest";
import { keysOf } from "../src/native.ts";
import { newFolder } from "./helpers.ts";

type Store = ReturnType<typeof rocksdbStore>;
const stores: Store[] = [];
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

function open(): Store {
  const store = rocksdbStore({ path: newFolder(), sync: false });
  stores.push(store);
  return store;
}

/** Counts what lies in the folder of an open store, expired or not: records, and rows in the index of expiries. */
function countsOf({ driver }: Store): () => Promise<{ records: number; rows: number }> {
  const database = driver instanceof RocksdbDriver ? driver.database : undefined;
  if (!database) throw new Error("not an open rocksdb store");
  return async () => {
    const counts = { records: 0, rows: 0 };
    for (const key of await keysOf(database, { gte: Buffer.from("a"), lt: Buffer.from("z") }, 100_000)) {
      if (key[0] === "r".charCodeAt(0)) counts.records++;
      else counts.rows++;
    }
    return counts;
  };
}

function untilRecords(store: Store, most: number): Promise<void> {
  const counts = countsOf(store);
  return until(async () => (await counts()).records <= most);
}

reclaimingSuite(vitest, {
  scheme: "rocksdb",
  open: ({ path }) => rocksdbStore({ path, sync: false }),
  newFolder,
  countsOf,
});

describe("in the background", () => {
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
    expect((await countsOf(store)()).records).toBe(3);
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
    expect(await countsOf(store)()).toEqual({ records: 0, rows: 0 });
  });
});

describe("the index", () => {
  test("holds a few rows of a record that is overwritten again and again", async () => {
    const store = open();
    for (let round = 0; round < 50; round++) {
      await Promise.all(Array.from({ length: 40 }, (_, at) => store.put("a", at, { ttl: 3600 + round * 40 + at })));
    }
    const { records, rows } = await countsOf(store)();
    expect(records).toBe(1);
    expect(rows).toBeLessThanOrEqual(32);
  });
});
