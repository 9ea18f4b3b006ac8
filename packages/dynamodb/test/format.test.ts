// The stored format: what Python wrote is read, what we write is as documented, what is neither is left alone.

import { readFile } from "node:fs/promises";
import { CorruptRecordError, InexactNumberError, ValueTooLargeError } from "@kv/core";
import { listed, rejection } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { dynamodbStore } from "../src/index.ts";
import { type Item, optionsFor, serversFor } from "./helpers.ts";

const golden: readonly Item[] = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));

for (const { name, server, skipped, table } of await serversFor(vitest, "format")) {
  describe.skipIf(skipped)(`the stored format on ${name}`, () => {
    const open = (options: { readonly numbers?: "nearest" } = {}) =>
      dynamodbStore({ ...optionsFor(server, "format"), ...options });
    const store = open();
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

      it("are read", async () => {
        expect(await store.get("plain")).toEqual({ name: "Ada", age: 36 });
        expect(await users.get("nested")).toEqual({ a: [1, { b: [null, true, { c: "d" }] }], empty: {}, none: [] });
        expect(await users.get("unicode é😀")).toEqual({ text: '日本 😀 \0 " \\ / \u2028' });
        expect(await users.get("floats")).toEqual({ one: 1, tenth: 0.1, huge: 1e308, small: 5e-324 });
        expect(await users.get("items")).toEqual({ items: [1, 2, 3] });
        expect(await users.get("big but exact")).toEqual({ id: 2 ** 70, text: "12345678901234567891" });
        expect(await store.collection("p::q").get("k")).toEqual({ v: 1 });
        expect(await store.collection("p").get("q::k")).toEqual({ v: 2 });
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

      it("are refused where JavaScript would round, or read as told", async () => {
        expect(await rejection(users.get("big"))).toBeInstanceOf(InexactNumberError);
        expect(await rejection(users.get("nan"))).toBeInstanceOf(InexactNumberError);
        const nearest = open({ numbers: "nearest" });
        expect(await nearest.collection("users").get("big")).toEqual({ id: 2 ** 53 });
        expect(await nearest.collection("users").get("nan")).toEqual({ values: [null, null, null], text: "NaN" });
        await nearest.close();
      });

      it("are enumerated, with an error in the place of what cannot be read", async () => {
        const ours = golden.flatMap(({ collection, key }) => (collection?.S === "users" ? [key?.S ?? ""] : []));
        expect((await listed(users.keys())).sort()).toEqual(ours.sort());
        expect((await listed(store.collections())).sort()).toEqual(["default_collection", "p", "p::q", "users"]);
        const error = await rejection(listed(users.entries({ prefix: "big" })));
        expect(error).toBeInstanceOf(InexactNumberError);
        expect(error).toMatchObject({ operation: "entries", collection: "users" });
      });

      it("are cleared", async () => {
        await users.clear();
        const left = golden.filter(({ collection }) => collection?.S !== "users").map(({ key }) => key?.S);
        expect((await table.items()).map(({ key }) => key?.S).sort()).toEqual(left.sort());
      });

      it.each([
        ["long ago", "2020-01-01T00:00:00+00:00", "1577836800"],
        ["long ago, by their text alone", "2020-01-01T00:00:00+00:00", undefined],
        ["a moment ago", new Date(Date.now() - 1).toISOString().replace("Z", "000+00:00"), "now"],
      ])("are absent once they have expired: %s", async (_, expiresAt, ttl) => {
        const now = `${Math.floor(Date.now() / 1000)}`;
        const again = () => put("old", expiresAt, ttl === "now" ? now : ttl);
        await again();
        expect(await users.get("old")).toBeUndefined();
        expect(await users.getMany(["old", "items"])).toEqual([undefined, { items: [1, 2, 3] }]);
        expect(await listed(users.keys({ prefix: "old" }))).toEqual([]);
        expect(await users.take("old")).toBeUndefined();
        expect(await users.touch("old", "1h")).toBe(false);
        expect(await users.delete("old")).toBe(false);
        expect(await table.get("users", "old")).toBeUndefined();
        await again();
        expect(await users.deleteMany(["old", "items"])).toBe(1);
        await again();
        expect(await users.increment("old", 3)).toBe(3);
        await again();
        expect(await users.putIfAbsent("old", "new")).toBeDefined();
        expect(await users.get("old")).toBe("new");
      });

      it("are taken, swapped and counted on as any other", async () => {
        expect(await users.take("items")).toEqual({ items: [1, 2, 3] });
        expect(await table.get("users", "items")).toBeUndefined();
        const entry = await users.getEntry("nested");
        if (!entry) throw new Error("it is there");
        expect(await users.compareAndSwap("nested", entry.revision, "mine")).toBeDefined();
        expect(await users.compareAndSwap("nested", entry.revision, "theirs")).toBeUndefined();
        expect(await users.get("nested")).toBe("mine");
        const floats = await users.getEntry("floats");
        expect(floats && (await users.compareAndDelete("floats", floats.revision))).toBe(true);
        expect(floats && (await users.compareAndDelete("floats", floats.revision))).toBe(false);
        expect(await users.get("floats")).toBeUndefined();
      });

      it("stay where they are when a take cannot read them", async () => {
        expect(await rejection(users.take("big"))).toMatchObject({ code: "INEXACT_NUMBER", outcome: "not-applied" });
        expect(await table.get("users", "big")).toBeDefined();
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

    it("loses its time to live when it is overwritten without one", async () => {
      for (const overwrite of [
        () => users.put("a", 2),
        () => users.putMany([{ key: "a", value: 2 }]),
        () => users.update("a", () => 2),
        () => users.touch("a", null),
      ]) {
        await users.put("a", 1, { ttl: "1h" });
        await overwrite();
        expect(Object.keys((await table.get("users", "a")) ?? {}).sort()).toEqual(["collection", "key", "value"]);
        expect((await users.getEntry("a"))?.expiresAt).toBeUndefined();
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

    it("has no record where the names in it lead elsewhere", async () => {
      await users.put("a", 1);
      await table.put({ ...(await table.get("users", "a")), key: { S: "b" } });
      expect(await rejection(users.get("b"))).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.take("b"))).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.getMany(["b"]))).toMatchObject({ code: "BATCH_FAILED" });
      expect(await listed(users.keys())).toEqual(["a"]);
      await store.clearAll();
      expect(await table.items()).toHaveLength(1);
      expect(await users.delete("b")).toBe(true);
      expect(await table.items()).toEqual([]);
    });

    it("has no record in what is none", async () => {
      const others: Record<string, Item> = {
        "no value": { name: { S: "Ada" } },
        "a number": { value: { N: "1" } },
        "a map": { value: { M: { a: { S: "b" } } } },
        "not JSON": { value: { S: "not JSON" } },
        null: { value: { S: "null" } },
        "other JSON": { value: { S: '{"value": {"a": 1}}' } },
        cut: { value: { S: '{"revision": "abc", "collection": "users", "key": "cut", "value": {"a"' } },
        // Where moto is to compare them with a number, it fails.
        ...(name === "dynalite" && {
          "its ttl": { ...itemOf("users", "its ttl", { a: 1 }), ttl: { S: "soon" } },
          "its expires": { ...itemOf("users", "its expires", { a: 1 }), expires: { S: "soon" } },
        }),
      };
      for (const [key, item] of Object.entries(others)) {
        await table.put({ ...item, collection: { S: "users" }, key: { S: key } });
      }
      for (const key of Object.keys(others)) {
        expect(await rejection(users.get(key)), key).toBeInstanceOf(CorruptRecordError);
        expect(await rejection(users.take(key)), key).toBeInstanceOf(CorruptRecordError);
        expect(await rejection(users.increment(key)), key).toMatchObject({ outcome: "not-applied" });
        expect(await rejection(users.putIfAbsent(key, 1)), key).toMatchObject({ code: "CORRUPT_RECORD" });
      }
      await users.put("mine", 1);
      const error = await rejection(users.getMany(["mine", "missing", "no value", "cut"]));
      expect(error).toMatchObject({
        code: "BATCH_FAILED",
        results: [1, undefined, undefined, undefined],
        failures: [
          { index: 2, key: "no value" },
          { index: 3, key: "cut" },
        ],
      });
      // What has its own name is listed, though it cannot be read.
      const named = Object.keys(others).filter((key) => key.startsWith("its "));
      expect((await listed(users.keys())).sort()).toEqual([...named, "mine"].sort());
      expect(await listed(store.collections())).toEqual(["users"]);
      await store.cull();
      await users.clear();
      await store.clearAll();
      const left = (await table.items()).map(({ key }) => key?.S ?? "").sort();
      expect(left).toEqual(
        Object.keys(others)
          .filter((key) => !named.includes(key))
          .sort(),
      );
    });

    it("has cull delete what has expired and nothing that was written since it was looked at", async () => {
      await table.put({ ...itemOf("users", "theirs", { n: 1 }), ttl: { N: "1500000000" } });
      await users.put("ours", 1, { ttl: "1ms" });
      await users.put("lives", 1, { ttl: "1h" });
      await store.collection("others").put("eternal", 1);
      while ((await users.get("ours")) !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
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
