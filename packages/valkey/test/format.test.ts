// The stored format: what Python's ValkeyStore wrote is read, what we write is as documented, and swaps by comparing texts leave the same.

import { readFile } from "node:fs/promises";
import { CorruptRecordError, InexactNumberError } from "@kv/core";
import { listed, rejection } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { valkeyStore } from "../src/index.ts";
import { Asker, generationsFor } from "./helpers.ts";

interface Golden {
  readonly collection: string | null;
  readonly key: string;
  readonly name: string;
  readonly text: string;
}

const golden: readonly Golden[] = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));

for (const { name, server, skipped } of await generationsFor(vitest)) {
  describe.skipIf(skipped)(`the stored format on ${name}`, () => {
    const asker = new Asker(() => server);
    const store = valkeyStore(skipped ? {} : { url: server.url });
    const users = store.collection("users");

    beforeEach(async () => {
      await asker.ask("FLUSHALL");
    });
    afterAll(async () => {
      await store.close();
      await asker.close();
    });

    describe("records that Python wrote", () => {
      beforeEach(async () => {
        for (const { name, text } of golden) await asker.ask("SET", name, text);
      });

      it("are read", async () => {
        expect(await store.get("plain")).toEqual({ name: "Ada", age: 36 });
        expect(await users.get("nested")).toEqual({ a: [1, { b: [null, true] }], empty: {}, none: [] });
        expect(await users.get("unicode é😀")).toEqual({ text: '日本 😀 \0 " \\ \u2028' });
        expect(await users.get("floats")).toEqual({ one: 1, tenth: 0.1, huge: 1e308 });
        expect(await users.get("items")).toEqual({ items: [1, 2, 3] });
        expect(await rejection(users.get("big"))).toBeInstanceOf(InexactNumberError);
        const nearest = valkeyStore({ url: server.url, numbers: "nearest" });
        expect(await nearest.collection("users").get("big")).toEqual({ id: 2 ** 53 });
        await nearest.close();
      });

      it("have their times", async () => {
        const entry = await users.getEntry("with ttl");
        const stored = JSON.parse(golden.find(({ key }) => key === "with ttl")?.text ?? "");
        const milliseconds = (text: string): number =>
          Date.parse(`${text.slice(0, 19)}Z`) + Math.ceil(Number(text.slice(20, 26)) / 1000);
        expect(entry?.value).toEqual({ kept: true });
        expect(entry?.createdAt?.getTime()).toBe(milliseconds(stored.created_at));
        expect(entry?.expiresAt?.getTime()).toBe(milliseconds(stored.expires_at));
      });

      it("are enumerated, taken, swapped and deleted as any other", async () => {
        const keys = golden.filter(({ collection }) => collection === "users").map(({ key }) => key);
        expect((await listed(users.keys())).sort()).toEqual(keys.sort());
        expect(await users.take("items")).toEqual({ items: [1, 2, 3] });
        const entry = await users.getEntry("nested");
        expect(entry && (await users.compareAndSwap("nested", entry.revision, "mine"))).toBeDefined();
        expect(entry && (await users.compareAndSwap("nested", entry.revision, "theirs"))).toBeUndefined();
        expect(await users.get("nested")).toBe("mine");
        const floats = await users.getEntry("floats");
        expect(floats && (await users.compareAndDelete("floats", floats.revision))).toBe(true);
        expect(await users.deleteMany(["floats", "big"])).toBe(1);
        expect(await asker.number("EXISTS", "users::floats", "users::items", "users::big")).toBe(0);
      });
    });

    it("is what Python reads, with fields of ours", async () => {
      const before = Date.now();
      await users.put("ada", { name: "Ada", é: 1 }, { ttl: "90s" });
      const stored = JSON.parse(await asker.text("GET", "users::ada"));
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
      const left = await asker.number("PTTL", "users::ada");
      expect(left).toBeGreaterThanOrEqual(90_000 - (Date.now() - before) - 1);
      expect(left).toBeLessThan(90_000);
      await users.put("list", [1, 2]);
      expect(JSON.parse(await asker.text("GET", "users::list"))).toMatchObject({
        value: { items: [1, 2] },
        wrapped: true,
      });
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
      const error = await rejection(users.getMany(["other", "k"]));
      expect(error).toMatchObject({ code: "BATCH_FAILED", results: [1, undefined], failures: [{ key: "k" }] });
      expect(await asker.number("EXISTS", "users::k")).toBe(1);
    });
  });
}
