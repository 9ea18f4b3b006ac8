// Batches: split to the backend's limits, told by key where some fail, and the same on drivers that have none.

import { BatchError, createStore, type KeyValueError, StorageFullError, StoreUnavailableError } from "@kv/core";
import {
  type Call,
  type Driver,
  forward,
  type RecordId,
  type Settled,
  type StoredRecord,
  type WriteRequest,
} from "@kv/core/driver";
import { describe, expect, it } from "vitest";
import { CompleteDriver, completeStore } from "../../examples/complete-driver.ts";
import { Held, rejection, settled } from "./held-driver.ts";

/** A driver with batches of at most three, which notes the keys of each exchange, and fails as the test says. */
class BatchDriver extends CompleteDriver implements Driver {
  override readonly capabilities = {
    write: true,
    atomic: true,
    enumerate: true,
    clear: true,
    durable: true,
    limits: { batch: { get: 3, put: 3, delete: 3 } },
  } as const;
  readonly chunks: string[] = [];
  /** What becomes of an exchange with this key, as a whole. */
  failsAll: { readonly key: string; readonly error: unknown } | undefined;
  /** What becomes of this key alone. */
  failsOne: { readonly key: string; readonly error: KeyValueError } | undefined;

  async getMany(ids: readonly RecordId[]): Promise<readonly Settled<StoredRecord | undefined>[]> {
    return this.#each(ids, (id) => this.get(id));
  }
  async putMany(requests: readonly WriteRequest[]): Promise<readonly Settled<void>[]> {
    return this.#each(
      requests.map(({ id }) => id),
      (id, at) => this.put(id, (requests[at] as WriteRequest).record),
    );
  }
  async deleteMany(ids: readonly RecordId[]): Promise<readonly Settled<boolean>[]> {
    return this.#each(ids, (id) => this.delete(id));
  }
  #each<R>(ids: readonly RecordId[], act: (id: RecordId, at: number) => R): Settled<R>[] {
    this.chunks.push(ids.map(({ key }) => key).join(""));
    for (const { key } of ids) if (key === this.failsAll?.key) throw this.failsAll.error;
    return ids.map((id, at) => (id.key === this.failsOne?.key ? this.failsOne.error : act(id, at)));
  }
}

const keys = (text: string): string[] => [...text];
const entries = (text: string) => keys(text).map((key) => ({ key, value: `value of ${key}` }));
/** Key, code and outcome of each failure, and the answers. */
const summary = (error: unknown) => {
  expect(error).toBeInstanceOf(BatchError);
  const { failures, results } = error as BatchError;
  return {
    failures: failures.map(({ index, key, error }) => [index, key, error.code, error.outcome, error.key]),
    results,
  };
};

describe("a driver with batches", () => {
  it("gets them in chunks that keep the order, each key once", async () => {
    const driver = new BatchDriver();
    const store = createStore(driver);
    await store.putMany(entries("abcdefg"));
    expect(driver.chunks).toEqual(["abc", "def", "g"]);
    driver.chunks.length = 0;
    expect(await store.getMany(keys("gaxagbc"))).toEqual(
      keys("ga agbc").map((key) => (key === " " ? undefined : `value of ${key}`)),
    );
    expect(driver.chunks).toEqual(["gax", "bc"]);
    driver.chunks.length = 0;
    expect((await store.getEntries(keys("aa"))).map((entry) => entry?.key)).toEqual(["a", "a"]);
    expect(await store.deleteMany(keys("aaxb"))).toBe(2);
    expect(driver.chunks).toEqual(["a", "axb"]);
    expect(await store.getMany(keys("ab"))).toEqual([undefined, undefined]);
  });

  it("gets the last of several entries with one key, with its own TTL", async () => {
    const driver = new BatchDriver();
    const store = createStore(driver);
    const at = Date.now() + 60_000;
    await store.putMany([
      { key: "a", value: 1, ttl: "1h" },
      { key: "b", value: 2, expiresAt: at },
      { key: "a", value: 3 },
    ]);
    expect(driver.chunks).toEqual(["ab"]);
    expect(await store.getEntries(["a", "b"])).toMatchObject([{ value: 3 }, { value: 2, expiresAt: new Date(at) }]);
    expect((await store.getEntry("a"))?.expiresAt).toBeUndefined();
  });

  it("gets nothing for nothing", async () => {
    const driver = new BatchDriver();
    const store = createStore(driver);
    expect(await store.getMany([])).toEqual([]);
    expect(await store.getEntries(new Set())).toEqual([]);
    expect(await store.deleteMany([])).toBe(0);
    await store.putMany([]);
    expect(driver.chunks).toEqual([]);
  });

  it("takes any iterable", async () => {
    const store = createStore(new BatchDriver());
    await store.putMany(new Map(entries("ab").map((entry) => [entry.key, entry])).values());
    const all = function* () {
      yield* keys("ab");
    };
    expect(await store.getMany(all())).toEqual(["value of a", "value of b"]);
    expect(await store.deleteMany(new Set(keys("ab")))).toBe(2);
  });

  it("may fail for one record: the others are done, and their answers told", async () => {
    const driver = new BatchDriver();
    const store = createStore(driver);
    await store.putMany(entries("abde"));
    driver.failsOne = { key: "d", error: new StorageFullError("full") };
    const read = await rejection(store.getMany(keys("adbde")));
    expect(summary(read)).toEqual({
      failures: [
        [1, "d", "STORAGE_FULL", undefined, "d"],
        [3, "d", "STORAGE_FULL", undefined, "d"],
      ],
      results: ["value of a", undefined, "value of b", undefined, "value of e"],
    });
    expect(read).toMatchObject({ operation: "getMany", collection: "default_collection", retryable: false });
    expect(read).not.toHaveProperty("outcome");
    const write = await rejection(store.deleteMany(keys("adxe")));
    expect(summary(write)).toEqual({
      failures: [[1, "d", "STORAGE_FULL", "unknown", "d"]],
      results: [true, undefined, false, true],
    });
    expect(write).toMatchObject({ operation: "deleteMany", outcome: "unknown" });
    expect((write as Error).message).toContain("1 of 4 records failed, the first with STORAGE_FULL");
    expect(await store.has("e")).toBe(false);
  });

  it("may fail for a chunk: what came before is done, what follows is not sent", async () => {
    const driver = new BatchDriver();
    const store = createStore(driver);
    driver.failsAll = { key: "e", error: new StoreUnavailableError("broken") };
    const error = await rejection(store.putMany(entries("abcdefghi")));
    expect(driver.chunks).toEqual(["abc", "def"]);
    expect(summary(error)).toEqual({
      failures: [
        [3, "d", "UNAVAILABLE", "unknown", "d"],
        [4, "e", "UNAVAILABLE", "unknown", "e"],
        [5, "f", "UNAVAILABLE", "unknown", "f"],
        [6, "g", "UNAVAILABLE", "not-applied", "g"],
        [7, "h", "UNAVAILABLE", "not-applied", "h"],
        [8, "i", "UNAVAILABLE", "not-applied", "i"],
      ],
      results: new Array(9).fill(undefined),
    });
    expect(error).toMatchObject({ operation: "putMany", retryable: true, outcome: "unknown" });
    const { failures } = error as BatchError;
    expect(new Set(failures.map((failure) => failure.error)).size).toBe(6);
    driver.chunks.length = 0;
    driver.failsAll = { key: "a", error: new Error("raw") };
    expect(summary(await rejection(store.getMany(keys("abcd")))).failures.map(([, key, code]) => [key, code])).toEqual(
      keys("abcd").map((key) => [key, "BACKEND_FAILURE"]),
    );
    expect(driver.chunks).toEqual(["abc"]);
  });

  it("may fail as a whole, where there is one chunk: then by that very error", async () => {
    const driver = new BatchDriver();
    driver.failsAll = { key: "a", error: new StoreUnavailableError("broken") };
    const error = await rejection(createStore(driver).putMany(entries("ab")));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({ operation: "putMany", outcome: "unknown" });
  });

  it("has a deadline for each chunk", async () => {
    class Slow extends BatchDriver {
      override async getMany(ids: readonly RecordId[]): Promise<readonly Settled<StoredRecord | undefined>[]> {
        await new Promise((resolve) => setTimeout(resolve, 600));
        return super.getMany(ids);
      }
    }
    const store = createStore(new Slow(), { timeout: 2000 });
    const begun = performance.now();
    expect(await store.getMany(keys("abcdefghijkl"))).toHaveLength(12);
    expect(performance.now() - begun).toBeGreaterThan(2000);
  });
});

describe("a driver without batches", () => {
  /** Only what is needed, each exchange noted. */
  function plain(fails?: string) {
    const inner = new CompleteDriver();
    const sent: string[] = [];
    const driver = forward(inner, {
      put: (id, record) => {
        sent.push(id.key);
        if (id.key === fails) throw new StoreUnavailableError("broken", { outcome: "not-applied" });
        return inner.put(id, record);
      },
    });
    return { sent, store: createStore({ ...driver, capabilities: inner.capabilities }) };
  }

  it("does them one by one, side by side", async () => {
    const { sent, store } = plain();
    await store.putMany(entries("abc"));
    expect(sent).toEqual(keys("abc"));
    expect(await store.getMany(keys("cab"))).toEqual(keys("cab").map((key) => `value of ${key}`));
    expect(await store.deleteMany(keys("abx"))).toBe(2);
  });

  it("fails for one record alone", async () => {
    const { sent, store } = plain("b");
    const error = await rejection(store.putMany(entries("abc")));
    expect(sent).toEqual(keys("abc"));
    expect(summary(error).failures).toEqual([[1, "b", "UNAVAILABLE", "not-applied", "b"]]);
    expect(error).toMatchObject({ outcome: "not-applied" });
    expect(await store.getMany(keys("abc"))).toEqual(["value of a", undefined, "value of c"]);
  });

  it("begins no more of them once the call has ended", async () => {
    const held = new Held();
    const store = createStore(held.driver, { timeout: 50 });
    const error = await rejection(store.getMany(Array.from({ length: 100 }, (_, index) => `key ${index}`)));
    expect(error).toMatchObject({ code: "TIMEOUT" });
    const begun = held.exchanges.length;
    expect(begun).toBeLessThan(100);
    for (const exchange of held.exchanges) exchange.proceed();
    await settled();
    expect(held.exchanges).toHaveLength(begun);
  });

  it("waits for all of them before it rejects", async () => {
    const inner = new CompleteDriver();
    const done: string[] = [];
    const driver = forward(inner, {
      get: async (id: RecordId, _: Call) => {
        if (id.key === "a") throw new Error("broken");
        await new Promise((resolve) => setTimeout(resolve, 30));
        done.push(id.key);
        return inner.get(id);
      },
    });
    await rejection(createStore(driver).getMany(keys("abc")));
    expect(done).toEqual(["b", "c"]);
  });
});

describe("an invalid batch", () => {
  it("sends nothing, and names the key", async () => {
    const store = completeStore();
    const wrong: [unknown, string, string | undefined][] = [
      [
        [
          { key: "a", value: 1 },
          { key: "b", value: Number.NaN },
        ],
        "INVALID_VALUE",
        "b",
      ],
      [
        [
          { key: "a", value: 1 },
          { key: "b", value: 1, ttl: 0 },
        ],
        "INVALID_TTL",
        "b",
      ],
      [
        [
          { key: "a", value: 1 },
          { key: "", value: 1 },
        ],
        "INVALID_NAME",
        undefined,
      ],
      [[{ key: "a", value: 1 }, undefined], "INVALID_NAME", undefined],
      ["ab", "INVALID_NAME", undefined],
      [{ a: 1 }, "INVALID_ARGUMENT", undefined],
    ];
    for (const [given, code, key] of wrong) {
      const error = await rejection(store.putMany(given as []));
      expect(error).toMatchObject({
        code,
        operation: "putMany",
        collection: "default_collection",
        outcome: "not-applied",
      });
      expect((error as KeyValueError).key).toBe(key);
    }
    expect(await store.has("a")).toBe(false);
    for (const given of ["ab", 1, null, {}, ["a", 1], [""]] as never[]) {
      for (const call of [store.getMany(given), store.deleteMany(given), store.getEntries(given)]) {
        expect((await rejection(call)) as KeyValueError).toHaveProperty("operation");
      }
    }
  });
});
