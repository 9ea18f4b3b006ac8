// Closing in the midst of everything: what is in flight ends first, and nothing of RocksDB is used afterwards.
import { KeyValueError, StoreClosedError } from "@kv/core";
import { rocksdbStore } from "@kv/rocksdb";
import { expect, test } from "vitest";
import { newFolder } from "./helpers.ts";

test("closing lets what is in flight settle", async () => {
  const path = newFolder();
  for (let round = 0; round < 20; round++) {
    const store = rocksdbStore({ path, sync: round % 2 === 0 });
    const keys = Array.from({ length: 200 }, (_, at) => `${at}`);
    await store.putMany(keys.map((key) => ({ key, value: "x".repeat(500) })));
    const work: Promise<unknown>[] = [
      ...keys.map((key) => store.put(key, round)),
      ...keys.map((key) => store.get(key)),
      ...keys.map((key) => store.increment(`counter ${key}`)),
      store.getMany(keys),
      store.collection().clear(),
      store.cull(),
      store.collections().next(),
      ...keys.slice(0, 20).map(() => store.collection().entries().next()),
    ];
    const settled = Promise.allSettled(work);
    await store.close();
    for (const one of await settled) {
      if (one.status === "rejected") expect(one.reason).toBeInstanceOf(StoreClosedError);
    }
    await expect(store.get("0")).rejects.toBeInstanceOf(StoreClosedError);
  }
});

test("calls that nobody waits for any more are no danger to closing", async () => {
  const path = newFolder();
  for (let round = 0; round < 20; round++) {
    const store = rocksdbStore({ path });
    await store.put("a", 1);
    const { signal, abort } = abortable();
    const work = [
      ...Array.from({ length: 50 }, (_, at) => store.put(`${at}`, "x".repeat(10_000), { signal })),
      ...Array.from({ length: 50 }, (_, at) => store.get(`${at}`, { signal })),
      store.collection().clear({ signal }),
      store.collection().keys({ signal }).next(),
    ];
    const settled = Promise.allSettled(work);
    abort();
    await store.close();
    for (const one of await settled) {
      if (one.status === "rejected") expect(one.reason).toBeInstanceOf(KeyValueError);
    }
  }
});

test("an enumeration that was left in its midst holds nothing open", async () => {
  const path = newFolder();
  const store = rocksdbStore({ path });
  await store.putMany(Array.from({ length: 3000 }, (_, at) => ({ key: `${at}`, value: at })));
  const left = store.collection().entries();
  await left.next();
  await store.close();
  const again = rocksdbStore({ path });
  expect(await again.get("0")).toBe(0);
  await again.close();
  // The page that it has is still given; there is no next one.
  await expect(
    (async () => {
      for (;;) if ((await left.next()).done) return;
    })(),
  ).rejects.toBeInstanceOf(StoreClosedError);
});

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
