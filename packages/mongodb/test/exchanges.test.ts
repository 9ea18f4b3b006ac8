// How many exchanges each operation takes, as the README says; none of them is ever sent twice.

import { prefixKeys, retry } from "@kv/core/wrappers";
import { listed, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { type MongodbStore, mongodbStore } from "../src/index.ts";
import { clientOf, DATABASE, empty, Tap } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "mongodb", { own: true });

describe.skipIf(skipped)("the exchanges", () => {
  const client = skipped ? undefined : clientOf(server);
  const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`);
  let tap: Tap;
  let store: MongodbStore;

  const collection = (name = "default_collection") => {
    if (!client) throw new Error("there is a server");
    return client.db(DATABASE).collection(name);
  };

  beforeEach(async () => {
    if (client) await empty(client.db(DATABASE));
    tap = await Tap.start(server.port);
    store = mongodbStore({ url: tap.url });
  });
  afterEach(async () => {
    await store.close();
    tap.close();
  });
  afterAll(() => client?.close());

  /** The store knows the collection, which is empty then. */
  async function prepare(): Promise<void> {
    await store.put("known", 1);
    await store.delete("known");
    tap.counts();
  }

  it.each<[string, () => Promise<unknown>, Record<string, number>]>([
    ["get", () => store.get("a"), { find: 1 }],
    ["has", () => store.has("a"), { find: 1 }],
    ["put", () => store.put("a", 1), { update: 1 }],
    ["put with a TTL", () => store.put("a", 1, { ttl: "1h" }), { update: 1 }],
    ["delete", () => store.delete("a"), { delete: 1 }],
    ["getMany", () => store.getMany(keys), { find: 1 }],
    ["putMany", () => store.putMany(keys.map((key) => ({ key, value: 1 }))), { update: 1 }],
    ["deleteMany", () => store.deleteMany(keys), { find: 1 }],
    ["putIfAbsent", () => store.putIfAbsent("a", 1), { update: 1 }],
    ["take", () => store.take("a"), { findAndModify: 1, find: 1 }],
    ["increment", () => store.increment("a"), { find: 1, update: 1 }],
    ["keys", () => listed(store.collection().keys()), { find: 1 }],
    ["clear", () => store.collection().clear(), { find: 1 }],
    ["ping", () => store.ping(), { ping: 1 }],
  ])("%s on nothing", async (_, operation, commands) => {
    await prepare();
    await operation();
    expect(tap.counts()).toEqual(commands);
  });

  it.each<[string, () => Promise<unknown>, Record<string, number>]>([
    ["get", () => store.get("a"), { find: 1 }],
    ["put", () => store.put("a", 2), { update: 1 }],
    ["delete", () => store.delete("a"), { delete: 1 }],
    ["deleteMany", () => store.deleteMany(["a", ...keys]), { find: 1, delete: 1 }],
    ["putIfAbsent", () => store.putIfAbsent("a", 2), { update: 1, find: 1 }],
    ["take", () => store.take("a"), { findAndModify: 1 }],
    ["increment", () => store.increment("a"), { find: 1, update: 1 }],
    ["touch", () => store.touch("a", "1h"), { find: 1, update: 1 }],
    ["update that deletes", () => store.update("a", () => undefined), { find: 1, delete: 1 }],
    ["clear", () => store.collection().clear(), { find: 1, delete: 1 }],
    ["clearAll", () => store.clearAll(), { listCollections: 1, aggregate: 1, find: 1, delete: 1 }],
    ["cull", () => store.cull(), { listCollections: 1, aggregate: 1 }],
    ["collections", () => listed(store.collections()), { listCollections: 1, aggregate: 1 }],
  ])("%s on a record", async (_, operation, commands) => {
    await prepare();
    await store.put("a", 1);
    tap.counts();
    await operation();
    expect(tap.counts()).toEqual(commands);
  });

  it("a swap takes one, and one more to tell what is there instead", async () => {
    await prepare();
    const revision = await store.putIfAbsent("a", 1);
    if (!revision) throw new Error("there was none");
    tap.counts();
    const next = await store.compareAndSwap("a", revision, 2);
    expect(tap.counts()).toEqual({ update: 1 });
    expect(await store.compareAndSwap("a", revision, 3)).toBeUndefined();
    expect(tap.counts()).toEqual({ update: 1, find: 1 });
    expect(next && (await store.compareAndDelete("a", next))).toBe(true);
    expect(tap.counts()).toEqual({ delete: 1 });
  });

  it("a swap or a take of Python's record, or in a collection of Python's, takes one more", async () => {
    await collection().createIndex("key");
    await store.put("a", 1);
    tap.counts();
    const revision = (await store.getEntry("a"))?.revision;
    tap.counts();
    expect(revision && (await store.compareAndSwap("a", revision, 2))).toBeDefined();
    expect(tap.counts()).toEqual({ find: 1, update: 1 });
    expect(await store.take("a")).toBe(2);
    expect(tap.counts()).toEqual({ find: 1, delete: 1 });
  });

  it("the first write to a collection looks for its indexes, and makes the collection where there is none", async () => {
    await store.get("a");
    expect(tap.counts()).toEqual({ find: 1 });
    await Promise.all(keys.map((key) => store.put(key, 1)));
    expect(tap.counts()).toEqual({ listIndexes: 1, createIndexes: 1, update: 100 });
    const other = mongodbStore({ url: tap.url });
    await other.put("a", 1);
    await other.put("b", 1);
    expect(tap.counts()).toEqual({ listIndexes: 1, update: 2 });
    await other.close();
  });

  it("two documents of one record cost what it takes to leave one", async () => {
    await collection().createIndex("key");
    await store.put("a", 1);
    await collection().insertOne({ key: "a", collection: "default_collection", value: { object: {} } });
    tap.counts();
    await store.put("a", 2);
    expect(tap.counts()).toEqual({ update: 1, find: 1, delete: 1 });
  });

  it("an enumeration takes one for a thousand keys, for 250 records", async () => {
    await store.putMany(Array.from({ length: 600 }, (_, at) => ({ key: `key-${at}`, value: at })));
    tap.counts();
    expect(await listed(store.collection().keys())).toHaveLength(600);
    expect(tap.counts()).toEqual({ find: 1 });
    expect(await listed(store.collection().entries())).toHaveLength(600);
    expect(tap.counts()).toEqual({ find: 3 });
  });

  it("collections takes one for a hundred collections of MongoDB", async () => {
    for (let at = 0; at < 150; at++) await collection(`c-${at}`).insertOne({ theirs: true });
    await store.collection("c-7").put("a", 1);
    tap.counts();
    expect(await listed(store.collections())).toEqual(["c-7"]);
    expect(tap.counts()).toEqual({ listCollections: 1, aggregate: 2 });
  });

  it("many at once of one call are no leak of listeners to Node.js", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): unknown => warnings.push(warning);
    process.on("warning", onWarning);
    const prefixed = store.with(prefixKeys("p"));
    const names = keys.slice(0, 20);
    for (const name of names) await prefixed.collection(name).put("a", 1);
    expect((await listed(prefixed.collections())).sort()).toEqual([...names].sort());
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });

  it("a batch is split where one request could not hold it", async () => {
    const value = "x".repeat(2 ** 20);
    const large = keys.slice(0, 20);
    await store.putMany(large.map((key) => ({ key, value })));
    expect(tap.counts()).toMatchObject({ update: 7 });
    const found = await store.getMany(large);
    expect(found.every((one) => one === value)).toBe(true);
    expect(await store.deleteMany(large)).toBe(20);
  });

  describe("whose reply is lost", () => {
    beforeEach(prepare);

    it("are not sent again, and their outcome is unknown", async () => {
      tap.loseReplyTo("update");
      expect(await rejection(store.put("a", 1))).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
      expect(await store.get("a")).toBe(1);
      expect(tap.counts()).toEqual({ update: 1, find: 1 });

      tap.loseReplyTo("update");
      expect(await rejection(store.putIfAbsent("b", 1))).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
      expect(await store.get("b")).toBe(1);
      expect(tap.counts()).toEqual({ update: 1, find: 1 });

      tap.loseReplyTo("findAndModify");
      expect(await rejection(store.take("a"))).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
      expect(await store.get("a")).toBeUndefined();
      expect(tap.counts()).toEqual({ findAndModify: 1, find: 1 });

      tap.loseReplyTo("update");
      const error = await rejection(store.putMany(["c", "d"].map((key) => ({ key, value: key }))));
      expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
      expect(tap.counts()).toEqual({ update: 1 });

      tap.loseReplyTo("find");
      expect(await rejection(store.get("c"))).toMatchObject({ code: "UNAVAILABLE", retryable: true });
      expect(tap.counts()).toEqual({ find: 1 });
    });

    it("before the write has begun say that it was not applied", async () => {
      tap.loseReplyTo("listIndexes");
      const error = await rejection(store.collection("new").put("a", 1));
      expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
      expect(tap.counts()).toEqual({ listIndexes: 1 });
      tap.loseReplyTo("find");
      expect(await rejection(store.increment("n"))).toMatchObject({ code: "UNAVAILABLE" });
      expect(await store.has("n")).toBe(false);
    });

    it("are settled by retry, which finds its own revision", async () => {
      const retrying = store.with(retry());
      tap.loseReplyTo("update");
      const revision = await retrying.putIfAbsent("lock", "mine");
      expect(revision).toBeDefined();
      expect(tap.counts()).toEqual({ update: 1, find: 1 });
      expect(revision && (await retrying.compareAndDelete("lock", revision))).toBe(true);
    });
  });
});
