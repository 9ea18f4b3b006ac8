// The stored format of backends that keep a record as the text that Python's library writes: what is the same on all.

import { CorruptRecordError, InexactNumberError, type JsonValue, type KeyValueStore } from "@kv/core";
import type { RecordId } from "@kv/core/driver";
import type * as vitest from "vitest";
import { listed, rejection } from "../promises.ts";

type Store = KeyValueStore<"write" | "atomic">;

/** A record that Python wrote. */
export interface GoldenText {
  readonly collection: string | null;
  readonly key: string;
  readonly text: string;
}

export interface FormatOptions {
  readonly title: string;
  readonly skipped: string | undefined;
  /** A store with its defaults or with these options, closed by the suite. */
  open(options?: { readonly numbers: "nearest" }): Store;
  /** Leaves nothing on the server. */
  empty(): Promise<unknown>;
  /** What Python wrote: `with ttl`, `items`, `nested`, `floats`, `big`, `nan` among the keys of `users`, in its spelling. */
  readonly golden: readonly GoldenText[];
  /** Puts all of it where Python has put it. */
  restore(): Promise<void>;
  /** What is to be read of it, beside what all backends have; `undefined` where Python's name may be another record's. */
  readonly read: readonly (readonly [collection: string | undefined, key: string, value: JsonValue | undefined])[];
  /** The key that has a time to live. Default: `with ttl`. */
  readonly withTtl?: string;
  /** The collections of what is read. Only where they can be listed. */
  readonly collections?: readonly string[];
  /** The text that lies where a record of that name does. */
  textOf(id: RecordId): Promise<string | undefined>;
  /** Puts a text there. */
  write(id: RecordId, text: string): Promise<unknown>;
  /** What the server itself knows of the record's expiry; `never` is what it says where there is none. */
  expiryOf(id: RecordId): Promise<unknown>;
  readonly never: unknown;
  /** Ways to put the text of an expired record there. Default: as it is. */
  readonly expired?: readonly (readonly [title: string, write: (id: RecordId, text: string) => Promise<unknown>])[];
  /** Whether an expired record stays until it is deleted or overwritten. Default: false. */
  readonly keepsExpired?: boolean;
  /** What else is no record: what puts it there, by its key in `users`. */
  readonly foreign?: Readonly<Record<string, () => Promise<unknown>>>;
  /** How many records and others there are, where the server can tell. */
  count?(): Promise<number>;
}

/** Registers the tests. `runner` is vitest itself: `import * as vitest from "vitest"`. */
export function formatSuite(runner: typeof vitest, options: FormatOptions): void {
  const { describe, it, expect, beforeEach, afterEach } = runner;
  const { golden, restore, textOf, write, withTtl = "with ttl" } = options;
  const ofUsers = (key: string): RecordId => ({ collection: "users", key });

  describe.skipIf(options.skipped)(options.title, () => {
    let store: Store;
    let users: ReturnType<Store["collection"]>;

    beforeEach(async () => {
      await options.empty();
      store = options.open();
      users = store.collection("users");
    });
    afterEach(() => store.close());

    describe("records that Python wrote", () => {
      beforeEach(restore);

      it("are read", async () => {
        expect(await store.get("plain")).toEqual({ name: "Ada", age: 36 });
        expect(await users.get("items")).toEqual({ items: [1, 2, 3] });
        expect(await users.getMany(["items", "missing", "plain"])).toEqual([
          { items: [1, 2, 3] },
          undefined,
          undefined,
        ]);
        for (const [collection, key, value] of options.read) {
          expect(await store.collection(collection).get(key), key).toEqual(value);
        }
      });

      it("have their times", async () => {
        const entry = await users.getEntry(withTtl);
        const stored = JSON.parse(golden.find(({ key }) => key === withTtl)?.text ?? "");
        expect(entry?.value).toEqual({ kept: true });
        expect(entry?.createdAt?.getTime()).toBe(Math.ceil(microseconds(stored.created_at) / 1000));
        expect(entry?.expiresAt?.getTime()).toBe(Math.ceil(microseconds(stored.expires_at) / 1000));
        expect(entry?.revision).toMatch(/^[0-9a-f]{40}$/);
      });

      it("are refused where JavaScript would round, or read as told", async () => {
        const nearest = options.open({ numbers: "nearest" });
        const told = { big: { id: 2 ** 53 }, nan: { values: [null, null, null], text: "NaN" } };
        try {
          for (const [key, value] of Object.entries(told)) {
            if (!golden.some((one) => one.key === key)) continue;
            expect(await rejection(users.get(key))).toBeInstanceOf(InexactNumberError);
            expect(await nearest.collection("users").get(key)).toEqual(value);
          }
        } finally {
          await nearest.close();
        }
        expect(await rejection(users.get("big"))).toBeInstanceOf(InexactNumberError);
      });

      const listable = it.runIf(options.collections !== undefined);
      listable(
        "are enumerated under the names that lead to them, an error in the place of what cannot be read",
        async () => {
          if (!store.can("enumerate")) throw new Error("its collections can be listed");
          const ours = golden.filter(({ collection }) => collection === "users").map(({ key }) => key);
          const listing = store.collection("users");
          expect((await listed(listing.keys())).sort()).toEqual(ours.sort());
          expect((await listed(store.collections())).sort()).toEqual([...(options.collections ?? [])].sort());
          const error = await rejection(listed(listing.entries({ prefix: "big" })));
          expect(error).toBeInstanceOf(InexactNumberError);
          expect(error).toMatchObject({ operation: "entries", collection: "users", key: "big" });
        },
      );

      listable("are cleared", async () => {
        if (!store.can("clear")) throw new Error("its collections can be listed");
        const count = await options.count?.();
        const ours = golden.filter(({ collection }) => collection === "users");
        await store.collection("users").clear();
        for (const { key } of ours) expect(await textOf(ofUsers(key))).toBeUndefined();
        expect(await store.get("plain")).toEqual({ name: "Ada", age: 36 });
        if (count !== undefined) expect(await options.count?.()).toBe(count - ours.length);
      });

      const ways = options.expired ?? [["as their text says", write] as const];
      it.each(ways)("are absent once they have expired, though the server still holds them: %s", async (_, putOld) => {
        const old = ofUsers("old");
        const text = (golden.find(({ key }) => key === "plain")?.text ?? "")
          .replace('"default_collection"', '"users"')
          .replace('"key": "plain"', '"expires_at": "2020-01-01T00:00:00+00:00", "key": "old"');
        expect(JSON.parse(text)).toMatchObject({ ...old, expires_at: expect.any(String) });
        const put = () => putOld(old, text);
        await put();
        expect(await users.get("old")).toBeUndefined();
        expect(await users.getMany(["old", "items"])).toEqual([undefined, { items: [1, 2, 3] }]);
        if (store.can("enumerate")) {
          expect(await listed(store.collection("users").keys({ prefix: "old" }))).toEqual([]);
        }
        expect(await textOf(old)).toBeDefined();
        expect(await users.take("old")).toBeUndefined();
        expect(await users.touch("old", "1h")).toBe(false);
        if (options.keepsExpired) expect(await textOf(old)).toBe(text);
        expect(await users.delete("old")).toBe(false);
        expect(await textOf(old)).toBeUndefined();
        await put();
        expect(await users.deleteMany(["old", "items"])).toBe(1);
        await put();
        expect(await users.increment("old", 3)).toBe(3);
        await put();
        expect(await users.putIfAbsent("old", "new")).toBeDefined();
        expect(await users.get("old")).toBe("new");
      });

      it("are taken, swapped, counted on and deleted as any other", async () => {
        expect(await users.take("items")).toEqual({ items: [1, 2, 3] });
        expect(await textOf(ofUsers("items"))).toBeUndefined();
        const entry = await users.getEntry("nested");
        if (!entry) throw new Error("it is there");
        await users.put("other", 1);
        expect(await users.compareAndSwap("nested", entry.revision, "mine")).toBeDefined();
        expect(await users.compareAndSwap("nested", entry.revision, "theirs")).toBeUndefined();
        expect(await users.get("nested")).toBe("mine");
        const floats = await users.getEntry("floats");
        expect(floats && (await users.compareAndDelete("floats", floats.revision))).toBe(true);
        expect(floats && (await users.compareAndDelete("floats", floats.revision))).toBe(false);
        expect(await users.get("floats")).toBeUndefined();
        expect(await users.deleteMany(["floats", "big"])).toBe(1);
        expect(await textOf(ofUsers("big"))).toBeUndefined();
      });

      it("stay where they are when a take cannot read them", async () => {
        expect(await rejection(users.take("big"))).toMatchObject({ code: "INEXACT_NUMBER", outcome: "not-applied" });
        expect(await textOf(ofUsers("big"))).toBeDefined();
      });
    });

    it("is what Python reads, with fields of ours", async () => {
      const before = Date.now();
      await users.put("ada", { name: "Ada", n: undefined, é: 1 }, { ttl: "90s" });
      const after = Date.now();
      const stored = JSON.parse((await textOf(ofUsers("ada"))) ?? "");
      const fields = ["revision", "collection", "created_at", "expires_at", "key", "value", "version"];
      expect(Object.keys(stored)).toEqual(fields);
      expect(stored).toMatchObject({ ...ofUsers("ada"), value: { name: "Ada", é: 1 }, version: 1 });
      expect(stored.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
      const expiresAt = Date.parse(stored.expires_at);
      expect(expiresAt).toBeGreaterThanOrEqual(before + 90_000);
      expect(expiresAt).toBeLessThanOrEqual(after + 90_000);
      await users.put("list", [1, 2]);
      const list = JSON.parse((await textOf(ofUsers("list"))) ?? "");
      expect(list).toMatchObject({ value: { items: [1, 2] }, wrapped: true });
      expect(list).not.toHaveProperty("expires_at");
    });

    it("loses its time to live when it is overwritten without one", async () => {
      for (const overwrite of [
        () => users.put("a", 2),
        () => users.putMany([{ key: "a", value: 2 }]),
        () => users.update("a", () => 2),
        () => users.touch("a", null),
      ]) {
        await users.put("a", 1, { ttl: "1h" });
        expect(await options.expiryOf(ofUsers("a"))).not.toEqual(options.never);
        await overwrite();
        expect(await options.expiryOf(ofUsers("a"))).toEqual(options.never);
        expect((await users.getEntry("a"))?.expiresAt).toBeUndefined();
      }
    });

    it("keeps names apart that Python confuses", async () => {
      const long = "x".repeat(300);
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
        ["*", "k"],
        ["[p]", "k"],
        ["P", "k"],
      ] as const;
      const check = async (isThere: (collection: string) => boolean): Promise<void> => {
        for (const [at, [collection, key]] of pairs.entries()) {
          expect(await store.collection(collection).get(key)).toBe(isThere(collection) ? at : undefined);
        }
      };
      for (const [at, [collection, key]] of pairs.entries()) await store.collection(collection).put(key, at);
      await check(() => true);
      if (options.count) expect(await options.count()).toBe(pairs.length);
      if (!store.can("enumerate", "clear")) return;
      for (const [collection, key] of pairs) {
        expect(await listed(store.collection(collection).keys({ prefix: key }))).toEqual([key]);
      }
      expect((await listed(store.collections({ prefix: "p:" }))).sort()).toEqual(["p:", "p::q"]);
      await store.collection("p").clear();
      await check((collection) => collection !== "p");
      if (options.count) expect(await options.count()).toBe(pairs.length - 3);
    });

    it("has no record where the names in it lead elsewhere", async () => {
      await users.put("a", 1);
      await write(ofUsers("b"), (await textOf(ofUsers("a"))) ?? "");
      expect(await rejection(users.get("b"))).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.take("b"))).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.putIfAbsent("b", 1))).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.getMany(["b"]))).toMatchObject({ code: "BATCH_FAILED" });
      if (store.can("enumerate", "clear")) {
        expect(await listed(store.collection("users").keys())).toEqual(["a"]);
        await store.clearAll();
        expect(await textOf(ofUsers("a"))).toBeUndefined();
        expect(await textOf(ofUsers("b"))).toBeDefined();
      }
      expect(await users.delete("b")).toBe(true);
      expect(await users.get("b")).toBeUndefined();
      expect(await textOf(ofUsers("b"))).toBeUndefined();
    });

    it("has no record in what is none", async () => {
      const texts = {
        text: "not JSON",
        null: "null",
        empty: "",
        json: '{"value": {"a": 1}}',
        cut: '{"revision": "abc", "collection": "users", "key": "cut", "value": {"a"',
      };
      for (const [key, text] of Object.entries(texts)) await write(ofUsers(key), text);
      for (const put of Object.values(options.foreign ?? {})) await put();
      const count = await options.count?.();
      for (const key of [...Object.keys(texts), ...Object.keys(options.foreign ?? {})]) {
        expect(await rejection(users.get(key)), key).toBeInstanceOf(CorruptRecordError);
        expect(await rejection(users.take(key)), key).toBeInstanceOf(CorruptRecordError);
        expect(await rejection(users.increment(key)), key).toMatchObject({ outcome: "not-applied" });
        expect(await rejection(users.putIfAbsent(key, 1)), key).toMatchObject({ code: "CORRUPT_RECORD" });
      }
      for (const [key, text] of Object.entries(texts)) expect(await textOf(ofUsers(key)), key).toBe(text);
      await users.put("mine", 1);
      expect(await rejection(users.getMany(["mine", "missing", "empty", "text"]))).toMatchObject({
        code: "BATCH_FAILED",
        results: [1, undefined, undefined, undefined],
        failures: [
          { index: 2, key: "empty" },
          { index: 3, key: "text" },
        ],
      });
      if (store.can("enumerate", "clear")) {
        expect(await listed(store.collection("users").keys())).toEqual(["mine"]);
        expect(await listed(store.collections())).toEqual(["users"]);
        await store.collection("users").clear();
        await store.clearAll();
        if (count !== undefined) expect(await options.count?.()).toBe(count);
        for (const key of Object.keys(texts)) expect(await textOf(ofUsers(key)), key).toBeDefined();
      }
      expect(await users.delete("text")).toBe(true);
      expect(await users.deleteMany(["json", "null", "missing"])).toBe(2);
      await users.put("cut", 1);
      expect(await users.get("cut")).toBe(1);
    });
  });
}

/** Since the epoch, of Python's text. */
function microseconds(text: string): number {
  return Date.parse(`${text.slice(0, 19)}Z`) * 1000 + Number(text.slice(20, 26));
}
