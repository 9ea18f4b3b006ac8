// How many commands each operation takes, as the README says, with and without a server that compares texts; none is sent twice.

import { retry } from "@kv/core/wrappers";
import { LossyProxy, listed, rejection } from "@kv/test-servers";
import { GlideClient } from "@valkey/valkey-glide";
import * as vitest from "vitest";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
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

  describe.skipIf(skipped)(`a request to ${name} whose reply is lost`, () => {
    const asker = new Asker(() => server);
    const ending: (() => unknown)[] = [];
    let proxy: LossyProxy;

    beforeEach(async () => {
      await asker.ask("FLUSHALL");
      proxy = await LossyProxy.start(server.port);
      ending.push(() => proxy.close());
    });
    afterEach(async () => {
      for (const end of ending.splice(0).reverse()) await end();
    });
    afterAll(() => asker.close());

    /** The scripts known, the connection made, the counters at zero. */
    async function warm(store: ValkeyStore): Promise<ValkeyStore> {
      ending.push(() => store.close());
      await store.increment("warm");
      await store.increment("warm");
      await store.take("warm");
      await store.take("warm");
      await asker.commandsSince();
      return store;
    }

    async function loseOneByOne(store: ValkeyStore): Promise<void> {
      const lost = { code: "UNAVAILABLE", outcome: "unknown" };
      proxy.loseNextReply();
      expect(await rejection(store.put("a", 1))).toMatchObject(lost);
      expect(await store.get("a")).toBe(1);
      expect(await requests()).toEqual({ set: 1, get: 1 });

      proxy.loseNextReply();
      expect(await rejection(store.putIfAbsent("b", 1))).toMatchObject(lost);
      expect(await store.get("b")).toBe(1);
      expect(await requests()).toEqual({ set: 1, get: 1 });

      // A new connection may lead to another server: what that one cannot do is found out anew.
      const revision = await store.putIfAbsent("swapped", 1);
      const next = revision && (await store.compareAndSwap("swapped", revision, 2));
      if (!next) throw new Error("nobody else writes");
      await asker.commandsSince();
      proxy.loseNextReply();
      expect(await rejection(store.compareAndSwap("swapped", next, 3))).toMatchObject(lost);
      expect(await store.get("swapped")).toBe(3);
      expect(await requests()).toEqual(sum(swap, { get: 1 }));

      proxy.loseNextReply();
      expect(await rejection(store.take("a"))).toMatchObject(lost);
      expect(await store.get("a")).toBeUndefined();
      expect(await requests()).toEqual({ evalsha: 1, get: 2, del: 1 });

      proxy.loseNextReply();
      const entries = [
        { key: "c", value: 1 },
        { key: "d", value: 2 },
      ];
      expect(await rejection(store.putMany(entries))).toMatchObject({
        code: "BATCH_FAILED",
        failures: entries.map(({ key }) => ({ key, error: { outcome: "unknown" } })),
      });
      expect(await store.getMany(["c", "d"])).toEqual([1, 2]);
      expect(await requests()).toEqual({ mset: 1, mget: 1, exists: 1 });
    }

    /** Without what connecting takes. */
    async function requests(): Promise<Record<string, number>> {
      const { ping: _, ...rest } = await asker.commandsSince();
      return rest;
    }

    it("is not sent again, and its outcome is unknown", async () => {
      await loseOneByOne(await warm(valkeyStore({ host: "127.0.0.1", port: proxy.port })));
    });

    it("is not sent again by a client of the caller's, which connects anew by itself", async () => {
      const addresses = [{ host: "127.0.0.1", port: proxy.port }];
      // The shortest time: it is the call's deadline that counts.
      const client = await GlideClient.createClient({ addresses, requestTimeout: 1 });
      ending.push(() => client.close());
      await loseOneByOne(await warm(valkeyStore({ client })));
    });

    it("is settled by retry, which finds its own revision", async () => {
      const store = await warm(valkeyStore({ host: "127.0.0.1", port: proxy.port }));
      const retrying = store.with(retry());
      proxy.loseNextReply();
      const revision = await retrying.putIfAbsent("lock", "mine");
      expect(revision).toBeDefined();
      expect(await requests()).toEqual({ set: 1, get: 1 });
      expect(revision && (await retrying.compareAndDelete("lock", revision))).toBe(true);
    });
  });
}

function sum(...counts: Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [name, count] of counts.flatMap(Object.entries)) total[name] = (total[name] ?? 0) + count;
  return total;
}
