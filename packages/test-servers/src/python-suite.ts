// What every backend shares with py-key-value-aio: one server, live and both ways.

import type { Collection, KeyValueStore } from "@kv/core";
import type * as vitest from "vitest";
import { clockPast, listed } from "./promises.ts";
import { PythonNumber, type PythonStore } from "./python-store.ts";

type Store = KeyValueStore<"write" | "atomic">;

export interface PythonSuiteOptions {
  /** For the title: the name of Python's class. */
  readonly name: string;
  /** Why it cannot run here. */
  readonly skipped: string | undefined;
  /** Asked for in each test: touching it may throw where `skipped` is set. */
  python(): PythonStore;
  /** A store on the same server, with its defaults or with these options. */
  open(options?: { readonly numbers: "nearest" }): Store;
  /** Leaves nothing on the server. */
  empty(): Promise<void>;
  /** Names that both find under each other's name. Python's own mistakes with others are the backend's own tests. */
  readonly names: readonly { readonly collection: string; readonly key: string }[];
  /** Whether a record lies under `collection::key`, so that Python confuses names that hold `::`. Default: false. */
  readonly joinsNames?: boolean;
  /** The shortest time to live that Python's store takes and keeps, in seconds. Default: 1. */
  readonly shortestTtl?: number;
  /** Whether Python's overwriting ends a time to live that was there. Default: true. */
  readonly overwritingEndsTtl?: boolean;
  /** Whether an integer beyond 64 bits can be stored at all. Default: true. */
  readonly hugeIntegers?: boolean;
  /** Whether NaN can be stored at all. Default: true. */
  readonly notANumber?: boolean;
}

/** Registers the tests. `runner` is vitest itself: `import * as vitest from "vitest"`. */
export function pythonSuite(runner: typeof vitest, options: PythonSuiteOptions): void {
  const { describe, it, expect, beforeEach, afterEach } = runner;
  const {
    joinsNames = false,
    shortestTtl = 1,
    overwritingEndsTtl = true,
    hugeIntegers = true,
    notANumber = true,
  } = options;
  const inUsers = { collection: "users" };
  const value = {
    name: "Ada",
    nested: [1, { a: [null, true, 0.5], none: {}, empty: [] }],
    text: 'é😀 \0 " \\ \u2028',
    n: 2 ** 53 - 1,
    negative: -7,
    tiny: 5e-324,
  };

  describe.skipIf(options.skipped)(`a server shared with Python's ${options.name}`, () => {
    let store: Store;
    let users: Collection<"write" | "atomic">;

    beforeEach(async () => {
      await options.empty();
      store = options.open();
      users = store.collection("users");
    });
    afterEach(() => store.close());

    it("has our records for Python", async () => {
      await users.put("ada", value);
      await store.put("in-the-default-collection", value);
      await users.put("list", [1, 2]);
      await users.put("nothing", null);
      await users.put("brief", value, { ttl: "100s" });
      await users.putMany([
        { key: "m1", value: { n: 1 } },
        { key: "m2", value: { n: 2 }, ttl: 50 },
      ]);
      await users.increment("count", 3);
      await users.putIfAbsent("absent", { n: 1 });
      await users.update("absent", () => ({ n: 2 }));
      const answers = await options
        .python()
        .run(
          ["get", ["ada"], inUsers],
          ["get", ["in-the-default-collection"]],
          ["get_many", [["list", "nothing", "count", "absent"]], inUsers],
          ["ttl_many", [["m1", "m2", "m3"]], inUsers],
          ["ttl", ["brief"], inUsers],
          ["get", ["never"], inUsers],
        );
      expect(answers).toEqual([
        value,
        value,
        [{ items: [1, 2] }, { items: null }, { items: 3 }, { n: 2 }],
        [
          [{ n: 1 }, null],
          [{ n: 2 }, expect.closeTo(50, -2)],
          [null, null],
        ],
        [value, expect.closeTo(100, -2)],
        null,
      ]);
    });

    it("has Python's records for us", async () => {
      const answers = await options.python().run(
        ["put", ["ada", value], inUsers],
        ["put", ["in-the-default-collection", value]],
        ["put", ["brief", value], { ...inUsers, ttl: 100 }],
        [
          "put_many",
          [
            ["m1", "m2"],
            [{ n: 1 }, { n: 2 }],
          ],
          { ...inUsers, ttl: 50 },
        ],
      );
      expect(answers).toEqual([null, null, null, null]);
      expect(await users.get("ada")).toEqual(value);
      expect(await store.get("in-the-default-collection")).toEqual(value);
      const brief = await users.getEntry("brief");
      expect(brief?.value).toEqual(value);
      expect(brief?.ttl).toBeLessThanOrEqual(100);
      expect(brief?.ttl).toBeGreaterThan(0);
      expect(await users.getMany(["m2", "m1", "m3"])).toEqual([{ n: 2 }, { n: 1 }, undefined]);
      if (!store.can("enumerate")) return;
      expect((await listed(store.collection("users").keys())).sort()).toEqual(["ada", "brief", "m1", "m2"]);
      expect((await listed(store.collections())).sort()).toEqual(["default_collection", "users"]);
    });

    it("has Python's records for our atomic operations", async () => {
      await options
        .python()
        .run(["put", ["a", { n: 1 }], inUsers], ["put", ["b", { n: 1 }], inUsers], ["put", ["c", { n: 1 }], inUsers]);
      expect(await users.putIfAbsent("a", { n: 2 })).toBeUndefined();
      expect(await users.update("a", (current) => ({ ...Object(current), more: true }))).toEqual({ n: 1, more: true });
      expect(await users.take("b")).toEqual({ n: 1 });
      const entry = await users.getEntry("c");
      const other = await users.getEntry("a");
      expect(other && (await users.compareAndDelete("c", other.revision))).toBe(false);
      expect(entry && (await users.compareAndSwap("c", entry.revision, { n: 3 }))).toBeDefined();
      expect(await options.python().run(["get_many", [["a", "b", "c"]], inUsers])).toEqual([
        [{ n: 1, more: true }, null, { n: 3 }],
      ]);
    });

    it("loses our fields when Python overwrites", async () => {
      const revision = await users.putIfAbsent("a", [1]);
      await users.put("b", "text");
      await options
        .python()
        .run(
          ["put", ["a", { by: "python" }], inUsers],
          ["put", ["b", { items: "by python" }], { ...inUsers, ttl: 1000 }],
        );
      const a = await users.getEntry("a");
      expect(a?.value).toEqual({ by: "python" });
      expect(revision && (await users.compareAndSwap("a", revision, "lost"))).toBeUndefined();
      expect(revision && (await users.compareAndDelete("a", revision))).toBe(false);
      expect(a && (await users.compareAndSwap("a", a.revision, { by: "ours" }))).toBeDefined();
      const b = await users.getEntry("b");
      expect(b?.value).toEqual({ items: "by python" });
      expect(b?.ttl).toBeGreaterThan(100);
      expect(await options.python().run(["get", ["a"], inUsers])).toEqual([{ by: "ours" }]);
    });

    it.runIf(overwritingEndsTtl)("loses our time to live when Python overwrites without one", async () => {
      await users.put("a", { n: 1 }, { ttl: "1h" });
      await options.python().run(["put", ["a", { n: 2 }], inUsers]);
      const entry = await users.getEntry("a");
      expect(entry?.value).toEqual({ n: 2 });
      expect(entry?.expiresAt).toBeUndefined();
    });

    it("loses Python's time to live when we overwrite without one, and has ours when we give one", async () => {
      await options
        .python()
        .run(["put", ["a", { n: 1 }], { ...inUsers, ttl: 1000 }], ["put", ["b", { n: 1 }], inUsers]);
      await users.put("a", { n: 2 });
      await users.put("b", { n: 2 }, { ttl: "1000s" });
      expect((await users.getEntry("a"))?.expiresAt).toBeUndefined();
      expect(await options.python().run(["ttl_many", [["a", "b"]], inUsers])).toEqual([
        [
          [{ n: 2 }, null],
          [{ n: 2 }, expect.closeTo(1000, -3)],
        ],
      ]);
    });

    it("has each other's deletions", async () => {
      await users.putMany(["a", "b", "c"].map((key) => ({ key, value: { key } })));
      const answers = await options.python().run(
        ["delete", ["a"], inUsers],
        ["delete_many", [["b", "x"]], inUsers],
        [
          "put_many",
          [
            ["d", "e"],
            [{ n: 1 }, { n: 2 }],
          ],
          inUsers,
        ],
      );
      expect(answers).toEqual([true, 1, null]);
      expect(await users.getMany(["a", "b", "c"])).toEqual([undefined, undefined, { key: "c" }]);
      expect(await users.delete("d")).toBe(true);
      expect(await users.deleteMany(["c", "e", "x"])).toBe(2);
      expect(await options.python().run(["get_many", [["c", "d", "e"]], inUsers])).toEqual([[null, null, null]]);
    });

    it("expires for both what either of them gave a short time to live", async () => {
      await users.put("ours", { n: 1 }, { ttl: "300ms" });
      await options.python().run(["put", ["theirs", { n: 1 }], { ...inUsers, ttl: shortestTtl }]);
      const after = Date.now();
      await clockPast(after + 1000 * Math.max(0.3, shortestTtl));
      expect(await options.python().run(["get_many", [["ours", "theirs"]], inUsers])).toEqual([[null, null]]);
      expect(await users.getMany(["ours", "theirs"])).toEqual([undefined, undefined]);
      expect(await users.has("theirs")).toBe(false);
      expect(await users.putIfAbsent("theirs", 1)).toBeDefined();
    });

    it("says of a number that we cannot hold what it is: an error, or by option the nearest one", async () => {
      const numbers: (readonly [name: string, expression: string, nearest: number | null])[] = [
        ["big", "2**53 + 1", 2 ** 53],
        ["negative", "-2**60 - 1", -(2 ** 60)],
        ...(hugeIntegers ? [["huge", "2**70 + 1", 2 ** 70] as const] : []),
        ...(notANumber ? [["nan", "nan", null] as const] : []),
      ];
      const steps = numbers.map(
        ([key, text]) => ["put", [key, { list: [new PythonNumber(text)] }], { collection: "users" }] as const,
      );
      expect(await options.python().run(...steps)).toEqual(numbers.map(() => null));
      const rounding = options.open({ numbers: "nearest" });
      try {
        for (const [key, , nearest] of numbers) {
          await expect(users.get(key)).rejects.toMatchObject({ code: "INEXACT_NUMBER" });
          await expect(users.getMany([key])).rejects.toMatchObject({ code: "BATCH_FAILED" });
          expect(await rounding.collection("users").get(key)).toEqual({ list: [nearest] });
        }
        expect(await users.delete("big")).toBe(true);
      } finally {
        await rounding.close();
      }
    });

    it.each(options.names)("finds under each other's name $collection, $key", async ({ collection, key }) => {
      await store.collection(collection).put(key, { by: "ours" });
      const answers = await options
        .python()
        .run(
          ["get", [key], { collection }],
          ["put", [key, { by: "python" }], { collection }],
          ["get", [key], { collection }],
        );
      expect(answers).toEqual([{ by: "ours" }, null, { by: "python" }]);
      expect(await store.collection(collection).get(key)).toEqual({ by: "python" });
      expect(await store.collection(collection).delete(key)).toBe(true);
      expect(await options.python().run(["get", [key], { collection }])).toEqual([null]);
    });

    it.runIf(joinsNames)("has apart in ours what Python confuses", async () => {
      await store.collection("p").put("q::k", { by: "ours", at: "p" });
      await store.collection("p::q").put("k", { by: "ours", at: "p::q" });
      expect(await options.python().run(["get", ["q::k"], { collection: "p" }])).toEqual([{ by: "ours", at: "p" }]);
      await options.python().run(["put", ["k", { by: "python" }], { collection: "p::q" }]);
      expect(await store.collection("p::q").get("k")).toEqual({ by: "ours", at: "p::q" });
      // Python has overwritten the other one, which says so rather than being another record.
      await expect(store.collection("p").get("q::k")).rejects.toMatchObject({ code: "CORRUPT_RECORD" });
      if (store.can("enumerate")) expect(await listed(store.collection("p").keys())).toEqual([]);
    });
  });
}
