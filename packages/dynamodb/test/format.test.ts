// The stored format: what Python wrote is read, what we write is as documented, what is neither is left alone.

import { readFile } from "node:fs/promises";
import { CorruptRecordError, ValueTooLargeError } from "@kv/core";
import type { RecordId } from "@kv/core/driver";
import { clockPast, formatSuite, listed, rejection } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { dynamodbStore } from "../src/index.ts";
import { type Item, optionsFor, serversFor } from "./helpers.ts";

const golden: readonly Item[] = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));

/** As the suite wants them. */
const texts = golden.map(({ collection, key, value }) => ({
  collection: collection?.S ?? "",
  key: key?.S ?? "",
  text: value?.S ?? "",
}));

for (const { name, server, skipped, table } of await serversFor(vitest, "format")) {
  const write = ({ collection, key }: RecordId, text: string, more: Item = {}) =>
    table.put({ collection: { S: collection }, key: { S: key }, value: { S: text }, ...more });

  formatSuite(vitest, {
    title: `the stored format on ${name}`,
    skipped,
    open: (options) => dynamodbStore({ ...optionsFor(server, "format"), ...options }),
    empty: () => table.empty(),
    golden: texts,
    async restore() {
      for (const item of golden) await table.put(item);
    },
    read: [
      ["users", "nested", { a: [1, { b: [null, true, { c: "d" }] }], empty: {}, none: [] }],
      ["users", "unicode é😀", { text: '日本 😀 \0 " \\ / \u2028' }],
      ["users", "floats", { one: 1, tenth: 0.1, huge: 1e308, small: 5e-324 }],
      ["users", "big but exact", { id: 2 ** 70, text: "12345678901234567891" }],
      ["p::q", "k", { v: 1 }],
      ["p", "q::k", { v: 2 }],
    ],
    collections: ["default_collection", "p", "p::q", "users"],
    textOf: async ({ collection, key }) => (await table.get(collection, key))?.value?.S,
    write,
    expiryOf: async ({ collection, key }) => (await table.get(collection, key))?.ttl,
    never: undefined,
    expired: [
      ["long ago", (id, text) => write(id, text, { ttl: { N: "1577836800" } })],
      ["long ago, by their text alone", write],
      [
        "a moment ago",
        (id, text) => {
          const moment = new Date(Date.now() - 1).toISOString().replace("Z", "000+00:00");
          const ttl = { N: `${Math.floor(Date.now() / 1000)}` };
          return write(id, text.replace("2020-01-01T00:00:00+00:00", moment), { ttl });
        },
      ],
    ],
    foreign: Object.fromEntries(
      Object.entries({
        "no value": { name: { S: "Ada" } },
        "a number": { value: { N: "1" } },
        "a map": { value: { M: { a: { S: "b" } } } },
      } satisfies Record<string, Item>).map(([key, item]) => [
        key,
        () => table.put({ ...item, collection: { S: "users" }, key: { S: key } }),
      ]),
    ),
    count: async () => (await table.items()).length,
  });

  describe.skipIf(skipped)(`the stored format on ${name}`, () => {
    const store = dynamodbStore(skipped ? { table: "format" } : optionsFor(server, "format"));
    const users = store.collection("users");

    beforeEach(() => table.empty());
    afterAll(async () => {
      await store.close();
      table.close();
    });

    describe("records that Python wrote", () => {
      beforeEach(async () => {
        for (const item of golden) await table.put(item);
      });
      const put = (key: string, expiresAt: string, ttl?: string) =>
        table.put({
          ...itemOf("users", key, { n: 1 }, { expires_at: expiresAt }),
          ...(ttl !== undefined && { ttl: { N: ttl } }),
        });

      it("have their times, to the fraction of a second that `ttl` does not tell", async () => {
        for (const key of ["with ttl", "fraction of ttl"]) {
          const entry = await users.getEntry(key);
          const item = golden.find((one) => one.key?.S === key);
          const stored = JSON.parse(item?.value?.S ?? "");
          expect(entry?.value).toEqual({ kept: true });
          expect(entry?.createdAt?.getTime()).toBe(Math.ceil(microseconds(stored.created_at) / 1000));
          expect(entry?.expiresAt?.getTime()).toBe(Math.ceil(microseconds(stored.expires_at) / 1000));
          expect(Number(item?.ttl?.N)).toBe(Math.floor(microseconds(stored.expires_at) / 1e6));
          expect(entry?.revision).toMatch(/^[0-9a-f]{40}$/);
        }
      });

      it("expire when `ttl` says, where somebody has changed it", async () => {
        await put("later", "2020-01-01T00:00:00.500000+00:00", "2000000000");
        expect((await users.getEntry("later"))?.expiresAt).toEqual(new Date(2_000_000_000_000));
        await put("sooner", "2040-01-01T00:00:00.500000+00:00", "1500000000");
        expect(await users.get("sooner")).toBeUndefined();
        expect(await users.putIfAbsent("later", 1)).toBeUndefined();
        expect(await users.putIfAbsent("sooner", 1)).toBeDefined();
      });
    });

    it("is what Python reads, with what is ours beside it", async () => {
      const before = Date.now();
      await users.put("ada", { name: "Ada", n: undefined, é: 1 }, { ttl: "90s" });
      const after = Date.now();
      const item = await table.get("users", "ada");
      expect(Object.keys(item ?? {}).sort()).toEqual(["collection", "expires", "key", "ttl", "value"]);
      const stored = JSON.parse(item?.value?.S ?? "");
      expect(stored).toMatchObject({ collection: "users", key: "ada", value: { name: "Ada", é: 1 }, version: 1 });
      expect(stored.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
      const expiresAt = Date.parse(stored.expires_at);
      expect(expiresAt).toBeGreaterThanOrEqual(before + 90_000);
      expect(expiresAt).toBeLessThanOrEqual(after + 90_000);
      expect(item?.expires).toEqual({ N: `${expiresAt}` });
      // A second later at most, never earlier: the server deletes by it.
      expect(item?.ttl).toEqual({ N: `${Math.ceil(expiresAt / 1000)}` });
      await users.put("list", [1, 2]);
      const list = await table.get("users", "list");
      expect(Object.keys(list ?? {}).sort()).toEqual(["collection", "key", "value"]);
      expect(JSON.parse(list?.value?.S ?? "")).toMatchObject({ value: { items: [1, 2] }, wrapped: true });
    });

    it("tells Python no later second than it can read", async () => {
      await users.put("last", 1, { expiresAt: Date.UTC(9999, 11, 31, 23, 59, 59, 999) });
      expect((await table.get("users", "last"))?.ttl).toEqual({ N: "253402300799" });
      expect((await users.getEntry("last"))?.expiresAt?.getUTCMilliseconds()).toBe(999);
    });

    it("keeps no attribute of an expiry that it has no more", async () => {
      for (const overwrite of [() => users.put("a", 2), () => users.touch("a", null)]) {
        await users.put("a", 1, { ttl: "1h" });
        await overwrite();
        expect(Object.keys((await table.get("users", "a")) ?? {}).sort()).toEqual(["collection", "key", "value"]);
      }
    });

    it("keeps names as they are, up to what DynamoDB takes", async () => {
      for (const [collection, key] of [
        ["é".repeat(1024), "x".repeat(1024)],
        ["p::q", "::"],
        [" ", "\0"],
      ] as const) {
        await store.collection(collection).put(key, 1);
        expect(await table.get(collection, key)).toBeDefined();
      }
    });

    it("keeps the beginning of longer names, a hash, and the name itself in the record", async () => {
      const collection = "é".repeat(1025);
      const key = `${"x".repeat(956)}é${"y".repeat(100)}`;
      const records = store.collection(collection);
      await records.put(key, 1);
      const [item] = await table.items();
      expect(item?.collection?.S).toMatch(/^é{990}-H_[0-9a-f]{64}$/);
      expect(Buffer.byteLength(item?.collection?.S ?? "")).toBe(2047);
      expect(item?.key?.S).toMatch(/^x{956}-H_[0-9a-f]{64}$/);
      expect(JSON.parse(item?.value?.S ?? "")).toMatchObject({ collection, key });
      expect(await listed(store.collections({ prefix: "é".repeat(1000) }))).toEqual([collection]);
      expect(await listed(store.collections({ prefix: "é".repeat(1026) }))).toEqual([]);
      for (const length of [1, 956, 957, 1000, 1057]) {
        expect(await listed(records.keys({ prefix: key.slice(0, length) }))).toEqual([key]);
      }
      expect(await listed(records.keys({ prefix: `${key.slice(0, 957)}z` }))).toEqual([]);
      // A name that looks like a stored form has one of its own.
      await records.put(item?.key?.S ?? "", 2);
      expect(await records.get(key)).toBe(1);
      expect(await records.get(item?.key?.S ?? "")).toBe(2);
      expect(await listed(records.keys({ prefix: "x" }))).toHaveLength(2);
      await records.clear();
      expect(await table.items()).toEqual([]);
    });

    // Where moto is to compare them with a number, it fails.
    it.runIf(name === "dynalite")("is listed by its name, though its attributes cannot be read", async () => {
      const named = {
        "its ttl": { ttl: { S: "soon" } },
        "its expires": { expires: { S: "soon" } },
      };
      for (const [key, attributes] of Object.entries(named)) {
        await table.put({ ...itemOf("users", key, { a: 1 }), ...attributes });
        expect(await rejection(users.get(key)), key).toBeInstanceOf(CorruptRecordError);
        expect(await rejection(users.take(key)), key).toBeInstanceOf(CorruptRecordError);
        expect(await rejection(users.increment(key)), key).toMatchObject({ outcome: "not-applied" });
        expect(await rejection(users.putIfAbsent(key, 1)), key).toMatchObject({ code: "CORRUPT_RECORD" });
      }
      await users.put("mine", 1);
      expect((await listed(users.keys())).sort()).toEqual([...Object.keys(named), "mine"].sort());
      await store.cull();
      expect(await table.items()).toHaveLength(3);
      await users.clear();
      expect(await table.items()).toEqual([]);
    });

    it("has cull delete what has expired and nothing that was written since it was looked at", async () => {
      await table.put({ ...itemOf("users", "theirs", { n: 1 }), ttl: { N: "1500000000" } });
      await users.put("ours", 1, { ttl: "1ms" });
      await users.put("lives", 1, { ttl: "1h" });
      await store.collection("others").put("eternal", 1);
      await clockPast(Date.now() + 1);
      expect(await table.items()).toHaveLength(4);
      await store.cull();
      expect((await table.items()).map(({ key }) => key?.S).sort()).toEqual(["eternal", "lives"]);
    });

    it.runIf(name === "dynalite")("counts bytes as DynamoDB does, whose limit is ours to the byte", async () => {
      const key = "k".repeat(300);
      for (const expiresAt of [undefined, 1_999_999_999_999, 1_999_999_900_000, 2e12]) {
        const options = expiresAt === undefined ? {} : { expiresAt };
        const sizeOf = async (value: string): Promise<number> => {
          const error = await rejection(users.put(key, value, options));
          if (!(error instanceof ValueTooLargeError)) throw error;
          expect(error).toMatchObject({ limit: 409_600, outcome: "not-applied" });
          return error.size;
        };
        // Each pair of characters takes three bytes, as a quote is escaped.
        const over = (await sizeOf('a"'.repeat(150_000))) - 409_600;
        const pairs = Math.ceil(over / 3);
        const longest = 'a"'.repeat(150_000 - pairs) + "x".repeat(pairs * 3 - over);
        expect(await sizeOf(`${longest}x`)).toBe(409_601);
        // Which dynalite would take, since it counts characters.
        expect(await sizeOf(`é${longest.slice(1)}`)).toBe(409_601);
        await users.put(key, longest, options);
        expect(await users.get(key)).toBe(longest);
        const item = await table.get("users", key);
        const text = `${item?.value?.S}x`;
        await expect(table.put({ ...item, value: { S: text } })).rejects.toThrow("Item size has exceeded");
      }
    });
  });
}

/** As Python would have written it. */
function itemOf(collection: string, key: string, value: object, more: object = {}): Item {
  const created_at = "2019-01-01T00:00:00.000000+00:00";
  const text = JSON.stringify({ collection, created_at, ...more, key, value, version: 1 });
  return { collection: { S: collection }, key: { S: key }, value: { S: text } };
}

/** Since the epoch, of Python's text. */
function microseconds(text: string): number {
  return Date.parse(`${text.slice(0, 19)}Z`) * 1000 + Number(text.slice(20, 26));
}
