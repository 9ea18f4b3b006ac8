/** What is this backend's own: bounds, and expired records that go without being read. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { InvalidArgumentError, ValueTooLargeError } from "@kv/core";
import { describe, expect, test } from "vitest";
import { fromUrl, MemoryDriver, memoryStore } from "../src/index.ts";

/** The number of records that are held, expired ones included. */
function held(store: { readonly driver: unknown }): number {
  if (!(store.driver instanceof MemoryDriver)) throw new Error("not a store in memory");
  return store.driver.size;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function keysOf(store: ReturnType<typeof memoryStore>): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.collection().keys()) keys.push(key);
  return keys.sort();
}

describe("maxEntries", () => {
  test("the least recently used record leaves first, whether it was read or written", async () => {
    const store = memoryStore({ maxEntries: 3 });
    for (const key of ["a", "b", "c"]) await store.put(key, key);
    await store.get("a");
    await store.put("b", "again");
    await store.put("d", "d");
    expect(await store.getMany(["a", "b", "c", "d"])).toEqual(["a", "again", undefined, "d"]);
    expect(held(store)).toBe(3);
  });

  test("counts the records of all collections together, and deleted ones no longer", async () => {
    const store = memoryStore({ maxEntries: 2 });
    await store.collection("one").put("a", 1);
    await store.collection("two").put("b", 2);
    await store.collection("two").delete("b");
    await store.collection("two").put("c", 3);
    expect(await store.collection("one").get("a")).toBe(1);
    await store.put("d", 4);
    expect(held(store)).toBe(2);
  });

  test("a bounded store does not claim to be durable", () => {
    expect(memoryStore({ maxEntries: 1 }).can("durable")).toBe(false);
    expect(memoryStore({ maxBytes: 1000 }).can("durable")).toBe(false);
    expect(memoryStore().can("durable")).toBe(true);
  });
});

describe("maxBytes", () => {
  test("evicts until the records fit, and gives back what overwriting and deleting free", async () => {
    const store = memoryStore({ maxBytes: 10_000 });
    for (let round = 0; round < 50; round++) {
      await store.put("same", "x".repeat(3000));
      await store.put("other", "y".repeat(3000));
      await store.delete("other");
    }
    await store.put("b", "x".repeat(3000));
    await store.put("c", "x".repeat(3000));
    expect(await store.has("same")).toBe(true);
    await store.put("d", "x".repeat(3000));
    expect(await store.getMany(["b", "c", "d"])).toEqual([undefined, "x".repeat(3000), "x".repeat(3000)]);
  });

  test("a record that can never fit is refused, and leaves what was there", async () => {
    const store = memoryStore({ maxBytes: 1000 });
    await store.put("a", "small");
    await expect(store.put("a", "x".repeat(2000))).rejects.toBeInstanceOf(ValueTooLargeError);
    expect(await store.get("a")).toBe("small");
  });
});

describe("expired records", () => {
  test("are reclaimed without anyone reading them, the others stay", async () => {
    const store = memoryStore();
    const expiring = Array.from({ length: 500 }, (_, index) => ({
      key: `short ${index}`,
      value: index,
      ttl: 0.02 + (index % 10) / 100,
    }));
    await store.putMany(expiring);
    await store.put("long", 1, { ttl: "1h" });
    await store.put("for ever", 1);
    await until(() => held(store) === 2);
    expect(await keysOf(store)).toEqual(["for ever", "long"]);
  });

  test("a record whose expiry was changed goes at the new time, not the old one", async () => {
    const store = memoryStore();
    await store.put("kept", 1, { ttl: 0.05 });
    await store.put("kept", 2);
    await store.put("later", 1, { ttl: 0.05 });
    await store.touch("later", "1h");
    await store.put("sooner", 1, { ttl: "1h" });
    await store.touch("sooner", 0.05);
    await store.put("mark", 1, { ttl: 0.1 });
    await until(() => held(store) === 2);
    expect(await keysOf(store)).toEqual(["kept", "later"]);
  });

  test("go in the order of their expiry, in whatever order they came and left", async () => {
    const store = memoryStore();
    const moments = Array.from({ length: 2000 }, (_, index) => ((index * 7919) % 2000) + 1);
    await store.putMany(moments.map((at) => ({ key: `${at}`, value: at, ttl: 3600 + at })));
    await store.deleteMany(moments.filter((at) => at % 3 === 0).map(String));
    for (const at of moments.filter((one) => one % 3 === 1)) await store.touch(`${at}`, at / 1e5);
    await until(() => held(store) === moments.filter((at) => at % 3 === 2).length);
    expect((await keysOf(store)).every((key) => Number(key) % 3 === 2)).toBe(true);
  });
});

test("neither an open store nor a record that expires in an hour keeps the process alive", async () => {
  const child = fileURLToPath(new URL("children/expiring.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=@kv/source", "--import", "tsx", child]);
  expect(stdout).toBe("stored\n");
});

test("a record that is deleted and stored again during an enumeration does not come twice", async () => {
  const store = memoryStore();
  const count = 2500;
  for (let index = 0; index < count; index++) await store.put(`${index}`, index);
  const seen: string[] = [];
  for await (const key of store.collection().keys()) {
    seen.push(key);
    if (seen.length > count * 2) break;
    await store.delete(key);
    await store.put(key, "again");
  }
  expect(seen.length).toBe(count);
  expect(new Set(seen).size).toBe(count);
});

describe("fromUrl", () => {
  test("takes the bounds as parameters", async () => {
    const store = fromUrl("memory:?maxEntries=1");
    await store.put("a", 1);
    await store.put("b", 1);
    expect(await store.get("a")).toBeUndefined();
    expect(fromUrl("memory://").can("durable")).toBe(true);
  });

  test.each(["memory:/path", "memory:?maxEntries=0", "memory:?maxEntries=x", "memory:?max=1", "disk:x"])(
    "refuses %s",
    (url) => {
      expect(() => fromUrl(url)).toThrow(InvalidArgumentError);
    },
  );
});
