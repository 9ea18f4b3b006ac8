// The stored format: what Python wrote is read, what we write is as documented, what is neither is left alone.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { RecordId } from "@kv/core/driver";
import { formatSuite, type GoldenText, rejection, serverFor } from "@kv/test-servers";
import type { Client } from "memjs";
import * as vitest from "vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MemcachedStore, memcachedStore, type Naming } from "../src/index.ts";
import { ask, clientOf, secondsLeft, textOf } from "./helpers.ts";

type Golden = GoldenText & { readonly names: Naming; readonly name: string };

const golden: readonly Golden[] = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));
const plain = golden.filter(({ names }) => names === "python");
const { server, skipped } = await serverFor(vitest, "memcached", { own: true });

const DAY = 24 * 3600;
const nameOf = ({ collection, key }: RecordId) => `${collection}::${key}`;
let client: Client;

beforeAll(() => {
  if (!skipped) client = clientOf(server.port);
});
afterAll(() => client?.close());

const latin = '{"collection": "users", "key": "latin", "value": {"a": "?"}, "version": 1}'.replace("?", "\xff");

formatSuite(vitest, {
  title: "the stored format",
  skipped,
  open: (options) => memcachedStore({ url: server.url, ...options }),
  empty: () => ask(server.port, "flush_all"),
  golden: plain,
  async restore() {
    for (const { name, text } of plain) await client.set(name, text);
  },
  read: [
    ["users", "nested", { a: [1, { b: [null, true, { c: "d" }] }], empty: {}, none: [] }],
    ["users", "unicodeé😀", { text: '日本 😀 \0 " \\ / \u2028' }],
    ["users", "floats", { one: 1, tenth: 0.1, huge: 1e308, small: 5e-324 }],
    ["users", "big-but-exact", { id: 2 ** 70, text: "12345678901234567891" }],
    ["q", "%3A", { v: 2 }],
    ["H_users", "S_x", { v: 3 }],
    ["users", "k".repeat(243), { v: 4 }],
    ["users", "fraction-of-ttl", { kept: true }],
    ["odd*?[x]\\:", "key-with-::-inside", undefined],
  ],
  withTtl: "with-ttl",
  textOf: (id) => textOf(client, nameOf(id)),
  write: (id, text) => client.set(nameOf(id), text),
  expiryOf: (id) => secondsLeft(server.port, nameOf(id)),
  never: -1,
  keepsExpired: true,
  foreign: {
    binary: () => client.set("users::binary", Buffer.from([0xff, 0xfe, 0x22])),
    latin: () => client.set("users::latin", Buffer.from(latin, "latin1")),
  },
});

describe.skipIf(skipped)("the stored format", () => {
  let store: MemcachedStore;
  let users: ReturnType<MemcachedStore["collection"]>;

  beforeAll(() => {
    store = memcachedStore({ url: server.url });
    users = store.collection("users");
  });
  beforeEach(async () => {
    await ask(server.port, "flush_all");
  });
  afterAll(() => store.close());

  it("has no flags, as Python writes none", async () => {
    await users.put("list", [1, 2]);
    const { flags } = await client.get("users::list");
    expect(flags).toEqual(Buffer.alloc(4));
  });

  it("is left as it is to the byte where it is no record", async () => {
    for (const bytes of [Buffer.from([0xff, 0xfe, 0x22]), Buffer.from(latin, "latin1")]) {
      await client.set("users::latin", bytes);
      for (const attempt of [
        () => users.take("latin"),
        () => users.increment("latin"),
        () => users.putIfAbsent("latin", 1),
      ]) {
        expect(await rejection(attempt())).toMatchObject({ code: "CORRUPT_RECORD" });
      }
      expect((await client.get("users::latin")).value).toEqual(bytes);
      expect(await users.deleteMany(["latin", "missing"])).toBe(1);
    }
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
});

/** As Python's strategy writes it. */
function hashOf(name: string): string {
  return `H_${createHash("sha256").update(name).digest("hex")}`;
}
