// Statistics: what is counted, by collection and operation, in how much memory, and how exact the percentiles are.

import { createStore, InvalidArgumentError, StoreUnavailableError } from "@kv/core";
import { around, forward } from "@kv/core/driver";
import { statistics } from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { Histogram } from "../../src/wrappers/histogram.ts";
import { rejection, settled } from "./held-driver.ts";

const all = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;

function counted(options?: Parameters<typeof statistics>[0]) {
  const inner = new CompleteDriver();
  const plain = createStore(inner);
  const stats = statistics(options);
  const batching = forward(inner, {
    getMany: (ids) => ids.map((id) => (id.key === "broken" ? new StoreUnavailableError("down") : inner.get(id))),
    deleteMany: (ids) => ids.map((id) => inner.delete(id)),
  });
  return { inner, plain, stats, store: createStore({ ...batching, capabilities: all }).with(stats) };
}

it.each([-1, 0.5, Number.NaN, "many" as never])("are refused of %s collections", (maxCollections) => {
  expect(() => statistics({ maxCollections })).toThrow(InvalidArgumentError);
});

describe("what is counted", () => {
  it("are exchanges by collection and operation, with hits and misses", async () => {
    const { stats, store } = counted();
    const users = store.collection("users");
    await users.put("a", {});
    await users.get("a");
    await users.get("b");
    // Python's never counts exists.
    await users.has("a");
    await users.getMany(["a", "b", "c"]);
    await users.delete("a");
    await users.deleteMany(["a", "b"]);
    await users.increment("n");
    await store.collection("sessions").get("x");
    await store.ping();
    for await (const _ of store.collections());
    const { collections, total, others } = stats.snapshot();
    expect(Object.keys(collections)).toEqual(["users", "sessions"]);
    expect(collections.users?.get).toMatchObject({ count: 4, hits: 2, misses: 2, errors: {} });
    expect(collections.users?.getMany).toMatchObject({ count: 1, hits: 1, misses: 2 });
    expect(collections.users?.delete).toMatchObject({ count: 1, hits: 1, misses: 0 });
    expect(collections.users?.deleteMany).toMatchObject({ count: 1, hits: 0, misses: 2 });
    expect(collections.users?.put).toMatchObject({ count: 1, hits: 0, misses: 0 });
    expect(collections.users?.swap).toMatchObject({ count: 1 });
    expect(total.get).toMatchObject({ count: 5, hits: 2, misses: 3 });
    expect(total.collections).toMatchObject({ count: 1 });
    expect(others).toEqual({});
  });

  it("is a miss where a record has expired", async () => {
    const { inner, stats, store } = counted();
    const id = { collection: "c", key: "a" };
    inner.put(id, { value: 1, createdAt: 0, expiresAt: Date.now() - 1, revision: "r" as never });
    expect(await store.collection("c").get("a")).toBeUndefined();
    expect(stats.snapshot().total.get).toMatchObject({ hits: 0, misses: 1 });
  });

  it("are errors by code, of a batch that failed in part each record's, and of a driver that hangs", async () => {
    const { inner, stats, store } = counted();
    await rejection(store.getMany(["a", "broken"]));
    const hanging = forward(inner, {
      get: () => new Promise<never>(() => {}),
      put: () => {
        throw new Error("raw");
      },
      delete: () => Promise.reject(new StoreUnavailableError("down")),
    });
    const other = createStore({ ...hanging, capabilities: all }).with(stats);
    await rejection(other.get("a", { timeout: 10 }));
    await rejection(other.put("a", 1));
    await rejection(other.delete("a"));
    const { total } = stats.snapshot();
    expect(total.getMany).toMatchObject({ count: 1, hits: 0, misses: 1, errors: { UNAVAILABLE: 1 } });
    expect(total.get).toMatchObject({ count: 1, errors: { TIMEOUT: 1 } });
    expect(total.get?.latency.max).toBeGreaterThan(5);
    expect(total.put?.errors).toEqual({ BACKEND_FAILURE: 1 });
    expect(total.delete?.errors).toEqual({ UNAVAILABLE: 1 });
  });

  it("is each exchange once, also where its answer comes after the end of its call", async () => {
    let answer: () => void = () => {};
    const driver = around(new CompleteDriver(), async (_, call, exchange) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return exchange(call);
    });
    const stats = statistics();
    const store = createStore({ ...driver, capabilities: all }).with(stats);
    await rejection(store.get("a", { timeout: 5 }));
    answer();
    await settled();
    expect(stats.snapshot().total.get).toMatchObject({ count: 1, misses: 0, errors: { TIMEOUT: 1 } });
  });

  it("are durations, in milliseconds", async () => {
    const driver = around(new CompleteDriver(), async (_, call, exchange) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return exchange(call);
    });
    const stats = statistics();
    await createStore({ ...driver, capabilities: all })
      .with(stats)
      .get("a");
    const { mean, p50, p90, p99, max } = stats.snapshot().total.get?.latency ?? expect.fail();
    for (const one of [mean, p50, p90, p99, max]) expect(one).toBeGreaterThan(17);
    expect(p99).toBeLessThanOrEqual(max);
  });
});

describe("collections", () => {
  it("are told apart up to a number; the others are counted together", async () => {
    const { stats, store } = counted({ maxCollections: 2 });
    for (const name of ["a", "b", "c", "d", "a", "c"]) await store.collection(name).get("key");
    const { collections, others, total } = stats.snapshot();
    expect(Object.keys(collections)).toEqual(["a", "b"]);
    expect([collections.a?.get?.count, others.get?.count, total.get?.count]).toEqual([2, 3, 6]);
    const none = counted({ maxCollections: 0 });
    await none.store.get("a");
    const only = none.stats.snapshot();
    expect([Object.keys(only.collections), only.others.get?.count]).toEqual([[], 1]);
  });

  it("may have any name", async () => {
    const { stats, store } = counted();
    for (const name of ["__proto__", "constructor", "toString"]) await store.collection(name).get("key");
    const { collections } = stats.snapshot();
    expect(Object.keys(collections)).toEqual(["__proto__", "constructor", "toString"]);
    expect(JSON.parse(JSON.stringify(collections.constructor)).get.count).toBe(1);
  });
});

it("a snapshot is data of the caller's own; a reset begins anew (in Python the documents name functions that are not there)", async () => {
  const { stats, store } = counted();
  await store.get("a");
  const before = stats.snapshot();
  expect(JSON.parse(JSON.stringify(before)).total.get.count).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  stats.reset();
  const after = stats.snapshot();
  expect(before.total.get?.count).toBe(1);
  expect([after.total, after.others, Object.keys(after.collections)]).toEqual([{}, {}, []]);
  expect(after.since.getTime()).toBeGreaterThan(before.since.getTime());
});

describe("a histogram", () => {
  it("has percentiles to about 6 %, from microseconds to minutes", () => {
    for (const scale of [0.01, 1, 37, 1000, 50_000]) {
      const histogram = new Histogram();
      for (let index = 1; index <= 1000; index++) histogram.add((index / 1000) * scale);
      for (const share of [0.5, 0.9, 0.99]) {
        const exact = share * scale;
        // Below 8 µs to half a microsecond.
        expect(Math.abs(histogram.percentile(share) - exact)).toBeLessThanOrEqual(exact * 0.0626 + 0.000_5);
      }
      expect(histogram.max).toBe(scale);
      expect(histogram.mean / scale).toBeCloseTo(0.5005, 6);
    }
  });

  it("holds any duration, and none", () => {
    const histogram = new Histogram();
    expect([histogram.percentile(0.5), histogram.mean, histogram.max]).toEqual([0, 0, 0]);
    for (const duration of [0, 1e-9, 1e9, Number.MAX_SAFE_INTEGER]) histogram.add(duration);
    expect(histogram.count).toBe(4);
    expect(histogram.percentile(0.25)).toBeLessThan(0.001);
    expect(histogram.percentile(1)).toBeGreaterThan(100_000);
    const single = new Histogram();
    single.add(5);
    expect(Math.abs(single.percentile(0.5) - 5)).toBeLessThan(0.32);
    expect(single.percentile(1)).toBeLessThanOrEqual(5);
  });

  it("is the sum of those that are merged into it", () => {
    const [one, two, both] = [new Histogram(), new Histogram(), new Histogram()];
    for (let index = 0; index < 100; index++) (index % 2 ? one : two).add(index);
    for (let index = 0; index < 100; index++) both.add(index);
    one.merge(two);
    for (const share of [0.1, 0.5, 0.99]) expect(one.percentile(share)).toBe(both.percentile(share));
    expect([one.count, one.max, one.mean]).toEqual([100, 99, 49.5]);
  });
});
