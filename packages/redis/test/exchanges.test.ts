// How many commands each operation takes, as the README says; none of them is ever sent twice.

import { LossyProxy, listed, lostReplySuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.ts";
import { clientOf, commandsSince } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "redis", { own: true });

describe.skipIf(skipped)("the exchanges", () => {
  const client = clientOf(server);
  const store = redisStore({ url: server.url });

  beforeEach(async () => {
    await client.flushall();
    // Lets the server know the scripts.
    await store.put("known", 1);
    await store.increment("known");
    await store.take("known");
    await store.delete("known");
    await commandsSince(client);
  });
  afterAll(async () => {
    await store.close();
    client.disconnect();
  });

  const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`);

  it.each<[string, () => Promise<unknown>, Record<string, number>]>([
    ["get", () => store.get("a"), { get: 1 }],
    ["has", () => store.has("a"), { get: 1 }],
    ["put", () => store.put("a", 1), { set: 1 }],
    ["put with a TTL", () => store.put("a", 1, { ttl: "1h" }), { set: 1 }],
    ["delete", () => store.delete("a"), { evalsha: 1, getrange: 1, del: 1 }],
    ["getMany", () => store.getMany(keys), { mget: 1, exists: 1 }],
    ["putMany", () => store.putMany(keys.map((key) => ({ key, value: 1 }))), { mset: 1 }],
    ["putMany with TTLs", () => store.putMany(keys.map((key) => ({ key, value: 1, ttl: "1h" }))), { set: 100 }],
    ["deleteMany", () => store.deleteMany(keys), { evalsha: 1, getrange: 100, del: 100 }],
    ["putIfAbsent", () => store.putIfAbsent("a", 1), { set: 1 }],
    ["take", () => store.take("a"), { evalsha: 1, get: 1 }],
    ["increment", () => store.increment("a"), { get: 1, set: 1 }],
    ["ping", () => store.ping(), { ping: 1 }],
  ])("%s on nothing", async (_, operation, commands) => {
    await operation();
    expect(await commandsSince(client)).toEqual(commands);
  });

  it.each<[string, () => Promise<unknown>, Record<string, number>]>([
    ["get", () => store.get("a"), { get: 1 }],
    ["delete", () => store.delete("a"), { evalsha: 1, getrange: 1, del: 1 }],
    ["putIfAbsent", () => store.putIfAbsent("a", 2), { set: 1 }],
    ["take", () => store.take("a"), { evalsha: 1, get: 1, del: 1 }],
    ["increment", () => store.increment("a"), { get: 2, evalsha: 1, set: 1 }],
    ["touch", () => store.touch("a", "1h"), { get: 2, evalsha: 1, set: 1 }],
  ])("%s on a record", async (_, operation, commands) => {
    await store.put("a", 1);
    await commandsSince(client);
    await operation();
    expect(await commandsSince(client)).toEqual(commands);
  });

  it("compareAndSwap and compareAndDelete", async () => {
    const revision = await store.putIfAbsent("a", 1);
    await commandsSince(client);
    const next = revision && (await store.compareAndSwap("a", revision, 2));
    expect(await commandsSince(client)).toEqual({ evalsha: 1, get: 1, set: 1 });
    expect(next && (await store.compareAndDelete("a", next))).toBe(true);
    expect(await commandsSince(client)).toEqual({ evalsha: 1, get: 1, del: 1 });
  });

  it("batches and the calls of one turn are written at once", async () => {
    const some = keys.slice(0, 20);
    await store.ping();
    expect(await readsOf(() => store.putMany(some.map((key) => ({ key, value: key }))))).toBe(1);
    expect(await readsOf(() => Promise.all(some.map((key) => store.put(key, key))))).toBe(1);
    expect(await readsOf(() => Promise.all(some.map((key) => store.get(key))))).toBe(1);
  });

  it("scripts are sent again as text when the server has forgotten them", async () => {
    await store.put("a", 1);
    await client.script("FLUSH");
    await commandsSince(client);
    expect(await store.take("a")).toBe(1);
    expect(await commandsSince(client)).toMatchObject({ evalsha: 1, eval: 1, get: 1, del: 1 });
    expect(await store.increment("b")).toBe(1);
    await client.script("FLUSH");
    expect(await store.increment("b")).toBe(2);
  });

  it("an enumeration takes a SCAN for a thousand names and an MGET for 500 of ours", async () => {
    await store.putMany(Array.from({ length: 600 }, (_, at) => ({ key: `key-${at}`, value: at })));
    await commandsSince(client);
    expect(await listed(store.collection().keys())).toHaveLength(600);
    expect(await commandsSince(client)).toEqual({ scan: 1, mget: 2 });
    await store.clearAll();
    expect(await commandsSince(client)).toEqual({ scan: 1, mget: 2, unlink: 2 });
  });

  it("an enumeration of a few names among many reads them together", async () => {
    const entries = (length: number) => Array.from({ length }, (_, at) => ({ key: `key-${at}`, value: at }));
    await store.collection("many").putMany(entries(19_000));
    await store.collection("few").putMany(entries(1000));
    await commandsSince(client);
    expect(await listed(store.collection("few").keys())).toHaveLength(1000);
    const { scan, ...others } = await commandsSince(client);
    expect(scan).toBeGreaterThanOrEqual(20);
    expect(others).toEqual({ mget: 2 });
  });

  /** How often the server has read from a connection while something was done. */
  async function readsOf(action: () => Promise<unknown>): Promise<number> {
    const reads = async () => Number(/total_reads_processed:(\d+)/.exec(await client.info("stats"))?.[1]);
    const before = await reads();
    await action();
    // The second question is counted in its own answer.
    return (await reads()) - before - 1;
  }
});

const asked = skipped ? undefined : clientOf(server);

afterAll(() => asked?.disconnect());

lostReplySuite(vitest, {
  skipped,
  empty: async () => asked?.flushall(),
  stores: {
    async "the store's own client"() {
      const proxy = await LossyProxy.start(server.port);
      const store = redisStore({ host: "127.0.0.1", port: proxy.port });
      const stop = async (): Promise<void> => {
        await store.close();
        proxy.close();
      };
      // The scripts are known then.
      for (let time = 0; time < 2; time++) await store.increment("warm");
      for (let time = 0; time < 2; time++) await store.take("warm");
      await store.delete("warm");
      const counts = async () => (asked ? commandsSince(asked) : {});
      return { store, loseNextReply: () => proxy.loseNextReply(), counts, stop };
    },
  },
  costs: {
    put: { set: 1 },
    putIfAbsent: { set: 1 },
    compareAndSwap: { evalsha: 1, get: 1, set: 1 },
    take: { evalsha: 1, get: 1, del: 1 },
    delete: { evalsha: 1, getrange: 1, del: 1 },
    putMany: { mset: 1 },
  },
  read: { get: 1 },
});
