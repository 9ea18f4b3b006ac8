// How many commands each operation takes of a server that speaks Redis' protocol, as the READMEs say.

import type { KeyValueStore } from "@kv/core";
import type * as vitest from "vitest";
import { listed } from "../promises.ts";

type Store = KeyValueStore<"write" | "atomic" | "enumerate" | "clear">;
type Counts = Readonly<Record<string, number>>;

export interface RedisLikeExchangesOptions {
  readonly title: string;
  readonly skipped: string | undefined;
  /** A store with a client of its own. */
  open(): Store;
  /** A command for the server, beside the store. */
  ask(...command: readonly string[]): Promise<unknown>;
  /** How many of each command the server has executed since this was last asked. What a script calls counts too. */
  counts(): Promise<Counts>;
  /** What it takes to replace a record whose text the store knows. */
  readonly swap: Counts;
  /** What it takes to delete such a record. */
  readonly deletion: Counts;
}

type Row = readonly [name: string, run: (store: Store) => Promise<unknown>, commands: Counts];

const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`);

const ON_NOTHING: readonly Row[] = [
  ["get", (store) => store.get("a"), { get: 1 }],
  ["has", (store) => store.has("a"), { get: 1 }],
  ["put", (store) => store.put("a", 1), { set: 1 }],
  ["put with a TTL", (store) => store.put("a", 1, { ttl: "1h" }), { set: 1 }],
  ["delete", (store) => store.delete("a"), { evalsha: 1, getrange: 1, del: 1 }],
  ["getMany", (store) => store.getMany(keys), { mget: 1, exists: 1 }],
  ["putMany", (store) => store.putMany(keys.map((key) => ({ key, value: 1 }))), { mset: 1 }],
  [
    "putMany with TTLs",
    (store) => store.putMany(keys.map((key) => ({ key, value: 1, ttl: "1h" as const }))),
    { set: 100 },
  ],
  ["deleteMany", (store) => store.deleteMany(keys), { evalsha: 1, getrange: 100, del: 100 }],
  ["putIfAbsent", (store) => store.putIfAbsent("a", 1), { set: 1 }],
  ["take", (store) => store.take("a"), { evalsha: 1, get: 1 }],
  ["increment", (store) => store.increment("a"), { get: 1, set: 1 }],
  ["ping", (store) => store.ping(), { ping: 1 }],
];

/** Registers the tests. `runner` is vitest itself: `import * as vitest from "vitest"`. */
export function redisLikeExchangesSuite(runner: typeof vitest, options: RedisLikeExchangesOptions): void {
  const { describe, it, expect, beforeAll, beforeEach, afterAll } = runner;
  const { title, skipped, ask, counts, swap, deletion } = options;

  const onRecord: readonly Row[] = [
    ["get", (store) => store.get("a"), { get: 1 }],
    ["delete", (store) => store.delete("a"), { evalsha: 1, getrange: 1, del: 1 }],
    ["putIfAbsent", (store) => store.putIfAbsent("a", 2), { set: 1 }],
    ["take", (store) => store.take("a"), { evalsha: 1, get: 1, del: 1 }],
    ["increment", (store) => store.increment("a"), afterGet(swap)],
    ["touch", (store) => store.touch("a", "1h"), afterGet(swap)],
    ["update that deletes", (store) => store.update("a", () => undefined), afterGet(deletion)],
  ];

  describe.skipIf(skipped)(title, () => {
    let store: Store;

    beforeAll(() => {
      store = options.open();
    });
    beforeEach(async () => {
      await ask("FLUSHALL");
      // Lets the server know the scripts, and the store what the server cannot do.
      await store.put("known", "x".repeat(5000));
      await store.update("known", () => 1);
      await store.update("known", () => 2);
      await store.update("known", () => undefined);
      await store.put("known", 1);
      await store.take("known");
      await store.delete("known");
      await counts();
    });
    afterAll(() => store?.close());

    it.each(ON_NOTHING)("%s on nothing", async (_, run, commands) => {
      await run(store);
      expect(await counts()).toEqual(commands);
    });

    it.each(onRecord)("%s on a record", async (_, run, commands) => {
      await store.put("a", 1);
      await counts();
      await run(store);
      expect(await counts()).toEqual(commands);
    });

    it("compareAndSwap and compareAndDelete", async () => {
      const revision = await store.putIfAbsent("a", 1);
      await counts();
      const next = revision && (await store.compareAndSwap("a", revision, 2));
      expect(await counts()).toEqual(swap);
      expect(next && (await store.compareAndDelete("a", next))).toBe(true);
      expect(await counts()).toEqual(deletion);
    });

    it("scripts are sent again as text when the server has forgotten them", async () => {
      await store.put("a", 1);
      await ask("SCRIPT", "FLUSH");
      await counts();
      expect(await store.take("a")).toBe(1);
      expect(await counts()).toMatchObject({ evalsha: 1, eval: 1, get: 1, del: 1 });
      expect(await store.increment("b")).toBe(1);
      await ask("SCRIPT", "FLUSH");
      expect(await store.increment("b")).toBe(2);
    });

    it("an enumeration takes a SCAN for a thousand names and an MGET for 500 of ours", async () => {
      await store.putMany(Array.from({ length: 600 }, (_, at) => ({ key: `key-${at}`, value: at })));
      await counts();
      expect(await listed(store.collection().keys())).toHaveLength(600);
      expect(await counts()).toEqual({ scan: 1, mget: 2 });
      await store.clearAll();
      expect(await counts()).toEqual({ scan: 1, mget: 2, unlink: 2 });
    });
  });
}

/** The same, and the GET that comes before. */
function afterGet(counts: Counts): Counts {
  return { ...counts, get: (counts.get ?? 0) + 1 };
}
