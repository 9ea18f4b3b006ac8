// A request whose reply is lost: what the server was asked in all, and what the caller is told.

import type { KeyValueStore } from "@kv/core";
import { retry } from "@kv/core/wrappers";
import type * as vitest from "vitest";
import { rejection } from "../promises.ts";

type Store = KeyValueStore<"write" | "atomic">;
type Counts = Readonly<Record<string, number>>;
type Operation = "put" | "putIfAbsent" | "compareAndSwap" | "take" | "delete" | "putMany";

/** A store behind a proxy, connected and with all that the server has to know once. */
export interface Watched {
  readonly store: Store;
  /** The next reply is lost, and the connection with it. */
  loseNextReply(): void;
  /** What the server was asked since this was last called, without what connecting takes. */
  counts(): Counts | Promise<Counts>;
  stop(): Promise<unknown>;
}

export interface LostReplyOptions {
  readonly title?: string;
  readonly skipped: string | undefined;
  /** Leaves nothing on the server. Called before each test. */
  empty(): Promise<unknown>;
  /** By what kind of store: its own client, one of the caller's. */
  readonly stores: Readonly<Record<string, () => Promise<Watched>>>;
  /** What operations take whose first request writes. */
  readonly costs: Partial<Readonly<Record<Operation, Counts>>> & { readonly putIfAbsent: Counts };
  /** What a `get` takes. */
  readonly read: Counts;
  /** Whether a batch that is lost is told as a whole, rather than by key. Default: false. */
  readonly losesBatches?: boolean;
}

interface Case {
  /** What comes before the operation, and the operation. */
  prepare?(store: Store): Promise<unknown>;
  run(store: Store): Promise<unknown>;
  /** The key that was written, and its value. */
  readonly found: readonly [key: string, value: unknown];
}

const entries = ["c", "d"].map((key, at) => ({ key, value: at + 1 }));

function casesOf(): Record<Operation, Case> {
  let revision: Awaited<ReturnType<Store["putIfAbsent"]>>;
  return {
    put: { run: (store) => store.put("a", 1), found: ["a", 1] },
    putIfAbsent: { run: (store) => store.putIfAbsent("b", 1), found: ["b", 1] },
    compareAndSwap: {
      async prepare(store) {
        const first = await store.putIfAbsent("s", 1);
        // Once before, since a new connection may lead to another server: what that one cannot do is found out anew.
        revision = first && (await store.compareAndSwap("s", first, 2));
      },
      async run(store) {
        if (!revision) throw new Error("nobody else writes");
        return store.compareAndSwap("s", revision, 3);
      },
      found: ["s", 3],
    },
    take: { prepare: (store) => store.put("t", 1), run: (store) => store.take("t"), found: ["t", undefined] },
    delete: { prepare: (store) => store.put("t", 1), run: (store) => store.delete("t"), found: ["t", undefined] },
    putMany: { run: (store) => store.putMany(entries), found: ["d", 2] },
  };
}

/** Registers the tests. `runner` is vitest itself: `import * as vitest from "vitest"`. */
export function lostReplySuite(runner: typeof vitest, options: LostReplyOptions): void {
  const { describe, it, expect, beforeEach, afterEach } = runner;
  const lost = { code: "UNAVAILABLE", outcome: "unknown", retryable: true };

  for (const [kind, start] of Object.entries(options.stores)) {
    describe.skipIf(options.skipped)(`${options.title ?? "a request whose reply is lost"}, by ${kind},`, () => {
      let watched: Watched;

      beforeEach(async () => {
        await options.empty();
        watched = await start();
      });
      afterEach(() => watched.stop());

      it.each(Object.entries(options.costs))(
        "is not sent again, and its outcome is unknown: %s",
        async (name, cost) => {
          const { prepare, run, found } = casesOf()[name as Operation];
          const { store } = watched;
          await prepare?.(store);
          await watched.counts();
          watched.loseNextReply();
          const error = await rejection(run(store));
          expect(error).toMatchObject(
            name === "putMany" && !options.losesBatches
              ? { code: "BATCH_FAILED", failures: entries.map(({ key }) => ({ key, error: { outcome: "unknown" } })) }
              : lost,
          );
          expect(await watched.counts()).toEqual(cost);
          expect(await store.get(found[0])).toBe(found[1]);
          expect(await watched.counts()).toEqual(options.read);
          if (name === "putMany") expect(await store.getMany(["c", "d"])).toEqual([1, 2]);
        },
      );

      it("is settled by retry, which finds its own revision", async () => {
        const retrying = watched.store.with(retry());
        await watched.counts();
        watched.loseNextReply();
        const revision = await retrying.putIfAbsent("lock", "mine");
        expect(revision).toBeDefined();
        expect(await watched.counts()).toEqual(sum(options.costs.putIfAbsent, options.read));
        expect(revision && (await retrying.compareAndDelete("lock", revision))).toBe(true);
      });
    });
  }
}

function sum(...counts: readonly Counts[]): Counts {
  const total: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((each) => Object.entries(each))) total[name] = (total[name] ?? 0) + count;
  return total;
}
