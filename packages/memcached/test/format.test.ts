// The stored format: what Python wrote is read, what we write is as documented, what is neither is left alone.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { CorruptRecordError, InexactNumberError } from "@kv/core";
import { rejection, serverFor } from "@kv/test-servers";
import type { Client } from "memjs";
import * as vitest from "vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MemcachedStore, memcachedStore, type Naming } from "../src/index.ts";
import { ask, clientOf, secondsLeft, textOf } from "./helpers.ts";

interface Golden {
  readonly names: Naming;
  readonly collection: string | null;
  readonly key: string;
  readonly name: string;
  readonly text: string;
}

const golden: readonly Golden[] = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));
const { server, skipped } = await serverFor(vitest, "memcached", { own: true });

const DAY = 24 * 3600;

describe.skipIf(skipped)("the stored format", () => {
  let client: Client;
  let store: MemcachedStore;
  let users: ReturnType<MemcachedStore["collection"]>;

  beforeAll(() => {
    client = clientOf(server.port);
    store = memcachedStore({ url: server.url });
    users = store.collection("users");
  });
  beforeEach(async () => {
    await ask(server.port, "flush_all");
  });
  afterAll(async () => {
    await store.close();
    client.close();
  });

  describe("records that Python wrote", () => {
    beforeEach(async () => {
      for (const { names, name, text } of golden) if (names === "python") await client.set(name, text);
    });

    it("are read", async () => {
      expect(await store.get("plain")).toEqual({ name: "Ada", age: 36 });
      expect(await users.get("nested")).toEqual({ a: [1, { b: [null, true, { c: "d" }] }], empty: {}, none: [] });
      expect(await users.get("unicodeé😀")).toEqual({ text: '日本 😀 \0 " \\ / \u2028' });
      expect(await users.get("floats")).toEqual({ one: 1, tenth: 0.1, huge: 1e308, small: 5e-324 });
      expect(await users.get("items")).toEqual({ items: [1, 2, 3] });
      expect(await users.get("big-but-exact")).toEqual({ id: 2 ** 70, text: "12345678901234567891" });
      expect(await store.collection("q").get("%3A")).toEqual({ v: 2 });
      expect(await store.collection("H_users").get("S_x")).toEqual({ v: 3 });
      expect(await users.get("k".repeat(243))).toEqual({ v: 4 });
      // Python's name of this one may be that of another, too.
      expect(await store.collection("odd*?[x]\\:").get("key-with-::-inside")).toBeUndefined();
      expect(await users.getMany(["items", "missing", "plain"])).toEqual([{ items: [1, 2, 3] }, undefined, undefined]);
    });

    it("have their times", async () => {
      const entry = await users.getEntry("with-ttl");
      const stored = JSON.parse(golden.find(({ key }) => key === "with-ttl")?.text ?? "");
      expect(entry?.value).toEqual({ kept: true });
      expect(entry?.createdAt?.getTime()).toBe(Math.ceil(microseconds(stored.created_at) / 1000));
      expect(entry?.expiresAt?.getTime()).toBe(Math.ceil(microseconds(stored.expires_at) / 1000));
      expect(entry?.revision).toMatch(/^[0-9a-f]{40}$/);
      expect(await users.get("fraction-of-ttl")).toEqual({ kept: true });
    });

    it("are refused where JavaScript would round, or read as told", async () => {
      expect(await rejection(users.get("big"))).toBeInstanceOf(InexactNumberError);
      expect(await rejection(users.get("nan"))).toBeInstanceOf(InexactNumberError);
      const nearest = memcachedStore({ url: server.url, numbers: "nearest" });
      expect(await nearest.collection("users").get("big")).toEqual({ id: 2 ** 53 });
      expect(await nearest.collection("users").get("nan")).toEqual({ values: [null, null, null], text: "NaN" });
      await nearest.close();
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
      expect(await users.take("old")).toBeUndefined();
      expect(await users.touch("old", "1h")).toBe(false);
      expect(await textOf(client, name)).toBe(text);
      expect(await users.delete("old")).toBe(false);
      expect(await textOf(client, name)).toBeUndefined();
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
      expect(await textOf(client, "users::items")).toBeUndefined();
      const entry = await users.getEntry("nested");
      if (!entry) throw new Error("it is there");
      expect(await users.compareAndSwap("nested", entry.revision, "mine")).toBeDefined();
      expect(await users.compareAndSwap("nested", entry.revision, "theirs")).toBeUndefined();
      expect(await users.get("nested")).toBe("mine");
      const floats = await users.getEntry("floats");
      expect(floats && (await users.compareAndDelete("floats", floats.revision))).toBe(true);
      expect(await users.get("floats")).toBeUndefined();
    });

    it("stay where they are when a take cannot read them", async () => {
      expect(await rejection(users.take("big"))).toMatchObject({ code: "INEXACT_NUMBER", outcome: "not-applied" });
      expect(await textOf(client, "users::big")).toBeDefined();
    });
  });

  it("has the names of Python's MemcachedV1KeySanitizationStrategy, by option all of them", async () => {
    const records = golden.filter(({ names }) => names === "python-v1");
    for (const { name, text } of records) await client.set(name, text);
    const same = memcachedStore({ url: server.url, names: "python-v1" });
    for (const { collection, key, text } of records) {
      const { value } = JSON.parse(text);
      expect(await same.collection(collection ?? undefined).get(key)).toEqual(value);
    }
    // Without the option those of more than 250 bytes, which Python cannot store by its other naming either.
    const found = await users.getMany(records.filter(({ collection }) => collection === "users").map(({ key }) => key));
    expect(found.map((value) => value !== undefined)).toEqual([true, true, false, false, true, true, true]);
    await same.close();
  });

  it("is what Python reads, with fields of ours", async () => {
    const before = Date.now();
    await users.put("ada", { name: "Ada", n: undefined, é: 1 }, { ttl: "90s" });
    const after = Date.now();
    const text = await textOf(client, "users::ada");
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
    await users.put("list", [1, 2]);
    expect(JSON.parse((await textOf(client, "users::list")) ?? "")).toMatchObject({
      value: { items: [1, 2] },
      wrapped: true,
    });
    const { flags } = await client.get("users::list");
    expect(flags).toEqual(Buffer.alloc(4));
  });

  it.each([
    ["1ms", 0, 1],
    ["90s", 90, 91],
    ["29d", 29 * DAY, 29 * DAY + 1],
    ["30d", 30 * DAY, 31 * DAY + 1],
    ["31d", 31 * DAY, 32 * DAY + 1],
    ["365d", 365 * DAY, 366 * DAY + 1],
  ] as const)("is kept by the server for longer than a TTL of %s, but not for ever", async (ttl, least, most) => {
    const began = Date.now();
    for (const put of [
      () => users.put("a", 1, { ttl }),
      () => users.putMany([{ key: "a", value: 1, ttl }]),
      () => users.update("a", () => 1, { ttl }),
    ]) {
      await ask(server.port, "flush_all");
      await put();
      const left = await secondsLeft(server.port, "users::a");
      const passed = Math.ceil((Date.now() - began) / 1000);
      // What is asked for beyond the TTL is ten seconds; its clock may be two off.
      expect(left).toBeGreaterThanOrEqual(least + 8 - passed);
      expect(left).toBeLessThanOrEqual(most + 12);
    }
  });

  it("is kept by the server for ever where its protocol has no number for the moment", async () => {
    await users.put("a", 1, { expiresAt: Date.UTC(2150, 0) });
    expect(await secondsLeft(server.port, "users::a")).toBe(-1);
    expect((await users.getEntry("a"))?.expiresAt?.getTime()).toBe(Date.UTC(2150, 0));
  });

  it("loses its time to live when it is overwritten without one", async () => {
    for (const overwrite of [
      () => users.put("a", 2),
      () => users.putMany([{ key: "a", value: 2 }]),
      () => users.update("a", () => 2),
      () => users.touch("a", null),
    ]) {
      await users.put("a", 1, { ttl: "1h" });
      await overwrite();
      expect(await secondsLeft(server.port, "users::a")).toBe(-1);
      expect((await users.getEntry("a"))?.expiresAt).toBeUndefined();
    }
  });

  it.each([
    ["as it is", "users", "user:1", "users::user:1"],
    ["as it is, in other scripts", "日本", "é😀", "日本::é😀"],
    ["as it is, with the letters of a hash", "H_users", "H_0", "H_users::H_0"],
    ["as it is, of 250 bytes", "c", `${"é".repeat(123)}k`, `c::${"é".repeat(123)}k`],
    ["escaped, where Python would confuse it", "p::q", "k", "::p%3A%3Aq::k"],
    ["hashed, of 251 bytes", "c", "é".repeat(124), hashOf(`c::${"é".repeat(124)}`)],
    ["hashed, of 10,000 characters", "c", "k".repeat(10_000), hashOf(`c::${"k".repeat(10_000)}`)],
    ["hashed, with a space", "c", "a b", hashOf("c::a b")],
    ["hashed, with a line's end", "c\n", "a", hashOf("c\n::a")],
    ["hashed, with NUL", "c", "\0", hashOf("c::\0")],
    ["hashed, with a control character of the second set", "c", "\x85", hashOf("c::\x85")],
    ["hashed, with another space", "c", "a\u3000", hashOf("c::a\u3000")],
  ])("has a name %s", async (how, collection, key, name) => {
    await store.collection(collection).put(key, how);
    const text = await textOf(client, name);
    expect(JSON.parse(text ?? "{}")).toMatchObject({ collection, key, value: { items: how } });
  });

  it("keeps names apart that Python confuses", async () => {
    const long = "k".repeat(300);
    const pairs = [
      ["p", "q::k"],
      ["p::q", "k"],
      ["p", `q::${long}`],
      ["p::q", long],
      ["p:", ":k"],
      ["p", "::k"],
      [":p", "k"],
      ["::p", "k"],
      ["p%3A%3Aq", "k"],
      ["P", "k"],
    ] as const;
    for (const [at, [collection, key]] of pairs.entries()) await store.collection(collection).put(key, at);
    for (const [at, [collection, key]] of pairs.entries()) {
      expect(await store.collection(collection).get(key)).toBe(at);
    }
  });

  it("has no record where the names in it lead elsewhere", async () => {
    await users.put("a", 1);
    await client.set("users::b", (await textOf(client, "users::a")) ?? "");
    expect(await rejection(users.get("b"))).toBeInstanceOf(CorruptRecordError);
    expect(await rejection(users.take("b"))).toBeInstanceOf(CorruptRecordError);
    expect(await rejection(users.putIfAbsent("b", 1))).toBeInstanceOf(CorruptRecordError);
    expect(await rejection(users.getMany(["b"]))).toMatchObject({ code: "BATCH_FAILED" });
    expect(await users.delete("b")).toBe(true);
    expect(await users.get("b")).toBeUndefined();
  });

  it("has no record in what is none", async () => {
    const text = '{"collection": "users", "key": "latin", "value": {"a": "?"}, "version": 1}';
    const foreign = {
      text: "not JSON",
      null: "null",
      empty: "",
      json: '{"value": {"a": 1}}',
      cut: '{"revision": "abc", "collection": "users", "key": "cut", "value": {"a"',
      binary: Buffer.from([0xff, 0xfe, 0x22]),
      latin: Buffer.from(text.replace("?", "\xff"), "latin1"),
    };
    for (const [key, value] of Object.entries(foreign)) {
      await client.set(`users::${key}`, value);
      expect(await rejection(users.get(key)), key).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.take(key)), key).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.increment(key)), key).toMatchObject({ outcome: "not-applied" });
      expect(await rejection(users.putIfAbsent(key, 1)), key).toMatchObject({ code: "CORRUPT_RECORD" });
      expect((await client.get(`users::${key}`)).value).toEqual(Buffer.from(value));
    }
    await users.put("mine", 1);
    const error = await rejection(users.getMany(["mine", "missing", "empty", "text"]));
    expect(error).toMatchObject({ code: "BATCH_FAILED", results: [1, undefined, undefined, undefined] });
    expect(error).toMatchObject({
      failures: [
        { index: 2, key: "empty" },
        { index: 3, key: "text" },
      ],
    });
    expect(await users.delete("text")).toBe(true);
    expect(await users.deleteMany(["json", "binary", "missing"])).toBe(2);
    await users.put("cut", 1);
    expect(await users.get("cut")).toBe(1);
  });
});

/** As Python's strategy writes it. */
function hashOf(name: string): string {
  return `H_${createHash("sha256").update(name).digest("hex")}`;
}

/** Since the epoch, of Python's text. */
function microseconds(text: string): number {
  return Date.parse(`${text.slice(0, 19)}Z`) * 1000 + Number(text.slice(20, 26));
}
