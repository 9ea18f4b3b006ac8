// The stored format: what Python's ValkeyStore wrote is read, what we write is as documented, and swaps by comparing texts leave the same.

import { readFile } from "node:fs/promises";
import { CorruptRecordError } from "@kv/core";
import type { RecordId } from "@kv/core/driver";
import { formatSuite, type GoldenText, rejection } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { valkeyStore } from "../src/index.ts";
import { Asker, generationsFor } from "./helpers.ts";

type Golden = GoldenText & { readonly name: string };

const golden: readonly Golden[] = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));
const nameOf = ({ collection, key }: RecordId) => `${collection}::${key}`;

for (const { name, server, skipped } of await generationsFor(vitest)) {
  const asker = new Asker(() => server);
  afterAll(() => (skipped ? undefined : asker.close()));

  formatSuite(vitest, {
    title: `the stored format on ${name}`,
    skipped,
    open: (options) => valkeyStore({ url: server.url, ...options }),
    empty: () => asker.ask("FLUSHALL"),
    golden,
    async restore() {
      for (const { name, text } of golden) await asker.ask("SET", name, text);
    },
    read: [
      ["users", "nested", { a: [1, { b: [null, true] }], empty: {}, none: [] }],
      ["users", "unicode é😀", { text: '日本 😀 \0 " \\ \u2028' }],
      ["users", "floats", { one: 1, tenth: 0.1, huge: 1e308 }],
      ["odd *?[x]\\:", "key with :: inside", undefined],
    ],
    collections: ["default_collection", "users"],
    textOf: async (id) =>
      (await asker.number("EXISTS", nameOf(id))) === 0 ? undefined : asker.text("GET", nameOf(id)),
    write: (id, text) => asker.ask("SET", nameOf(id), text),
    expiryOf: (id) => asker.number("PTTL", nameOf(id)),
    never: -1,
    foreign: {
      binary: () => asker.ask("SET", "users::binary", Buffer.from([0xff, 0xfe, 0x22])),
      list: () => asker.ask("RPUSH", "users::list", "x"),
      hash: () => asker.ask("HSET", "users::hash", "x", "y"),
    },
    count: () => asker.number("DBSIZE"),
  });

  describe.skipIf(skipped)(`the stored format on ${name}`, () => {
    const store = valkeyStore(skipped ? {} : { url: server.url });
    const users = store.collection("users");

    beforeEach(async () => {
      await asker.ask("FLUSHALL");
    });
    afterAll(() => store.close());

    it("is kept by the server no longer than it lives", async () => {
      const before = Date.now();
      await users.put("ada", 1, { ttl: "90s" });
      const left = await asker.number("PTTL", "users::ada");
      expect(left).toBeGreaterThanOrEqual(90_000 - (Date.now() - before) - 1);
      expect(left).toBeLessThan(90_000);
    });

    it("keeps the server's time to live where only the value changes, whatever this clock says", async () => {
      await users.put("count", 1, { ttl: "1h" });
      // As if another client, whose clock is far behind, had set it: by this clock it has expired long ago.
      const text = (await asker.text("GET", "users::count")).replace(/"expires_at": "\d{4}/, '"expires_at": "2020');
      await asker.ask("SET", "users::count", text, "KEEPTTL");
      expect(await users.get("count")).toBe(1);
      expect(await users.increment("count")).toBe(2);
      expect(await asker.number("PTTL", "users::count")).toBeGreaterThan(3_000_000);
      expect(await users.touch("count", "2h")).toBe(true);
      expect(await asker.number("PTTL", "users::count")).toBeGreaterThan(6_000_000);
      expect(await users.touch("count", null)).toBe(true);
      expect(await asker.number("PTTL", "users::count")).toBe(-1);
      expect(await users.update("count", () => "last", { ttl: "1h" })).toBe("last");
      expect(await asker.number("PTTL", "users::count")).toBeGreaterThan(3_000_000);
      expect(await users.update("count", () => "for ever")).toBe("for ever");
      expect(await asker.number("PTTL", "users::count")).toBe(-1);
    });

    it("is swapped by its revision, though somebody has changed the rest of the text by hand", async () => {
      const revision = await users.putIfAbsent("a", { by: "us" });
      const text = (await asker.text("GET", "users::a")).replace('"us"', '"hand"');
      await asker.ask("SET", "users::a", text);
      const next = revision && (await users.compareAndSwap("a", revision, { by: "us again" }));
      expect(next).toBeDefined();
      expect(await users.get("a")).toEqual({ by: "us again" });
      await asker.ask("SET", "users::a", (await asker.text("GET", "users::a")).replace("again", "by hand"));
      expect(next && (await users.compareAndDelete("a", next))).toBe(true);
      expect(await asker.number("EXISTS", "users::a")).toBe(0);
    });

    it("is not swapped where it has been overwritten, deleted, or replaced by what is no record", async () => {
      const overwritten = await users.putIfAbsent("a", 1);
      await users.put("a", 2);
      expect(overwritten && (await users.compareAndSwap("a", overwritten, 3))).toBeUndefined();
      expect(overwritten && (await users.compareAndDelete("a", overwritten))).toBe(false);
      const deleted = await users.putIfAbsent("b", 1);
      await asker.ask("DEL", "users::b");
      expect(deleted && (await users.compareAndSwap("b", deleted, 3))).toBeUndefined();
      expect(deleted && (await users.compareAndDelete("b", deleted))).toBe(false);
      const replaced = await users.putIfAbsent("c", 1);
      if (!replaced) throw new Error("nobody else writes");
      await asker.ask("DEL", "users::c");
      await asker.ask("RPUSH", "users::c", "x");
      for (const attempt of [
        () => users.compareAndSwap("c", replaced, 3),
        () => users.compareAndDelete("c", replaced),
      ]) {
        expect(await rejection(attempt())).toMatchObject({ code: "CORRUPT_RECORD", outcome: "not-applied" });
      }
      expect(await users.get("a")).toBe(2);
      expect(await asker.number("EXISTS", "users::b")).toBe(0);
      expect(await asker.text("TYPE", "users::c")).toBe("list");
    });

    it("is in no text that is not UTF-8", async () => {
      const text = '{"collection": "users", "key": "k", "value": {"a": "?"}, "version": 1}';
      await asker.ask("SET", "users::k", Buffer.from(text.replace("?", "\xff"), "latin1"));
      expect(await rejection(users.get("k"))).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.take("k"))).toBeInstanceOf(CorruptRecordError);
      await users.put("other", 1);
      // Those of one turn of the event loop go together.
      const [read, failed] = await Promise.allSettled([users.get("other"), users.get("k")]);
      expect(read).toEqual({ status: "fulfilled", value: 1 });
      expect(failed).toMatchObject({ reason: { code: "CORRUPT_RECORD" } });
      const error = await rejection(users.getMany(["other", "k"]));
      expect(error).toMatchObject({ code: "BATCH_FAILED", results: [1, undefined], failures: [{ key: "k" }] });
      expect(await asker.number("EXISTS", "users::k")).toBe(1);
    });
  });
}
