// How many requests each operation takes, as the README says; none is sent twice.

import { Client } from "@elastic/elasticsearch";
import { retry } from "@kv/core/wrappers";
import { listed, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ElasticsearchStore, elasticsearchStore } from "../src/index.ts";
import { Asker, Between } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "elasticsearch");
const asker = new Asker(() => server);
const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`);
let between: Between;

beforeAll(async () => {
  if (!skipped) between = await Between.start(server.port);
});
afterAll(() => between?.close());

describe.skipIf(skipped)("the requests", () => {
  let store: ElasticsearchStore;

  beforeEach(async () => {
    await asker.deleteIndices("exchanges");
    store = elasticsearchStore({ url: `${between.url}/exchanges`, timeout: "30s" });
    await store.put("known", 1);
    between.requests();
    return () => store.close();
  });

  it.each<[string, () => Promise<unknown>, string[]]>([
    ["get", () => store.get("a"), ["_mget"]],
    ["has", () => store.has("a"), ["_mget"]],
    ["put", () => store.put("a", 1), ["_bulk"]],
    ["put with a TTL", () => store.put("a", 1, { ttl: "1h" }), ["_bulk"]],
    ["delete", () => store.delete("a"), ["_mget"]],
    ["getMany", () => store.getMany(keys), ["_mget"]],
    ["putMany", () => store.putMany(keys.map((key) => ({ key, value: 1 }))), ["_bulk"]],
    ["deleteMany", () => store.deleteMany(keys), ["_mget"]],
    ["putIfAbsent", () => store.putIfAbsent("a", 1), ["_bulk"]],
    ["take", () => store.take("a"), ["_mget"]],
    ["increment", () => store.increment("a"), ["_mget", "_bulk"]],
    ["update", () => store.update("a", () => 1), ["_mget", "_bulk"]],
    ["touch", () => store.touch("a", "1h"), ["_mget"]],
    ["ping", () => store.ping(), ["_mget"]],
    ["keys", () => listed(store.collection().keys()), ["_refresh", "_search"]],
    ["keys of what is not there", () => listed(store.collection("x").keys()), ["_refresh", "_search"]],
    ["collections", () => listed(store.collections()), ["_refresh", "_search", "_msearch"]],
    ["clear", () => store.collection().clear(), ["_refresh", "_search", "_bulk"]],
    ["clearAll", () => store.clearAll(), ["_refresh", "_search", "_search", "_bulk"]],
    ["cull", () => store.cull(), ["_refresh", "_search", "_search"]],
  ])("of %s on nothing", async (_, operation, requests) => {
    await operation();
    expect(between.requests()).toEqual(requests);
  });

  it.each<[string, () => Promise<unknown>, string[]]>([
    ["get", () => store.get("a"), ["_mget"]],
    ["put", () => store.put("a", 2), ["_bulk"]],
    ["delete", () => store.delete("a"), ["_mget", "_bulk"]],
    ["deleteMany", () => store.deleteMany(["a", ...keys]), ["_mget", "_bulk"]],
    ["putIfAbsent", () => store.putIfAbsent("a", 2), ["_bulk", "_mget"]],
    ["take", () => store.take("a"), ["_mget", "_bulk"]],
    ["increment", () => store.increment("a"), ["_mget", "_mget", "_bulk"]],
    ["touch", () => store.touch("a", "1h"), ["_mget", "_mget", "_bulk"]],
    ["update", () => store.update("a", () => 2), ["_mget", "_mget", "_bulk"]],
  ])("of %s on a record", async (_, operation, requests) => {
    await store.put("a", 1);
    between.requests();
    await operation();
    expect(between.requests()).toEqual(requests);
  });

  it("of compareAndSwap and compareAndDelete", async () => {
    const revision = await store.putIfAbsent("a", 1);
    between.requests();
    const next = revision && (await store.compareAndSwap("a", revision, 2));
    expect(between.requests()).toEqual(["_mget", "_bulk"]);
    expect(revision && (await store.compareAndSwap("a", revision, 3))).toBeUndefined();
    expect(between.requests()).toEqual(["_mget"]);
    expect(next && (await store.compareAndDelete("a", next))).toBe(true);
    expect(between.requests()).toEqual(["_mget", "_bulk"]);
  });

  it("of an enumeration: one for a thousand keys, for 250 with their values, for a thousand to clear", async () => {
    await store.putMany(Array.from({ length: 1100 }, (_, at) => ({ key: `${at}`, value: at })));
    expect(between.requests()).toEqual(["_bulk", "_bulk", "_bulk"]);
    expect(await listed(store.collection().keys())).toHaveLength(1101);
    expect(between.requests()).toEqual(["_refresh", "_search", "_search"]);
    expect(await listed(store.collection().entries())).toHaveLength(1101);
    expect(between.requests()).toEqual(["_refresh", ...Array(5).fill("_search")]);
    await store.collection().clear();
    expect(between.requests()).toEqual(["_refresh", "_search", "_bulk", "_search", "_bulk"]);
  });

  it("of a collection's first write: one to see whether the index is there, one to make it", async () => {
    await Promise.all(keys.slice(0, 10).map((key) => store.collection("new").put(key, 1)));
    expect(between.requests()).toEqual(["_mget", "PUT exchanges-new", ...Array(10).fill("_bulk")]);
    const other = elasticsearchStore({ url: `${between.url}/exchanges` });
    await other.collection("new").put("a", 1);
    expect(between.requests()).toEqual(["_mget", "_bulk"]);
    await other.close();
    const third = elasticsearchStore({ url: `${between.url}/exchanges` });
    await third.collection("new").get("a");
    await third.collection("new").put("a", 1);
    expect(between.requests()).toEqual(["_mget", "_bulk"]);
    await third.close();
  });

  it("of a batch of large values: one for each eight megabytes", async () => {
    const value = "x".repeat(3_000_000);
    await store.putMany(["a", "b", "c", "d", "e"].map((key) => ({ key, value })));
    expect(between.requests()).toEqual(["_bulk", "_bulk", "_bulk"]);
    expect(await store.getMany(["a", "e"])).toEqual([value, value]);
  });
});

describe.skipIf(skipped)("a request whose answer is lost", () => {
  const lost = { code: "UNAVAILABLE", outcome: "unknown", retryable: true };

  beforeEach(() => asker.deleteIndices("exchanges"));

  async function loseOneByOne(store: ElasticsearchStore): Promise<void> {
    await store.put("known", 1);
    between.requests();

    between.loseNext("_bulk");
    expect(await rejection(store.put("a", 1))).toMatchObject(lost);
    expect(between.requests()).toEqual(["_bulk"]);
    expect(await store.get("a")).toBe(1);

    between.loseNext("_bulk");
    expect(await rejection(store.putIfAbsent("b", 1))).toMatchObject(lost);
    expect(await store.get("b")).toBe(1);
    expect(between.requests()).toEqual(["_mget", "_bulk", "_mget"]);

    between.loseNext("_mget");
    expect(await rejection(store.take("a"))).toMatchObject({ ...lost, outcome: "not-applied" });
    between.loseNext("_bulk");
    expect(await rejection(store.take("a"))).toMatchObject(lost);
    expect(await store.get("a")).toBeUndefined();
    expect(between.requests()).toEqual(["_mget", "_mget", "_bulk", "_mget"]);

    between.loseNext("_bulk");
    const entries = [
      { key: "c", value: 1 },
      { key: "d", value: 2 },
    ];
    expect(await rejection(store.putMany(entries))).toMatchObject({
      code: "BATCH_FAILED",
      failures: entries.map(({ key }) => ({ key, error: { outcome: "unknown" } })),
    });
    expect(await store.getMany(["c", "d"])).toEqual([1, 2]);
    expect(between.requests()).toEqual(["_bulk", "_mget"]);

    between.loseNext("PUT exchanges-new");
    expect(await rejection(store.collection("new").put("a", 1))).toMatchObject({ ...lost, outcome: "not-applied" });
    expect(between.requests()).toEqual(["_mget", "PUT exchanges-new"]);
    await store.collection("new").put("a", 1);
    expect(await store.collection("new").get("a")).toBe(1);
  }

  it("is not sent again, and its outcome is unknown", async () => {
    const store = elasticsearchStore({ url: `${between.url}/exchanges`, timeout: "30s" });
    await loseOneByOne(store);
    await store.close();
  });

  it("is not sent again by a client of the caller's, which would send it four times by itself", async () => {
    const client = new Client({ node: `http://127.0.0.1:${between.port}`, compression: true });
    const store = elasticsearchStore({ client, prefix: "exchanges", timeout: "30s" });
    await loseOneByOne(store);
    await store.close();
    await client.close();
  });

  it("is settled by retry, which finds its own revision", async () => {
    const store = elasticsearchStore({ url: `${between.url}/exchanges`, timeout: "30s" });
    await store.put("known", 1);
    const retrying = store.with(retry());
    between.requests();
    between.loseNext("_bulk");
    const revision = await retrying.putIfAbsent("lock", "mine");
    expect(revision).toBeDefined();
    expect(between.requests()).toEqual(["_bulk", "_mget"]);
    expect(revision && (await retrying.compareAndDelete("lock", revision))).toBe(true);
    await store.close();
  });
});
