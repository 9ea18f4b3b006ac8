// What has expired in a folder goes without being read.
import { until } from "../children.ts";
import { clockPast } from "../promises.ts";
import { storesOf } from "../suites/stores.ts";
import type { FolderSuiteOptions, Runner, Store } from "./options.ts";

export interface ReclaimingOptions extends FolderSuiteOptions {
  /** Counts what lies in the folder of an open store, expired or not: records, and rows in the index of expiries. */
  countsOf(store: Store): () => Counts | Promise<Counts>;
}

interface Counts {
  readonly records: number;
  readonly rows: number;
}

/** Registers the tests. */
export function reclaimingSuite(runner: Runner, options: ReclaimingOptions): void {
  const { describe, test, expect } = runner;
  const { newFolder, countsOf } = options;

  describe("what has expired", () => {
    const { open } = storesOf(runner, (path: string) => options.open({ path }));
    const untilRecords = (store: Store, most: number) => {
      const counts = countsOf(store);
      return until(async () => (await counts()).records <= most);
    };

    test("is reclaimed in the background, and nothing else", async () => {
      const store = open(newFolder());
      await store.put("stays", 1);
      await store.put("later", 1, { ttl: "1h" });
      const short = Array.from({ length: 2500 }, (_, at) => ({ key: `${at}`, value: at, ttl: "100ms" as const }));
      await store.collection("other").putMany(short);
      await untilRecords(store, 2);
      expect(await countsOf(store)()).toEqual({ records: 2, rows: 1 });
      expect(await store.getMany(["stays", "later"])).toEqual([1, 1]);
    });

    test("while the folder was closed is, too", async () => {
      const path = newFolder();
      const first = open(path);
      await first.putMany(Array.from({ length: 20 }, (_, at) => ({ key: `${at}`, value: at, ttl: "50ms" as const })));
      await first.put("stays", 1);
      const written = Date.now();
      await first.close();
      await clockPast(written + 50);
      const second = open(path);
      expect(await second.get("0")).toBeUndefined();
      await untilRecords(second, 1);
      expect(await countsOf(second)()).toEqual({ records: 1, rows: 0 });
    });

    test("sooner than what was waited for is not late", async () => {
      const store = open(newFolder());
      await store.put("later", 1, { ttl: "30s" });
      const began = Date.now();
      await clockPast(began + 700);
      await store.put("sooner", 1, { ttl: "10ms" });
      await untilRecords(store, 1);
      expect(Date.now()).toBeLessThan(began + 25_000);
    });

    test("is deleted at once by cull", async () => {
      const store = open(newFolder());
      await store.put("later", 1, { ttl: "1h" });
      await store.collection("a".repeat(3000)).put("short", 1, { ttl: "20ms" });
      await clockPast(Date.now() + 20);
      await store.cull();
      expect(await countsOf(store)()).toEqual({ records: 1, rows: 1 });
      expect(await store.get("later")).toBe(1);
    });
  });
}
