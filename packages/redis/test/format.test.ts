// The stored format: what Python wrote is read, what we write is as documented, what is neither is left alone.

import { readFile } from "node:fs/promises";
import { CorruptRecordError } from "@kv/core";
import type { RecordId } from "@kv/core/driver";
import { formatSuite, type GoldenText, listed, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.ts";
import { groupClient } from "./helpers.ts";

type Golden = GoldenText & { readonly name: string };

const golden: readonly Golden[] = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));
const { server, skipped } = await serverFor(vitest, "redis", { own: true });
const client = groupClient(server, skipped);
const nameOf = ({ collection, key }: RecordId) => `${collection}::${key}`;

formatSuite(vitest, {
  title: "the stored format",
  skipped,
  open: (options) => redisStore({ url: server.url, ...options }),
  empty: () => client.flushall(),
  golden,
  async restore() {
    for (const { name, text } of golden) await client.set(name, text);
  },
  read: [
    ["users", "nested", { a: [1, { b: [null, true, { c: "d" }] }], empty: {}, none: [] }],
    ["users", "unicode é😀", { text: '日本 😀 \0 " \\ / \u2028' }],
    ["users", "floats", { one: 1, tenth: 0.1, huge: 1e308, small: 5e-324 }],
    ["users", "big but exact", { id: 2 ** 70, text: "12345678901234567891" }],
    ["odd *?[x]\\:", "key with :: inside", undefined],
    ["q", "%3A", { v: 2 }],
  ],
  collections: ["default_collection", "q", "users"],
  textOf: async (id) => (await client.get(nameOf(id))) ?? undefined,
  write: (id, text) => client.set(nameOf(id), text),
  expiryOf: (id) => client.pttl(nameOf(id)),
  never: -1,
  foreign: {
    binary: () => client.set("users::binary", Buffer.from([0xff, 0xfe, 0x22])),
    list: () => client.rpush("users::list", "x"),
    hash: () => client.hset("users::hash", "x", "y"),
  },
  count: () => client.dbsize(),
});

describe.skipIf(skipped)("the stored format", () => {
  const store = redisStore(skipped ? {} : { url: server.url });
  const users = store.collection("users");

  beforeEach(async () => {
    await client.flushall();
  });
  afterAll(() => store.close());

  it("is kept by the server no longer than it lives", async () => {
    const before = Date.now();
    await users.put("ada", 1, { ttl: "90s" });
    const left = await client.pttl("users::ada");
    expect(left).toBeGreaterThanOrEqual(90_000 - (Date.now() - before) - 1);
    expect(left).toBeLessThan(90_000);
  });

  it("keeps the server's time to live where only the value changes, whatever this clock says", async () => {
    await users.put("count", 1, { ttl: "1h" });
    // As if another client, whose clock is far behind, had set it: by this clock it has expired long ago.
    const text = (await client.get("users::count"))?.replace(/"expires_at": "\d{4}/, '"expires_at": "2020');
    await client.set("users::count", text ?? "", "KEEPTTL");
    expect(await users.get("count")).toBe(1);
    expect(await users.increment("count")).toBe(2);
    expect(await client.pttl("users::count")).toBeGreaterThan(3_000_000);
    expect(await users.touch("count", "2h")).toBe(true);
    expect(await client.pttl("users::count")).toBeGreaterThan(6_000_000);
    expect(await users.touch("count", null)).toBe(true);
    expect(await client.pttl("users::count")).toBe(-1);
  });

  it("has no record under a name that is none of a record's", async () => {
    const foreign = { "no separator": "x", "::": "x", "users::": "x" };
    await client.mset(foreign);
    await client.rpush("users::list", "x");
    await users.put("mine", 1);
    expect(await rejection(users.getMany(["mine", "list"]))).toMatchObject({
      code: "BATCH_FAILED",
      results: [1, undefined],
      failures: [{ index: 1, key: "list" }],
    });
    expect(await listed(users.keys())).toEqual(["mine"]);
    expect(await listed(store.collections())).toEqual(["users"]);
    await users.clear();
    await store.clearAll();
    expect(await client.dbsize()).toBe(4);
  });

  it("is read though bytes are no text, by nobody", async () => {
    const text = '{"collection": "users", "key": "k", "value": {"a": "?"}, "version": 1}';
    await client.set("users::k", Buffer.from(text.replace("?", "\xff"), "latin1"));
    expect(await rejection(users.get("k"))).toBeInstanceOf(CorruptRecordError);
    expect(await rejection(users.update("k", () => 1))).toBeInstanceOf(CorruptRecordError);
  });
});
