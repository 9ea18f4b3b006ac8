// How many commands each operation takes, as the README says, with and without a server that compares texts; none is sent twice.

import { LossyProxy, lostReplySuite, redisLikeExchangesSuite, type Watched } from "@kv/test-servers";
import { GlideClient } from "@valkey/valkey-glide";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type ValkeyStore, valkeyStore } from "../src/index.ts";
import { Asker, generationsFor } from "./helpers.ts";

for (const { name, server, skipped } of await generationsFor(vitest)) {
  const compares = name === "valkey9";
  /** A swap of a record whose text the store has not read or written before, of one that it has, and a deletion. */
  const blindSwap = { evalsha: 1, get: 1, set: 1 };
  const swap = compares ? { set: 1 } : blindSwap;
  const deletion = compares ? { delifeq: 1 } : { evalsha: 1, get: 1, del: 1 };

  const asker = new Asker(() => server);
  afterAll(() => (skipped ? undefined : asker.close()));

  redisLikeExchangesSuite(vitest, {
    title: `the exchanges with ${name}`,
    skipped,
    open: () => valkeyStore({ url: server.url }),
    ask: (...command) => asker.ask(...command),
    counts: () => asker.commandsSince(),
    swap,
    deletion,
  });

  describe.skipIf(skipped)(`the exchanges with ${name}`, () => {
    const store = valkeyStore(skipped ? {} : { url: server.url });

    beforeEach(async () => {
      await asker.ask("FLUSHALL");
      // Lets the server know the script, and the store what the server cannot do.
      await store.put("known", "x".repeat(5000));
      await store.update("known", () => 1);
      await store.update("known", () => 2);
    });
    afterAll(() => store.close());

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
  });

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
        const { ping: _, ...rest } = await asker.commandsSince();
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
    empty: () => asker.ask("FLUSHALL"),
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
