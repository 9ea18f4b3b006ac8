// How many requests and exchanges each operation takes, as the README says; none is ever sent twice.

import { LossyProxy, lostReplySuite, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MemcachedStore, memcachedStore } from "../src/index.ts";
import { ask, Tap } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "memcached", { own: true });

describe.skipIf(skipped)("the exchanges", () => {
  let tap: Tap;
  let store: MemcachedStore;

  beforeAll(async () => {
    tap = await Tap.start(server.port);
    store = memcachedStore({ host: "127.0.0.1", port: tap.port });
  });
  beforeEach(async () => {
    await ask(server.port, "flush_all");
    await store.ping();
    tap.take();
  });
  afterAll(async () => {
    await store.close();
    tap.close();
  });

  const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`);

  it.each<[string, () => Promise<unknown>, number, Record<string, number>]>([
    ["get", () => store.get("a"), 1, { GET: 1 }],
    ["has", () => store.has("a"), 1, { GET: 1 }],
    ["getEntry", () => store.getEntry("a"), 1, { GET: 1 }],
    ["put", () => store.put("a", 1), 1, { SET: 1 }],
    ["put with a TTL", () => store.put("a", 1, { ttl: "1h" }), 1, { SET: 1 }],
    ["delete", () => store.delete("a"), 1, { GETQ: 1, DELETE: 1 }],
    ["getMany", () => store.getMany(keys), 1, { GETQ: 100, NOOP: 1 }],
    ["putMany", () => store.putMany(keys.map((key) => ({ key, value: 1 }))), 1, { SETQ: 100, NOOP: 1 }],
    ["deleteMany", () => store.deleteMany(keys), 1, { GETQ: 100, DELETEQ: 100, NOOP: 1 }],
    ["putIfAbsent", () => store.putIfAbsent("a", 1), 1, { GETQ: 1, ADD: 1 }],
    ["take", () => store.take("a"), 1, { GET: 1 }],
    ["touch", () => store.touch("a", "1h"), 1, { GET: 1 }],
    ["increment", () => store.increment("a"), 2, { GET: 1, GETQ: 1, ADD: 1 }],
    ["ping", () => store.ping(), 1, { NOOP: 1 }],
  ])("%s on nothing", async (_, operation, exchanges, commands) => {
    await operation();
    expect(tap.take()).toEqual({ exchanges, commands });
  });

  it.each<[string, () => Promise<unknown>, number, Record<string, number>]>([
    ["get", () => store.get("a"), 1, { GET: 1 }],
    ["put", () => store.put("a", 2), 1, { SET: 1 }],
    ["delete", () => store.delete("a"), 1, { GETQ: 1, DELETE: 1 }],
    ["putIfAbsent", () => store.putIfAbsent("a", 2), 1, { GETQ: 1, ADD: 1 }],
    ["take", () => store.take("a"), 2, { GET: 1, DELETE: 1 }],
    ["increment", () => store.increment("a"), 3, { GET: 2, REPLACE: 1 }],
    ["touch", () => store.touch("a", "1h"), 3, { GET: 2, REPLACE: 1 }],
    ["update", () => store.update("a", () => 2), 3, { GET: 2, REPLACE: 1 }],
    ["an update that deletes", () => store.update("a", () => undefined), 3, { GET: 2, DELETE: 1 }],
  ])("%s on a record", async (_, operation, exchanges, commands) => {
    await store.put("a", 1);
    tap.take();
    await operation();
    expect(tap.take()).toEqual({ exchanges, commands });
  });

  it("compareAndSwap and compareAndDelete, which win or lose", async () => {
    const revision = await store.putIfAbsent("a", 1);
    tap.take();
    const next = revision && (await store.compareAndSwap("a", revision, 2));
    expect(tap.take()).toEqual({ exchanges: 2, commands: { GET: 1, REPLACE: 1 } });
    expect(revision && (await store.compareAndSwap("a", revision, 3))).toBeUndefined();
    expect(tap.take()).toEqual({ exchanges: 1, commands: { GET: 1 } });
    expect(next && (await store.compareAndDelete("a", next))).toBe(true);
    expect(tap.take()).toEqual({ exchanges: 2, commands: { GET: 1, DELETE: 1 } });
  });

  it("batches of more than 500 take one for each 500", async () => {
    const many = Array.from({ length: 1200 }, (_, at) => `many-${at}`);
    await store.putMany(many.map((key) => ({ key, value: key })));
    expect(tap.take().commands).toEqual({ SETQ: 1200, NOOP: 3 });
    expect(await store.getMany(many)).toEqual(many);
    expect(tap.take().commands).toEqual({ GETQ: 1200, NOOP: 3 });
    expect(await store.deleteMany(many)).toBe(1200);
    expect(tap.take().commands).toEqual({ GETQ: 1200, DELETEQ: 1200, NOOP: 3 });
  });

  it("the calls of one turn are one", async () => {
    await Promise.all(keys.map((key) => store.put(key, key)));
    expect(tap.take()).toEqual({ exchanges: 1, commands: { SET: 100 } });
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(keys);
    expect(tap.take().commands).toEqual({ GET: 100 });
  });

  it("a connection takes one, and is made by the first operation", async () => {
    const before = tap.connections;
    const another = memcachedStore({ host: "127.0.0.1", port: tap.port });
    expect(tap.connections).toBe(before);
    await Promise.all(keys.map((key) => another.put(key, key)));
    expect(tap.connections).toBe(before + 1);
    expect(tap.take().commands).toEqual({ NOOP: 1, SET: 100 });
    await another.close();
  });
});

async function watched() {
  const tap = await Tap.start(server.port);
  const proxy = await LossyProxy.start(tap.port);
  const store = memcachedStore({ host: "127.0.0.1", port: proxy.port });
  await store.ping();
  return {
    store,
    loseNextReply: () => proxy.loseNextReply(),
    counts() {
      // Without what connecting takes.
      const { NOOP: _, ...others } = tap.take().commands;
      return others;
    },
    async stop() {
      await store.close();
      proxy.close();
      tap.close();
    },
  };
}

lostReplySuite(vitest, {
  skipped,
  empty: () => ask(server.port, "flush_all"),
  stores: { "the store's own connection": watched },
  costs: {
    put: { SET: 1 },
    putIfAbsent: { GETQ: 1, ADD: 1 },
    delete: { GETQ: 1, DELETE: 1 },
    putMany: { SETQ: 2 },
  },
  read: { GET: 1 },
});

describe.skipIf(skipped)("a request whose reply is lost", () => {
  it("was not a write where it only read", async () => {
    const { store, loseNextReply, stop } = await watched();
    const notApplied = { code: "UNAVAILABLE", outcome: "not-applied" };
    await store.put("a", 1);
    const entry = await store.getEntry("a");
    if (!entry) throw new Error("it is there");
    for (const operation of [
      () => store.take("a"),
      () => store.increment("a"),
      () => store.compareAndDelete("a", entry.revision),
    ]) {
      await store.ping();
      loseNextReply();
      expect(await rejection(operation())).toMatchObject(notApplied);
    }
    expect(await store.get("a")).toBe(1);
    await stop();
  });
});
