// How many requests each operation takes, as the README says; none of them is ever sent twice.

import { LossyProxy, listed, lostReplySuite, rejection } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type DynamodbStore, dynamodbStore } from "../src/index.ts";
import { endpointOf, optionsFor, serversFor } from "./helpers.ts";
import { refusal, WatchingProxy } from "./watching-proxy.ts";

for (const { name, server, skipped, table } of await serversFor(vitest, "exchanges")) {
  /** What only moto and DynamoDB itself tell where a condition fails. */
  const look = name === "dynalite" ? { GetItem: 1 } : {};

  describe.skipIf(skipped)(`the requests to ${name}`, () => {
    let proxy: WatchingProxy;
    let store: DynamodbStore;

    beforeAll(async () => {
      proxy = await WatchingProxy.start(endpointOf(server));
      store = dynamodbStore({ ...optionsFor(server, "exchanges"), endpoint: proxy.endpoint });
    });
    beforeEach(async () => {
      proxy.meddle = undefined;
      await table.empty();
      proxy.since();
    });
    afterAll(async () => {
      await store.close();
      proxy.close();
      table.close();
    });

    const keysTo = (count: number) => Array.from({ length: count }, (_, at) => `key-${at}`);
    const entriesTo = (count: number) => keysTo(count).map((key) => ({ key, value: 1 }));

    it.each<[string, () => Promise<unknown>, Record<string, number>]>([
      ["get", () => store.get("a"), { GetItem: 1 }],
      ["has", () => store.has("a"), { GetItem: 1 }],
      ["put", () => store.put("a", 1), { PutItem: 1 }],
      ["put with a TTL", () => store.put("a", 1, { ttl: "1h" }), { PutItem: 1 }],
      ["delete", () => store.delete("a"), { DeleteItem: 1 }],
      ["getMany of 100", () => store.getMany(keysTo(100)), { BatchGetItem: 1 }],
      ["getMany of 101", () => store.getMany(keysTo(101)), { BatchGetItem: 2 }],
      ["putMany of 25", () => store.putMany(entriesTo(25)), { BatchWriteItem: 1 }],
      ["putMany of 26", () => store.putMany(entriesTo(26)), { BatchWriteItem: 2 }],
      ["deleteMany of 30", () => store.deleteMany(keysTo(30)), { DeleteItem: 30 }],
      ["putIfAbsent", () => store.putIfAbsent("a", 1), { PutItem: 1 }],
      ["take", () => store.take("a"), { DeleteItem: 1 }],
      ["increment", () => store.increment("a"), { GetItem: 1, PutItem: 1 }],
      ["touch", () => store.touch("a", "1h"), { GetItem: 1 }],
      ["ping", () => store.ping(), { GetItem: 1 }],
    ])("%s on nothing", async (_, operation, requests) => {
      await operation();
      expect(proxy.since()).toEqual(requests);
    });

    it.each<[string, () => Promise<unknown>, Record<string, number>]>([
      ["get", () => store.get("a"), { GetItem: 1 }],
      ["delete", () => store.delete("a"), { DeleteItem: 1 }],
      ["putIfAbsent", () => store.putIfAbsent("a", 2), { PutItem: 1, ...look }],
      ["take", () => store.take("a"), { DeleteItem: 1 }],
      ["increment", () => store.increment("a"), { GetItem: 1, PutItem: 1 }],
      ["touch", () => store.touch("a", "1h"), { GetItem: 1, PutItem: 1 }],
    ])("%s on a record", async (_, operation, requests) => {
      await store.put("a", 1);
      proxy.since();
      await operation();
      expect(proxy.since()).toEqual(requests);
    });

    it("compareAndSwap and compareAndDelete", async () => {
      const revision = await store.putIfAbsent("a", 1);
      proxy.since();
      const next = revision && (await store.compareAndSwap("a", revision, 2));
      expect(proxy.since()).toEqual({ PutItem: 1 });
      expect(revision && (await store.compareAndSwap("a", revision, 3))).toBeUndefined();
      expect(proxy.since()).toEqual({ PutItem: 1, ...look });
      expect(next && (await store.compareAndDelete("a", next))).toBe(true);
      expect(proxy.since()).toEqual({ DeleteItem: 1 });
      // Where nothing lies, no server has anything to tell.
      expect(next && (await store.compareAndDelete("a", next))).toBe(false);
      expect(proxy.since()).toEqual({ DeleteItem: 1, GetItem: 1 });
    });

    it.each<[string, () => Promise<unknown>, Record<string, number>]>([
      ["putIfAbsent", () => store.putIfAbsent("a", 2), { PutItem: 1 }],
      ["increment", () => store.increment("a"), { GetItem: 1, PutItem: 1 }],
      ["take", () => store.take("a"), { DeleteItem: 1 }],
    ])("%s where a record has expired", async (_, operation, requests) => {
      await store.put("a", 1, { ttl: "1ms" });
      while (await store.has("a"));
      proxy.since();
      await operation();
      expect(proxy.since()).toEqual(requests);
    });

    it("on a record of Python's", async () => {
      const text = JSON.stringify({ collection: "default_collection", key: "a", value: { items: 1 }, version: 1 });
      const theirs = { collection: { S: "default_collection" }, key: { S: "a" }, value: { S: text } };
      await table.put(theirs);
      expect(await store.take("a")).toEqual({ items: 1 });
      expect(proxy.since()).toEqual({ DeleteItem: 2, ...look });
      await table.put(theirs);
      await store.touch("a", "1h");
      expect(proxy.since()).toEqual({ GetItem: 2, PutItem: 1 });
    });

    it("enumerating and clearing", async () => {
      await store.putMany(entriesTo(60));
      await store.collection("other").put("a", 1, { ttl: "1ms" });
      proxy.since();
      expect(await listed(store.collection().keys())).toHaveLength(60);
      expect(await listed(store.collection().keys({ prefix: "key-1" }))).toHaveLength(11);
      expect(proxy.since()).toEqual({ Query: 2 });
      while (await store.collection("other").has("a"));
      proxy.since();
      expect(await listed(store.collections())).toEqual(["default_collection"]);
      expect(proxy.since()).toEqual({ Scan: 1 });
      await store.cull();
      expect(proxy.since()).toEqual({ Scan: 1, DeleteItem: 1 });
      await store.collection().clear();
      expect(proxy.since()).toEqual({ Query: 1, BatchWriteItem: 3 });
      await store.clearAll();
      expect(proxy.since()).toEqual({ Scan: 1 });
    });

    it("are none before the first operation", async () => {
      await dynamodbStore({ ...optionsFor(server, "exchanges"), endpoint: proxy.endpoint }).close();
      expect(proxy.since()).toEqual({});
    });

    // What the SDK by itself would send again.
    it.each([
      ["ProvisionedThroughputExceededException", refusal("ProvisionedThroughputExceededException")],
      ["InternalServerError", refusal("InternalServerError", 500)],
      ["ServiceUnavailable", refusal("ServiceUnavailable", 503)],
      [
        "a clock that is said to be wrong",
        {
          ...refusal("InvalidSignatureException", 400, "Signature expired"),
          headers: { date: "Thu, 01 Jan 2026 00:00:00 GMT", "x-amzn-requestid": "REQUEST" },
        },
      ],
    ])("are not repeated after %s", async (_, answer) => {
      proxy.meddle = () => answer;
      await rejection(store.put("a", 1));
      expect(proxy.since()).toEqual({ PutItem: 1 });
      await rejection(store.get("a"));
      expect(proxy.since()).toEqual({ GetItem: 1 });
      proxy.meddle = undefined;
      await store.put("a", 1);
      expect(await store.get("a")).toBe(1);
    });
  });

  lostReplySuite(vitest, {
    title: `a request to ${name} whose reply is lost`,
    skipped,
    empty: () => table.empty(),
    stores: {
      async "the store's own client"() {
        const watch = await WatchingProxy.start(endpointOf(server));
        const proxy = await LossyProxy.start(watch.port);
        const endpoint = `http://127.0.0.1:${proxy.port}`;
        const store = dynamodbStore({ ...optionsFor(server, "exchanges"), endpoint });
        await store.put("warm", 1);
        const stop = async (): Promise<void> => {
          await store.close();
          proxy.close();
          watch.close();
        };
        return { store, loseNextReply: () => proxy.loseNextReply(), counts: () => watch.since(), stop };
      },
    },
    costs: {
      put: { PutItem: 1 },
      putIfAbsent: { PutItem: 1 },
      compareAndSwap: { PutItem: 1 },
      take: { DeleteItem: 1 },
      delete: { DeleteItem: 1 },
      putMany: { BatchWriteItem: 1 },
    },
    read: { GetItem: 1 },
    losesBatches: true,
  });
}
