// The stored format: what Python wrote is read, what we write is as documented, what is neither is left alone.

import { readFile } from "node:fs/promises";
import { CorruptRecordError, InexactNumberError } from "@kv/core";
import { listed, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.ts";
import { clientOf } from "./helpers.ts";

interface Golden {
  readonly collection: string | null;
  readonly key: string;
  readonly name: string;
  readonly text: string;
}

const golden: readonly Golden[] = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));
const { server, skipped } = await serverFor(vitest, "redis", { own: true });

describe.skipIf(skipped)("the stored format", () => {
  const client = clientOf(server);
  const store = redisStore({ url: server.url });
  const users = store.collection("users");

  beforeEach(async () => {
    await client.flushall();
  });
  afterAll(async () => {
    await store.close();
    client.disconnect();
  });

  describe("records that Python wrote", () => {
    beforeEach(async () => {
      for (const { name, text } of golden) await client.set(name, text);
    });

    it("are read", async () => {
      expect(await store.get("plain")).toEqual({ name: "Ada", age: 36 });
      expect(await users.get("nested")).toEqual({ a: [1, { b: [null, true, { c: "d" }] }], empty: {}, none: [] });
      expect(await users.get("unicode é😀")).toEqual({ text: '日本 😀 \0 " \\ / \u2028' });
      expect(await users.get("floats")).toEqual({ one: 1, tenth: 0.1, huge: 1e308, small: 5e-324 });
      expect(await users.get("items")).toEqual({ items: [1, 2, 3] });
      expect(await users.get("big but exact")).toEqual({ id: 2 ** 70, text: "12345678901234567891" });
      expect(await store.collection("odd *?[x]\\:").get("key with :: inside")).toBeUndefined();
      expect(await store.collection("q").get("%3A")).toEqual({ v: 2 });
    });

    it("have their times", async () => {
      const entry = await users.getEntry("with ttl");
      const stored = JSON.parse(golden.find(({ key }) => key === "with ttl")?.text ?? "");
      expect(entry?.value).toEqual({ kept: true });
      expect(entry?.createdAt?.getTime()).toBe(Math.ceil(microseconds(stored.created_at) / 1000));
      expect(entry?.expiresAt?.getTime()).toBe(Math.ceil(microseconds(stored.expires_at) / 1000));
      expect(entry?.revision).toMatch(/^[0-9a-f]{40}$/);
    });

    it("are refused where JavaScript would round, or read as told", async () => {
      expect(await rejection(users.get("big"))).toBeInstanceOf(InexactNumberError);
      expect(await rejection(users.get("nan"))).toBeInstanceOf(InexactNumberError);
      const nearest = redisStore({ url: server.url, numbers: "nearest" });
      expect(await nearest.collection("users").get("big")).toEqual({ id: 2 ** 53 });
      expect(await nearest.collection("users").get("nan")).toEqual({ values: [null, null, null], text: "NaN" });
      await nearest.close();
    });

    it("are enumerated under the names that lead to them, with an error in the place of what cannot be read", async () => {
      const ours = golden.filter(({ collection }) => collection === "users").map(({ key }) => key);
      expect((await listed(users.keys())).sort()).toEqual(ours.sort());
      expect((await listed(store.collections())).sort()).toEqual(["default_collection", "q", "users"]);
      const error = await rejection(listed(users.entries({ prefix: "big" })));
      expect(error).toBeInstanceOf(InexactNumberError);
      expect(error).toMatchObject({ operation: "entries", collection: "users", key: "big" });
    });

    it("are cleared", async () => {
      await users.clear();
      const left = golden.filter(({ collection }) => collection !== "users").map(({ name }) => name);
      expect((await client.keys("*")).sort()).toEqual(left.sort());
    });

    it("are absent once they have expired by this clock, though the server still holds them", async () => {
      const name = "users::old";
      const text = (golden[0]?.text ?? "")
        .replace('"default_collection"', '"users"')
        .replace('"key": "plain"', '"expires_at": "2020-01-01T00:00:00+00:00", "key": "old"');
      const put = () => client.set(name, text);
      await put();
      expect(JSON.parse(text).key).toBe("old");
      expect(await users.get("old")).toBeUndefined();
      expect(await users.getMany(["old", "items"])).toEqual([undefined, { items: [1, 2, 3] }]);
      expect(await listed(users.keys({ prefix: "old" }))).toEqual([]);
      expect(await users.take("old")).toBeUndefined();
      expect(await users.touch("old", "1h")).toBe(false);
      expect(await users.delete("old")).toBe(false);
      expect(await client.exists(name)).toBe(0);
      await put();
      expect(await users.deleteMany(["old", "items"])).toBe(1);
      await put();
      expect(await users.increment("old", 3)).toBe(3);
      await put();
      expect(await users.putIfAbsent("old", "new")).toBeDefined();
      expect(await users.get("old")).toBe("new");
    });

    it("are taken, swapped and counted on as any other", async () => {
      expect(await users.take("items")).toEqual({ items: [1, 2, 3] });
      expect(await client.exists("users::items")).toBe(0);
      const entry = await users.getEntry("nested");
      if (!entry) throw new Error("it is there");
      await users.put("other", 1);
      expect(await users.compareAndSwap("nested", entry.revision, "mine")).toBeDefined();
      expect(await users.compareAndSwap("nested", entry.revision, "theirs")).toBeUndefined();
      expect(await users.get("nested")).toBe("mine");
      const floats = await users.getEntry("floats");
      expect(floats && (await users.compareAndDelete("floats", floats.revision))).toBe(true);
      expect(await users.get("floats")).toBeUndefined();
    });

    it("stay where they are when a take cannot read them", async () => {
      expect(await rejection(users.take("big"))).toMatchObject({ code: "INEXACT_NUMBER", outcome: "not-applied" });
      expect(await client.exists("users::big")).toBe(1);
    });
  });

  it("is what Python reads, with fields of ours", async () => {
    const before = Date.now();
    await users.put("ada", { name: "Ada", n: undefined, é: 1 }, { ttl: "90s" });
    const after = Date.now();
    const text = await client.get("users::ada");
    const stored = JSON.parse(text ?? "");
    expect(Object.keys(stored)).toEqual([
      "revision",
      "collection",
      "created_at",
      "expires_at",
      "key",
      "value",
      "version",
    ]);
    expect(stored).toMatchObject({ collection: "users", key: "ada", value: { name: "Ada", é: 1 }, version: 1 });
    expect(stored.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
    const expiresAt = Date.parse(stored.expires_at);
    expect(expiresAt).toBeGreaterThanOrEqual(before + 90_000);
    expect(expiresAt).toBeLessThanOrEqual(after + 90_000);
    const left = await client.pttl("users::ada");
    expect(left).toBeGreaterThanOrEqual(90_000 - (Date.now() - before) - 1);
    expect(left).toBeLessThan(90_000);
    await users.put("list", [1, 2]);
    expect(JSON.parse((await client.get("users::list")) ?? "")).toMatchObject({
      value: { items: [1, 2] },
      wrapped: true,
    });
  });

  it("loses its time to live when it is overwritten without one", async () => {
    for (const overwrite of [
      () => users.put("a", 2),
      () => users.putMany([{ key: "a", value: 2 }]),
      () => users.update("a", () => 2),
    ]) {
      await users.put("a", 1, { ttl: "1h" });
      await overwrite();
      expect(await client.pttl("users::a")).toBe(-1);
      expect((await users.getEntry("a"))?.expiresAt).toBeUndefined();
    }
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

  it("keeps names apart that Python confuses", async () => {
    const pairs = [
      ["p", "q::k"],
      ["p::q", "k"],
      ["p:", ":k"],
      ["p", "::k"],
      [":p", "k"],
      ["::p", "k"],
      ["p%3A%3Aq", "k"],
      ["*", "k"],
      ["[p]", "k"],
      ["P", "k"],
    ] as const;
    for (const [at, [collection, key]] of pairs.entries()) await store.collection(collection).put(key, at);
    for (const [at, [collection, key]] of pairs.entries()) {
      expect(await store.collection(collection).get(key)).toBe(at);
      expect(await listed(store.collection(collection).keys({ prefix: key }))).toEqual([key]);
    }
    expect(await client.dbsize()).toBe(pairs.length);
    expect((await listed(store.collections({ prefix: "p:" }))).sort()).toEqual(["p:", "p::q"]);
    await store.collection("p").clear();
    expect(await client.dbsize()).toBe(pairs.length - 2);
  });

  it("has no record where the names in it lead elsewhere", async () => {
    await users.put("a", 1);
    await client.rename("users::a", "users::b");
    expect(await rejection(users.get("b"))).toBeInstanceOf(CorruptRecordError);
    expect(await rejection(users.take("b"))).toBeInstanceOf(CorruptRecordError);
    expect(await rejection(users.getMany(["b"]))).toMatchObject({ code: "BATCH_FAILED" });
    expect(await listed(users.keys())).toEqual([]);
    await store.clearAll();
    expect(await client.exists("users::b")).toBe(1);
    expect(await users.delete("b")).toBe(true);
  });

  it("has no record in what is none", async () => {
    const foreign = {
      "users::text": "not JSON",
      "users::null": "null",
      "users::empty": "",
      "users::json": '{"value": {"a": 1}}',
      "users::cut": '{"revision": "abc", "collection": "users", "key": "cut", "value": {"a"',
      "no separator": "x",
      "::": "x",
      "users::": "x",
    };
    await client.mset(foreign);
    await client.set("users::binary", Buffer.from([0xff, 0xfe, 0x22]));
    await client.rpush("users::list", "x");
    await client.hset("users::hash", "x", "y");
    const count = await client.dbsize();
    for (const key of ["text", "null", "empty", "json", "cut", "binary", "list", "hash"]) {
      expect(await rejection(users.get(key)), key).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.take(key)), key).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.increment(key)), key).toMatchObject({ outcome: "not-applied" });
      expect(await rejection(users.putIfAbsent(key, 1)), key).toMatchObject({ code: "CORRUPT_RECORD" });
    }
    await users.put("mine", 1);
    const error = await rejection(users.getMany(["mine", "missing", "list", "text"]));
    expect(error).toMatchObject({ code: "BATCH_FAILED", results: [1, undefined, undefined, undefined] });
    expect(error).toMatchObject({
      failures: [
        { index: 2, key: "list" },
        { index: 3, key: "text" },
      ],
    });
    expect(await listed(users.keys())).toEqual(["mine"]);
    expect(await listed(store.collections())).toEqual(["users"]);
    await users.clear();
    await store.clearAll();
    expect(await client.dbsize()).toBe(count);
  });

  it("is read though bytes are no text, by nobody", async () => {
    const text = '{"collection": "users", "key": "k", "value": {"a": "?"}, "version": 1}';
    await client.set("users::k", Buffer.from(text.replace("?", "\xff"), "latin1"));
    expect(await rejection(users.get("k"))).toBeInstanceOf(CorruptRecordError);
    expect(await rejection(users.update("k", () => 1))).toBeInstanceOf(CorruptRecordError);
  });
});

/** Since the epoch, of Python's text. */
function microseconds(text: string): number {
  return Date.parse(`${text.slice(0, 19)}Z`) * 1000 + Number(text.slice(20, 26));
}
