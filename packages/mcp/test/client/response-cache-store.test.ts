/** The SDK client's response cache over a store: shared by processes, never between users or servers. */
import { randomBytes } from "node:crypto";
import type { KeyValueError } from "@kv/core";
import { memoryStore } from "@kv/memory";
import { redisStore } from "@kv/redis";
import { serverFor } from "@kv/test-servers";
import { Client } from "@modelcontextprotocol/client";
import * as vitest from "vitest";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { discoveryCache, KvResponseCacheStore } from "../../src/client/index.ts";
import { openWhole, testedStores, type WholeStore } from "../support/stores.ts";
import { keys, Served } from "./support/served.ts";

const stores = await testedStores();
const { server: redis, skipped } = await serverFor(vitest, "redis", { own: true });
const one = "https://one.example/mcp";
const two = "https://two.example/mcp";

describe.each(stores)("over $name", ({ url, skipped }) => {
  it.skipIf(skipped)("a second worker of the same user asks the server nothing", async () => {
    const store = await openWhole(url);
    onTestFinished(() => store.close());
    const server = new Served("private");
    const first = await server.worker(store, one, "ada");
    expect(await first.listTools()).toMatchObject({ tools: [{ name: "tool_of_one" }] });
    expect(await read(first)).toBe("page 1");
    const asked = server.asked;
    const second = await server.worker(store, one, "ada");
    expect(await second.listTools()).toMatchObject({ tools: [{ name: "tool_of_one" }] });
    expect(await read(second)).toBe("page 1");
    expect(server.asked).toBe(asked);
  });

  it.skipIf(skipped)("what is private stays each user's own, also where the partition was forgotten", async () => {
    const store = await openWhole(url);
    onTestFinished(() => store.close());
    const server = new Served("private");
    expect(await read(await server.worker(store, one, "cy"))).toBe("page 1");
    expect(await read(await server.worker(store, one, "dee"))).toBe("page 2");
    expect(await read(await server.worker(store, one, "eve", { cachePartition: "" }))).toBe("page 3");
    expect(await read(await server.worker(store, one, "fay", { cachePartition: "" }))).toBe("page 4");
  });

  it.skipIf(skipped)("what is public is everybody's, of that server", async () => {
    const store = await openWhole(url);
    onTestFinished(() => store.close());
    const server = new Served("public");
    expect(await read(await server.worker(store, one, "gil"))).toBe("page 1");
    expect(await read(await server.worker(store, one, "hal"))).toBe("page 1");
    expect(await read(await server.worker(store, two, "gil"))).toBe("page 2");
  });

  it.skipIf(skipped)("two servers that announce the same name do not mix", async () => {
    const store = await openWhole(url);
    onTestFinished(() => store.close());
    const server = new Served("private");
    const [first, second] = [await server.worker(store, one, "ian"), await server.worker(store, two, "ian")];
    expect(await first.listTools()).toMatchObject({ tools: [{ name: "tool_of_one" }] });
    expect(await second.listTools()).toMatchObject({ tools: [{ name: "tool_of_two" }] });
  });
});

describe("entries", () => {
  const key = { method: "resources/read", params: "page:///1", partition: "p" };

  it("are given as they were written, each with a stamp of its own", async () => {
    const { cache } = caches();
    const expiresAt = Date.now() + 60_000;
    const stamp = await cache.set(key, { value: "1", expiresAt, scope: "private" });
    expect(await cache.get(key)).toEqual({ value: "1", expiresAt, scope: "private", stamp });
    const stamps = new Set([stamp]);
    for (let write = 0; write < 100; write++) stamps.add(await cache.set(key, { value: "1" }));
    expect(stamps.size).toBe(101);
    for (const one of stamps) expect(Number.isSafeInteger(one)).toBe(true);
    expect(await cache.get({ ...key, params: "page:///2" })).toBeUndefined();
    expect(await cache.get({ ...key, partition: "q" })).toBeUndefined();
    await cache.delete(key);
    expect(await cache.get(key)).toBeUndefined();
  });

  it("stay as long as they say, tools for the checks of outputs longer, and without a word a day", async () => {
    const { cache, store } = caches();
    const lifetimes = async (): Promise<number[]> => {
      const found: number[] = [];
      const records = store.collection("mcp-client-responses").entries({ prefix: "entry/" });
      for await (const { expiresAt, createdAt } of records) found.push(Number(expiresAt) - Number(createdAt));
      await store.clearAll();
      return found;
    };
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    await cache.set(key, { value: "1", expiresAt: Date.now() + 60_000 });
    expect(await lifetimes()).toEqual([60_000]);
    await cache.set(key, { value: "1" });
    expect(await lifetimes()).toEqual([86_400_000]);
    await cache.set(key, { value: "1", expiresAt: Date.now() });
    expect(await lifetimes()).toEqual([86_400_000]);
    await cache.set({ method: "tools/list" }, { value: "1", expiresAt: Date.now() + 60_000 });
    expect(await lifetimes()).toEqual([86_400_000]);
  });

  it("are evicted by method, and all of a server's at once", async () => {
    const { cache, another, elsewhere } = caches();
    const tools = { method: "tools/list", partition: "p" };
    const write = async (): Promise<void> => {
      for (const target of [cache, another, elsewhere]) {
        await target.set(key, { value: "page" });
        await target.set(tools, { value: "tools" });
      }
    };
    const present = async () =>
      Promise.all(
        [cache, another, elsewhere].map(async (target) =>
          [await target.get(key), await target.get(tools)].map(Boolean),
        ),
      );
    await write();
    expect(await present()).toEqual([
      [true, true],
      [true, true],
      [true, true],
    ]);
    await cache.evict("tools/list");
    expect(await present()).toEqual([
      [true, false],
      [true, false],
      [true, true],
    ]);
    await write();
    await another.clear();
    expect(await present()).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ]);
  });

  it("do not count where they were on their way when their method was evicted", async () => {
    const { cache } = caches();
    // Long, so that its name is made later than that of what is evicted.
    const long = { ...key, params: "page:///".padEnd(5_000_000, "1") };
    await cache.set(long, { value: "1" });
    for (const evict of [() => cache.evict(long.method), () => cache.clear()]) {
      await Promise.all([cache.set(long, { value: "2" }), evict()]);
      expect(await cache.get(long)).toBeUndefined();
    }
  });

  it("begin anew where the key has changed", async () => {
    const { cache, store } = caches();
    await cache.set(key, { value: "1" });
    const errors: KeyValueError[] = [];
    const onError = (error: KeyValueError): void => void errors.push(error);
    const others = [{ id: "2", key: randomBytes(32) }];
    const changed = new KvResponseCacheStore({ store, keys: others, server: one, principal: "ada", onError });
    expect(await changed.get(key)).toBeUndefined();
    expect(errors.length).toBeGreaterThan(0);
    await changed.set(key, { value: "2" });
    expect(await changed.get(key)).toMatchObject({ value: "2" });
  });

  it("show nothing in the store", async () => {
    const { cache, store } = caches();
    await cache.set(key, { value: "the answer", scope: "public" });
    const records = [];
    for await (const entry of store.collection("mcp-client-responses").entries()) records.push(entry);
    const text = JSON.stringify(records);
    expect(text).toContain("kv1");
    for (const secret of ["the answer", "page:///", "ada", "one.example", "resources/read"]) {
      expect(text).not.toContain(secret);
    }
  });
});

it.skipIf(skipped)("a store that is down costs hits, never answers", async () => {
  const store = redisStore({ url: redis.url });
  onTestFinished(() => store.close());
  const server = new Served("private");
  const errors: KeyValueError[] = [];
  const client = await server.worker(store, one, "ada", { onError: (error) => errors.push(error) });
  expect(await read(client)).toBe("page 1");
  expect(await read(client)).toBe("page 1");
  await redis.kill();
  expect(await read(client)).toBe("page 2");
  expect(errors.length).toBeGreaterThan(0);
  await redis.restart();
  // Two answers alike: the second is a hit again.
  for (let text = "", next = "?"; text !== next; next = await read(client)) text = next;
});

describe("discoveryCache", () => {
  it("spares the next connection the question, for a day", async () => {
    const store = memoryStore();
    onTestFinished(() => store.close());
    const server = new Served("private");
    const options = { store, keys, server: one, principal: "ada" };
    const discoveries = discoveryCache(options);
    expect(await discoveries.get()).toBeUndefined();
    const first = await server.worker(store, one, "ada");
    await discoveries.save(first);
    const asked = server.asked;
    const prior = await discoveryCache(options).get();
    expect(prior).toMatchObject({ kind: "modern" });
    const second = new Client({ name: "tester", version: "1.0.0" });
    await second.connect(server.transport(one), prior && { prior });
    onTestFinished(() => second.close());
    expect(server.asked).toBe(asked);
    expect(await read(second)).toBe("page 1");
    const [record] = await entriesOf(store);
    expect(record?.ttl).toBeGreaterThan(86_300);
    expect(await discoveryCache({ ...options, principal: "bob" }).get()).toBeUndefined();
    expect(await discoveryCache({ ...options, server: two }).get()).toBeUndefined();
    await discoveries.delete();
    expect(await discoveryCache(options).get()).toBeUndefined();
  });

  it("knows a server of the older generation, too", async () => {
    const store = memoryStore();
    onTestFinished(() => store.close());
    const server = new Served("private");
    const client = new Client({ name: "tester", version: "1.0.0" }, { versionNegotiation: { mode: "legacy" } });
    await client.connect(server.transport(one));
    onTestFinished(() => client.close());
    const discoveries = discoveryCache({ store, keys, server: one, principal: "ada", maxAge: "1h" });
    await discoveries.save(client);
    expect(await discoveries.get()).toEqual({ kind: "legacy" });
    const [record] = await entriesOf(store);
    expect(record?.ttl).toBeLessThanOrEqual(3600);
  });
});

async function read(client: Client): Promise<string> {
  const { contents } = await client.readResource({ uri: "page:///1" });
  const [first] = contents;
  return first && "text" in first ? first.text : "";
}

function caches() {
  const store = memoryStore();
  onTestFinished(() => store.close());
  const cacheOf = (server: string, principal: string) => new KvResponseCacheStore({ store, keys, server, principal });
  return { store, cache: cacheOf(one, "ada"), another: cacheOf(one, "bob"), elsewhere: cacheOf(two, "ada") };
}

async function entriesOf(store: WholeStore) {
  const entries = [];
  for await (const entry of store.collection("mcp-client-discovery").entries()) entries.push(entry);
  return entries;
}
