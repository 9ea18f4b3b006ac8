// Read-modify-writes: one after the other in one process, exact among several, and never past their deadline.

import { createStore, InvalidCounterError, KeyValueError, TimeoutError } from "@kv/core";
import { around, type Driver, forward, type SwapResult } from "@kv/core/driver";
import { retry } from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver, completeStore } from "../../examples/complete-driver.ts";
import { Held, rejection, settled } from "./held-driver.ts";

const all = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;

/** A driver whose answers take a turn of the event loop, so that calls overlap. */
function slow(inner: Driver, count?: (operation: string) => void) {
  const driver = around(inner, async ({ operation }, call, exchange) => {
    count?.(operation);
    await settled();
    return exchange(call);
  });
  return { ...driver, capabilities: all };
}

describe("the queue of a key", () => {
  it("lets changes through in the order of their coming, each one exchange to read and one to swap", async () => {
    const count = new Map<string, number>();
    const driver = slow(new CompleteDriver(), (operation) => count.set(operation, (count.get(operation) ?? 0) + 1));
    const store = createStore(driver);
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 64 }, (_, index) =>
        store.update("list", (list) => {
          order.push(index);
          return [...((list as number[] | undefined) ?? []), index];
        }),
      ),
    );
    expect(order).toEqual([...Array(64).keys()]);
    expect(await store.get("list")).toEqual(order);
    expect(count).toEqual(
      new Map([
        ["get", 65],
        ["swap", 64],
      ]),
    );
  });

  it("is one for each key of each collection", async () => {
    const held = new Held();
    const store = createStore({ ...held.driver, capabilities: all });
    const calls = [
      store.increment("a"),
      store.increment("b"),
      store.collection("ca").increment("x"),
      store.collection("c").increment("ax"),
    ];
    // None waits for another.
    expect(held.exchanges).toHaveLength(4);
    for (let step = 0; step < 8; step++) (await held.next()).proceed();
    expect(await Promise.all(calls)).toEqual([1, 1, 1, 1]);
  });

  it("says at its deadline that nothing was applied while it has only read, and that nobody knows once it writes", async () => {
    const held = new Held();
    // Nothing is opened, so that nobody else tells what was sent.
    const store = createStore({ ...held.driver, capabilities: all }, { timeout: 200 });
    const reading = rejection(store.increment("read"));
    expect(await reading).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
    held.exchanges.length = 0;
    const writing = rejection(store.increment("written"));
    held.exchanges[0]?.proceed();
    expect(await writing).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
    expect(held.exchanges.map(({ operation }) => operation)).toEqual(["get", "swap"]);
  });

  it("goes on after a head that hangs, at its deadline, and after one that failed", async () => {
    const held = new Held();
    const store = createStore({ ...held.driver, capabilities: all, open() {} }, { timeout: "10m" });
    const opened = store.get("a");
    (await held.next()).proceed();
    await opened;
    held.exchanges.length = 0;
    const hung = rejection(store.increment("a", 1, { timeout: 1000 }));
    const failing = rejection(store.increment("a"));
    const gone = rejection(store.increment("a", 1, { timeout: 20 }));
    const last = store.increment("a");
    expect(held.exchanges).toHaveLength(1);
    expect(await gone).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
    expect(held.exchanges).toHaveLength(1);
    expect(await hung).toMatchObject({ code: "TIMEOUT" });
    await held.next();
    (await held.next()).fail(new Error("broken"));
    await failing;
    (await held.next()).proceed();
    (await held.next()).proceed();
    expect(await last).toBe(1);
    // And the queue is empty: the next call begins at once.
    void store.increment("a").catch(() => {});
    expect(held.exchanges).toHaveLength(5);
    (await held.next()).proceed();
    (await held.next()).proceed();
  });
});

describe("two stores on the same data", () => {
  it("never lose a change", async () => {
    const inner = new CompleteDriver();
    const stores = Array.from({ length: 4 }, () => createStore(slow(inner)));
    const calls = stores.flatMap((store) => Array.from({ length: 16 }, () => store.increment("n")));
    const sums = await Promise.all(calls);
    expect(sums.sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, index) => index + 1));
  });

  it("give each record to one taker", async () => {
    const inner = new CompleteDriver();
    const stores = Array.from({ length: 8 }, () => createStore(slow(inner)));
    await stores[0]?.put("job", "once");
    const taken = await Promise.all(stores.map((store) => store.take("job")));
    expect(taken.filter((one) => one === "once")).toHaveLength(1);
    expect(taken.filter((one) => one === undefined)).toHaveLength(7);
  });

  it("run an update again on what the other has stored, and keep no trace of the attempt that lost", async () => {
    const inner = new CompleteDriver();
    const [store, other] = [createStore(inner), createStore(inner)];
    await store.put("a", { by: "put" }, { ttl: 100 });
    const seen: unknown[] = [];
    const result = await store.update("a", async (current) => {
      seen.push(current);
      if (seen.length === 1) await other.put("a", { by: "other" });
      return { by: "update", before: seen.length };
    });
    expect(seen).toEqual([{ by: "put" }, { by: "other" }]);
    expect(result).toEqual({ by: "update", before: 2 });
    expect(await other.getEntry("a")).not.toHaveProperty("expiresAt");
  });
});

describe("a swap that always loses", () => {
  class Losing extends CompleteDriver {
    override swap(): SwapResult {
      return { swapped: false, current: undefined };
    }
  }

  it("ends at the deadline, also where the driver never gives up the event loop", async () => {
    const store = createStore(new Losing(), { timeout: 50 });
    for (const call of [store.increment("a"), store.update("a", () => 1)]) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ retryable: true });
    }
    expect(await store.get("a")).toBeUndefined();
  });
});

it("a swap that is sent again after another writer was faster may have been applied", async () => {
  let swaps = 0;
  const inner = new CompleteDriver();
  const driver = forward(inner, {
    swap: () => (swaps++ === 0 ? { swapped: false, current: undefined } : new Promise<never>(() => {})),
  });
  const store = createStore({ ...driver, capabilities: all });
  for (const one of [store, store.with(retry())]) {
    swaps = 0;
    expect(await rejection(one.increment("n", 1, { timeout: 20 }))).toMatchObject({
      code: "TIMEOUT",
      outcome: "unknown",
    });
    expect(swaps).toBe(2);
  }
});

describe("counters", () => {
  it("begin at 0, keep the expiry, and take a TTL only when they begin", async () => {
    const store = completeStore();
    expect(await store.increment("n", 2.5, { ttl: "1h" })).toBe(2.5);
    const first = await store.getEntry("n");
    expect(await store.increment("n", -3, { ttl: "2h" })).toBe(-0.5);
    const second = await store.getEntry("n");
    expect(second?.expiresAt).toEqual(first?.expiresAt);
    expect(second?.createdAt).toEqual(first?.createdAt);
    expect(second?.revision).not.toBe(first?.revision);
    for (const key of ["n", "new"]) {
      expect(await rejection(store.increment(key, 1, { ttl: 0 }))).toMatchObject({ code: "INVALID_TTL" });
    }
  });

  it.each<[unknown, number]>([
    ["1", 1],
    [null, 1],
    [{ n: 1 }, 1],
    [true, 1],
    [Number.MAX_SAFE_INTEGER, 1],
    [-Number.MAX_SAFE_INTEGER, -1],
    [0, 2 ** 53],
    [1.5e308, 1.5e308],
  ])("refuse %j + %d, and leave the value", async (value, by) => {
    const store = completeStore();
    await store.put("n", value as number);
    const error = await rejection(store.increment("n", by));
    expect(error).toBeInstanceOf(InvalidCounterError);
    expect(error).toMatchObject({ outcome: "not-applied", key: "n" });
    expect(await store.get("n")).toEqual(value);
  });

  it("go to the last exact integer, and hold no -0", async () => {
    const store = completeStore();
    expect(await store.increment("n", Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
    expect(await store.increment("m", -0)).toBe(0);
    expect(await store.increment("m", Number.MIN_VALUE)).toBe(Number.MIN_VALUE);
    for (const by of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(await rejection(store.increment("n", by))).toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });
});

describe("compare and swap", () => {
  it("by what is no revision is refused", async () => {
    const store = completeStore();
    for (const revision of ["", "absent", undefined, 1] as never[]) {
      expect(await rejection(store.compareAndSwap("a", revision, 1))).toMatchObject({ code: "INVALID_ARGUMENT" });
      expect(await rejection(store.compareAndDelete("a", revision))).toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    expect(await store.has("a")).toBe(false);
  });
});

describe("an update", () => {
  it("rejects with the very error that its function threw, and changes nothing", async () => {
    const store = completeStore();
    await store.put("a", 1);
    const own = new Error("own");
    for (const fail of [
      () => {
        throw own;
      },
      () => Promise.reject(own),
    ]) {
      expect(await rejection(store.update("a", fail))).toBe(own);
    }
    expect(await store.get("a")).toBe(1);
  });

  it("deletes by undefined, and keeps the expiry where asked", async () => {
    const store = completeStore();
    await store.put("a", 1, { ttl: "1h" });
    const before = await store.getEntry("a");
    expect(await store.update("a", () => 2, { keepTtl: true })).toBe(2);
    expect(await store.getEntry("a")).toMatchObject({ expiresAt: before?.expiresAt, createdAt: before?.createdAt });
    expect(await store.update("a", () => undefined)).toBeUndefined();
    expect(await store.has("a")).toBe(false);
    expect(await store.update("a", () => undefined)).toBeUndefined();
  });

  it("refuses what is no JSON, by its place", async () => {
    const store = completeStore();
    const error = await rejection(store.update("a", () => ({ list: [Number.NaN] })));
    expect(error).toMatchObject({
      code: "INVALID_VALUE",
      path: ["list", 0],
      outcome: "not-applied",
      operation: "update",
    });
    expect(error).toBeInstanceOf(KeyValueError);
  });

  it("gives its function and its caller copies of their own", async () => {
    const store = completeStore();
    await store.put("a", { list: [1] });
    const given = { list: [2] };
    const result = await store.update("a", (current) => {
      (current as { list: number[] }).list.push(9);
      return given;
    });
    given.list.push(9);
    (result as { list: number[] }).list.push(9);
    expect(await store.get("a")).toEqual({ list: [2] });
  });
});
