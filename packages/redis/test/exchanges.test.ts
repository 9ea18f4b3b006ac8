// How many commands each operation takes, as the README says; none of them is ever sent twice.

import { LossyProxy, listed, lostReplySuite, redisLikeExchangesSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.ts";
import { commandsSince, groupClient } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "redis", { own: true });

const client = groupClient(server, skipped);

redisLikeExchangesSuite(vitest, {
  title: "the exchanges",
  skipped,
  open: () => redisStore({ url: server.url }),
  ask: (command = "", ...rest) => client.call(command, ...rest),
  counts: () => commandsSince(client),
  swap: { evalsha: 1, get: 1, set: 1 },
  deletion: { evalsha: 1, get: 1, del: 1 },
});

describe.skipIf(skipped)("the exchanges", () => {
  const store = redisStore(skipped ? {} : { url: server.url });

  beforeEach(() => client.flushall());
  afterAll(() => store.close());

  it("batches and the calls of one turn are written at once", async () => {
    const some = Array.from({ length: 20 }, (_, at) => `key-${at}`);
    await store.ping();
    expect(await readsOf(() => store.putMany(some.map((key) => ({ key, value: key }))))).toBe(1);
    expect(await readsOf(() => Promise.all(some.map((key) => store.put(key, key))))).toBe(1);
    expect(await readsOf(() => Promise.all(some.map((key) => store.get(key))))).toBe(1);
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

lostReplySuite(vitest, {
  skipped,
  empty: async () => client.flushall(),
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
      const counts = () => commandsSince(client);
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
