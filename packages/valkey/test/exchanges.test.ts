// How many commands each operation takes, as the README says, with and without a server that compares texts; none is sent twice.

import { LossyProxy, listed, lostReplySuite, type Watched } from "@kv/test-servers";
import { GlideClient } from "@valkey/valkey-glide";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type ValkeyStore, valkeyStore } from "../src/index.ts";
import { Asker, generationsFor } from "./helpers.ts";

const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`);

for (const { name, server, skipped } of await generationsFor(vitest)) {
  const compares = name === "valkey9";
  /** A swap of a record whose text the store has read or written before, of one that it has not, and a deletion. */
  const swap = compares ? { set: 1 } : { evalsha: 1, get: 1, set: 1 };
  const blindSwap = { evalsha: 1, get: 1, set: 1 };
  const deletion = compares ? { delifeq: 1 } : { evalsha: 1, get: 1, del: 1 };

  describe.skipIf(skipped)(`the exchanges with ${name}`, () => {
    const asker = new Asker(() => server);
    const store = valkeyStore(skipped ? {} : { url: server.url });

    beforeEach(async () => {
      await asker.ask("FLUSHALL");
      // Lets the server know the scripts, and the store what the server cannot do.
      await store.put("known", "x".repeat(5000));
      await store.update("known", () => 1);
      await store.update("known", () => 2);
      await store.update("known", () => undefined);
      await store.put("known", 1);
      await store.take("known");
      await store.delete("known");
      await asker.commandsSince();
    });
    afterAll(async () => {
      await store.close();
      await asker.close();
    });

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
      expect(await asker.commandsSince()).toEqual(commands);
    });

    it.each<[string, () => Promise<unknown>, Record<string, number>]>([
      ["get", () => store.get("a"), { get: 1 }],
      ["delete", () => store.delete("a"), { evalsha: 1, getrange: 1, del: 1 }],
      ["putIfAbsent", () => store.putIfAbsent("a", 2), { set: 1 }],
      ["take", () => store.take("a"), { evalsha: 1, get: 1, del: 1 }],
      ["increment", () => store.increment("a"), sum({ get: 1 }, swap)],
      ["touch", () => store.touch("a", "1h"), sum({ get: 1 }, swap)],
      ["update that deletes", () => store.update("a", () => undefined), sum({ get: 1 }, deletion)],
    ])("%s on a record", async (_, operation, commands) => {
      await store.put("a", 1);
      await asker.commandsSince();
      await operation();
      expect(await asker.commandsSince()).toEqual(commands);
    });

    it("compareAndSwap and compareAndDelete", async () => {
      const revision = await store.putIfAbsent("a", 1);
      await asker.commandsSince();
      const next = revision && (await store.compareAndSwap("a", revision, 2));
      expect(await asker.commandsSince()).toEqual(swap);
      expect(next && (await store.compareAndDelete("a", next))).toBe(true);
      expect(await asker.commandsSince()).toEqual(deletion);
    });

    it("of a long record, and of one that another store has read, take the script", async () => {
      const long = await store.putIfAbsent("long", "x".repeat(5000));
      const entry = await (async () => {
        const other = valkeyStore({ url: server.url });
        await other.put("a", 1);
        const found = await other.getEntry("a");
        await other.close();
        return found;
      })();
      await asker.commandsSince();
      expect(long && (await store.compareAndSwap("long", long, 2))).toBeDefined();
      expect(await asker.commandsSince()).toEqual(blindSwap);
      expect(entry?.revision && (await store.compareAndSwap("a", entry.revision, 2))).toBeDefined();
      expect(await asker.commandsSince()).toEqual(blindSwap);
    });

    it("scripts are sent again as text when the server has forgotten them", async () => {
      await store.put("a", 1);
      await asker.ask("SCRIPT", "FLUSH");
      await asker.commandsSince();
      expect(await store.take("a")).toBe(1);
      expect(await asker.commandsSince()).toMatchObject({ evalsha: 1, eval: 1, get: 1, del: 1 });
    });

    it("an enumeration takes a SCAN for a thousand names and an MGET for 500 of ours", async () => {
      await store.putMany(Array.from({ length: 600 }, (_, at) => ({ key: `key-${at}`, value: at })));
      await asker.commandsSince();
      expect(await listed(store.collection().keys())).toHaveLength(600);
      expect(await asker.commandsSince()).toEqual({ scan: 1, mget: 2 });
      await store.clearAll();
      expect(await asker.commandsSince()).toEqual({ scan: 1, mget: 2, unlink: 2 });
    });
  });

  const counting = new Asker(() => server);
  afterAll(() => (skipped ? undefined : counting.close()));

  /** Behind a proxy; the scripts known, the connection made. */
  async function watched(
    make: (port: number) => Promise<{ store: ValkeyStore; client?: GlideClient }>,
  ): Promise<Watched> {
    const proxy = await LossyProxy.start(server.port);
    const { store, client } = await make(proxy.port);
    for (let time = 0; time < 2; time++) await store.increment("warm");
    for (let time = 0; time < 2; time++) await store.take("warm");
    await store.delete("warm");
    return {
      store,
      loseNextReply: () => proxy.loseNextReply(),
      async counts() {
        // Without what connecting takes.
        const { ping: _, ...rest } = await counting.commandsSince();
        return rest;
      },
      async stop() {
        await store.close();
        client?.close();
        proxy.close();
      },
    };
  }

  lostReplySuite(vitest, {
    title: `a request to ${name} whose reply is lost`,
    skipped,
    empty: () => counting.ask("FLUSHALL"),
    stores: {
      "the store's own client": () => watched(async (port) => ({ store: valkeyStore({ host: "127.0.0.1", port }) })),
      "a client of the caller's, which connects anew by itself": () =>
        watched(async (port) => {
          const addresses = [{ host: "127.0.0.1", port }];
          // The shortest time: it is the call's deadline that counts.
          const client = await GlideClient.createClient({ addresses, requestTimeout: 1 });
          return { store: valkeyStore({ client }), client };
        }),
    },
    costs: {
      put: { set: 1 },
      putIfAbsent: { set: 1 },
      compareAndSwap: swap,
      take: { evalsha: 1, get: 1, del: 1 },
      delete: { evalsha: 1, getrange: 1, del: 1 },
      putMany: { mset: 1 },
    },
    read: { get: 1 },
  });
}

function sum(...counts: Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [name, count] of counts.flatMap(Object.entries)) total[name] = (total[name] ?? 0) + count;
  return total;
}
