// Retry: what is repeated, how often and when, and what must never be done twice.

import {
  createStore,
  InvalidArgumentError,
  type KeyValueError,
  StorageFullError,
  StoreUnavailableError,
} from "@kv/core";
import { around, type Driver, forward, type Operation, type Settled } from "@kv/core/driver";
import { type RetryOptions, retry } from "@kv/core/wrappers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { rejection, settled } from "./held-driver.ts";

/** What becomes of an exchange: done, refused before it was done, or done and the answer lost. */
type Step = "done" | "refused" | "lost" | "lost before" | Error | (() => void);

const refused = () => new StoreUnavailableError("refused", { outcome: "not-applied" });
const lost = () => new StoreUnavailableError("lost");

/** A complete driver whose exchanges of one operation go by a script, which then goes on with its last step. */
function scripted(script: Partial<Record<Operation, readonly Step[]>>, options: RetryOptions = {}) {
  const sent: Operation[] = [];
  const counts = new Map<Operation, number>();
  const inner = new CompleteDriver();
  const driver = around(inner, async ({ operation }, call, exchange) => {
    sent.push(operation);
    const steps = script[operation] ?? ["done"];
    const count = counts.get(operation) ?? 0;
    counts.set(operation, count + 1);
    const step = steps[Math.min(count, steps.length - 1)];
    if (step instanceof Error) throw step;
    if (typeof step === "function") step();
    if (step === "refused") throw refused();
    if (step === "lost before") throw lost();
    const answer = await exchange(call);
    if (step === "lost") throw lost();
    return answer;
  });
  const plain = createStore(inner);
  const bare = createStore({ ...driver, capabilities: inner.capabilities }, { timeout: "1m" });
  return { sent, inner, plain, bare, store: bare.with(retry({ baseDelay: 1, ...options })) };
}

/** All random numbers are this one, until the test ends. */
function random(value: number): void {
  vi.spyOn(Math, "random").mockReturnValue(value);
}
afterEach(() => void vi.restoreAllMocks());

describe("attempts", () => {
  it.each([
    [undefined, 4],
    [1, 1],
    [2, 2],
    [7, 7],
  ])("of a read that always fails, where %s are asked for: %d", async (attempts, expected) => {
    const { sent, store } = scripted({ get: ["lost"] }, attempts === undefined ? {} : { attempts });
    expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE", message: "lost", key: "a" });
    expect(sent).toEqual(new Array(expected).fill("get"));
  });

  // Python's default repeats two built-in errors alone, which its clients do not raise: nothing is repeated there.
  it("end with the first that succeeds, whatever failed before", async () => {
    const { sent, plain, store } = scripted({ get: ["lost", "refused", "done"] });
    await plain.put("a", 1);
    expect(await store.get("a")).toBe(1);
    expect(sent).toEqual(["get", "get", "get"]);
  });

  it("are one where the error is not passing", async () => {
    for (const error of [new StorageFullError("full", { outcome: "not-applied" }), new Error("raw")]) {
      const { sent, store } = scripted({ get: [error], put: [error], swap: [error] });
      await rejection(store.get("a"));
      await rejection(store.put("a", 1));
      await rejection(store.putIfAbsent("a", 1));
      expect(sent).toEqual(["get", "put", "swap"]);
    }
  });

  it("end where a passing error is followed by another", async () => {
    const { sent, store } = scripted({ get: ["lost", new StorageFullError("full")] });
    expect(await rejection(store.get("a"))).toMatchObject({ code: "STORAGE_FULL" });
    expect(sent).toHaveLength(2);
  });

  it("repeat what a driver throws without a promise", async () => {
    class Throwing extends CompleteDriver {
      throws = 2;
      override get(...[id]: Parameters<CompleteDriver["get"]>) {
        if (this.throws-- > 0) throw lost();
        return super.get(id);
      }
    }
    expect(
      await createStore(new Throwing())
        .with(retry({ baseDelay: 1 }))
        .get("a"),
    ).toBeUndefined();
  });

  it("repeat each kind of read", async () => {
    const once: readonly Step[] = ["lost", "done"];
    const { store } = scripted({ get: once, list: once, collections: once });
    expect(await store.has("a")).toBe(false);
    for await (const _ of store.collection().keys());
    for await (const _ of store.collections());
  });

  it.each([
    { attempts: 0 },
    { attempts: 1.5 },
    { attempts: Number.NaN },
    { baseDelay: 0 },
    { maxDelay: "soon" },
    { baseDelay: -1 },
  ])("are refused as %j", (options) => {
    expect(() => retry(options)).toThrow(InvalidArgumentError);
  });
});

describe("pauses", () => {
  // Python's wrapper has no jitter: callers that failed together come back together.
  it("may be nothing: the jitter is full", async () => {
    random(0);
    const { sent, store } = scripted({ get: ["lost"] }, { baseDelay: "10m", maxDelay: "10m" });
    await rejection(store.get("a"));
    expect(sent).toHaveLength(4);
  });

  it("double from one to the next, up to the longest", async () => {
    random(0.5);
    const at: number[] = [];
    const stamps: Step = () => {
      at.push(performance.now());
      throw lost();
    };
    const { store } = scripted({ get: [stamps] }, { attempts: 5, baseDelay: 40, maxDelay: 120 });
    await rejection(store.get("a"));
    const gaps = at.slice(1).map((moment, index) => moment - (at[index] ?? 0));
    // Timers may be a millisecond early, and late by any time.
    for (const [index, shortest] of [20, 40, 60, 60].entries())
      expect(gaps[index]).toBeGreaterThanOrEqual(shortest - 1);
  });

  it("are never longer than the longest", async () => {
    random(0.999_999);
    const { sent, store } = scripted({ get: ["lost"] }, { baseDelay: "1h", maxDelay: 5 });
    await rejection(store.get("a"));
    expect(sent).toHaveLength(4);
  });

  it("are not begun where they would last past the deadline: the error comes at once", async () => {
    random(0.5);
    const { sent, store } = scripted({ get: ["lost"], put: ["refused"] }, { baseDelay: "10m", maxDelay: "10m" });
    expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    expect(await rejection(store.put("a", 1))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    expect(sent).toEqual(["get", "put"]);
  });

  it("end with the call, which nobody repeats then", async () => {
    random(0.5);
    const { sent, store } = scripted({ get: ["lost"] }, { baseDelay: "20s", maxDelay: "20s" });
    const controller = new AbortController();
    const call = rejection(store.get("a", { signal: controller.signal }));
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    controller.abort();
    expect(await call).toMatchObject({ code: "ABORTED" });
    await store.close();
    expect(sent).toHaveLength(1);
  });
});

describe("writes", () => {
  it("are repeated where they were certainly not applied", async () => {
    const once: readonly Step[] = ["refused", "done"];
    const { sent, plain, store } = scripted({ put: once, delete: once, clear: once, cull: once });
    await store.put("a", 1);
    expect(await plain.get("a")).toBe(1);
    expect(await store.delete("a")).toBe(true);
    await store.collection().clear();
    await store.cull();
    expect(sent).toEqual(["put", "put", "delete", "delete", "clear", "clear", "cull", "cull"]);
  });

  // Python's wrapper repeats every write, applied or not.
  it("are not repeated where nobody can tell", async () => {
    const { sent, plain, store } = scripted({ put: ["lost"], delete: ["lost"], clear: ["lost"] });
    for (const call of [store.put("a", 1), store.delete("a"), store.collection().clear()]) {
      expect(await rejection(call)).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
    }
    expect(sent).toEqual(["put", "delete", "clear"]);
    expect(await plain.has("a")).toBe(false);
  });

  it("end where one of several attempts leaves it open", async () => {
    const { sent, store } = scripted({ put: ["refused", "lost", "done"] });
    expect(await rejection(store.put("a", 1))).toMatchObject({ outcome: "unknown" });
    expect(sent).toHaveLength(2);
  });

  it("by a native take are not repeated where nobody can tell", async () => {
    const inner = new CompleteDriver();
    let takes = 0;
    const driver = forward(inner, {
      take: (id) => {
        takes++;
        inner.delete(id);
        throw lost();
      },
    });
    const store = createStore({ ...driver, capabilities: inner.capabilities }).with(retry({ baseDelay: 1 }));
    await store.put("a", 1);
    expect(await rejection(store.take("a"))).toMatchObject({ outcome: "unknown" });
    expect(takes).toBe(1);
  });
});

describe("a pause that the caller ends", () => {
  it.each(["put", "putIfAbsent"] as const)("says of a %s that it did nothing", async (method) => {
    random(0.5);
    const { sent, store } = scripted({ put: ["refused"], swap: ["refused"] }, { baseDelay: "2s", maxDelay: "2s" });
    const { signal, abort } = abortable();
    const call = store[method]("a", 1, { signal });
    const failed = rejection(call);
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    await settled();
    abort();
    expect(await failed).toMatchObject({ code: "ABORTED", outcome: "not-applied" });
    await store.close();
  });

  it("says of a batch that it did nothing where no record of it did", async () => {
    random(0.5);
    const inner = new CompleteDriver();
    for (const [answers, outcome] of [
      [[refused(), refused()], "not-applied"],
      [[undefined, refused()], "unknown"],
    ] as const) {
      const driver = forward(inner, { putMany: async () => answers });
      const store = createStore({ ...driver, capabilities: inner.capabilities }).with(
        retry({ baseDelay: "2s", maxDelay: "2s" }),
      );
      const { signal, abort } = abortable();
      const entries = ["a", "b"].map((key) => ({ key, value: 1 }));
      const call = rejection(store.putMany(entries, { signal }));
      await settled();
      abort();
      expect(await call).toMatchObject({ code: "ABORTED", outcome });
    }
  });

  it("says that nobody can tell where an earlier attempt may have been applied", async () => {
    random(0.5);
    const { sent, plain, store } = scripted({ swap: ["lost before"] }, { baseDelay: "2s", maxDelay: "2s" });
    await plain.put("a", 1);
    const revision = (await plain.getEntry("a"))?.revision ?? fail();
    const { signal, abort } = abortable();
    const call = rejection(store.compareAndSwap("a", revision, 2, { signal }));
    await vi.waitFor(() => expect(sent).toEqual(["swap", "get"]));
    await settled();
    abort();
    expect(await call).toMatchObject({ code: "ABORTED", outcome: "unknown" });
    await store.close();
  });
});

it("a pause of one record of a batch says nothing of the others, which may have been written", async () => {
  random(0.5);
  const inner = new CompleteDriver();
  const driver = forward(inner, {
    put: ({ key }) => (key === "a" ? Promise.reject(refused()) : new Promise<never>(() => {})),
  });
  const store = createStore({ ...driver, capabilities: inner.capabilities }).with(
    retry({ baseDelay: "2s", maxDelay: "2s" }),
  );
  const { signal, abort } = abortable();
  const entries = ["b", "a"].map((key) => ({ key, value: 1 }));
  const call = rejection(store.putMany(entries, { signal }));
  await settled();
  abort();
  expect(await call).toMatchObject({ code: "ABORTED", outcome: "unknown" });
});

describe("batches", () => {
  /** A driver that fails for some keys, so often. */
  function batching(
    failures: Readonly<Record<string, readonly KeyValueError[]>>,
    wholes: readonly KeyValueError[] = [],
  ) {
    const inner = new CompleteDriver();
    const sent: string[] = [];
    const seen = new Map<string, number>();
    const each = <T extends { readonly id: { readonly key: string } }, R>(
      items: readonly T[],
      act: (item: T) => R,
    ): Settled<R>[] => {
      sent.push(items.map(({ id }) => id.key).join(""));
      const whole = wholes[sent.length - 1];
      if (whole) throw whole;
      return items.map((item) => {
        const count = seen.get(item.id.key) ?? 0;
        seen.set(item.id.key, count + 1);
        return failures[item.id.key]?.[count] ?? act(item);
      });
    };
    const driver = forward(inner, {
      getMany: (ids) =>
        each(
          ids.map((id) => ({ id })),
          ({ id }) => inner.get(id),
        ),
      putMany: (requests) => each(requests, ({ id, record }) => inner.put(id, record)),
      deleteMany: async (ids) =>
        each(
          ids.map((id) => ({ id })),
          ({ id }) => inner.delete(id),
        ),
    });
    const store = createStore({ ...driver, capabilities: inner.capabilities }).with(retry({ baseDelay: 1 }));
    return { inner, sent, store };
  }
  const keys = [..."abcd"];

  it("repeat only what failed and may be repeated, and keep the order", async () => {
    const { sent, store } = batching({ b: [lost(), lost()], d: [lost()], c: [new StorageFullError("full")] });
    expect(await rejection(store.getMany(keys))).toMatchObject({ failures: [{ key: "c", index: 2 }] });
    expect(sent).toEqual(["abcd", "bd", "b"]);
  });

  it("repeat writes only that were not applied", async () => {
    const { sent, store } = batching({ a: [refused(), refused()], b: [lost()], c: [refused()] });
    const error = await rejection(store.putMany(keys.map((key) => ({ key, value: key }))));
    expect(error).toMatchObject({ failures: [{ key: "b", error: { outcome: "unknown" } }] });
    expect(sent).toEqual(["abcd", "ac", "a"]);
    sent.length = 0;
    expect(await store.getMany(keys)).toEqual(["a", undefined, "c", "d"]);
    expect(await store.deleteMany(keys)).toBe(3);
  });

  it("have the attempts of one call, those that fail as a whole included", async () => {
    const always = new Array<KeyValueError>(9).fill(refused());
    const { sent, store } = batching({ b: always }, [refused(), refused()]);
    expect(await rejection(store.deleteMany(keys))).toMatchObject({
      failures: [{ key: "b", error: { outcome: "not-applied" } }],
    });
    expect(sent).toEqual(["abcd", "abcd", "abcd", "b"]);
  });

  it("that fail as a whole do so by that very error", async () => {
    const { sent, store } = batching({}, [refused(), lost()]);
    expect(await rejection(store.deleteMany(keys))).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
    expect(sent).toEqual(["abcd", "abcd"]);
  });

  it("tell a part that fails as a whole later for each of its records", async () => {
    const { store } = batching({ b: [lost()], d: [lost()] }, [
      undefined as unknown as KeyValueError,
      new StorageFullError("full"),
    ]);
    const error = await rejection(store.getMany(keys));
    expect(error).toMatchObject({
      failures: [
        { key: "b", error: { code: "STORAGE_FULL", key: "b" } },
        { key: "d", error: { code: "STORAGE_FULL", key: "d" } },
      ],
    });
  });

  it("of a driver without batches are repeated one by one", async () => {
    const { sent, plain, store } = scripted({ get: ["lost", "done"] });
    await plain.put("a", 1);
    expect(await store.getMany(["a", "b"])).toEqual([1, undefined]);
    expect(sent).toEqual(["get", "get", "get"]);
  });
});

describe("a swap that may have been applied", () => {
  it("is settled by its own revision", async () => {
    const { sent, plain, store } = scripted({ swap: ["lost", "done"] });
    const revision = await store.putIfAbsent("a", 1);
    expect(revision).toBeDefined();
    expect((await plain.getEntry("a"))?.revision).toBe(revision);
    expect(sent).toEqual(["swap", "get"]);
  });

  it("counts once", async () => {
    const { sent, plain, store } = scripted({ swap: ["lost", "lost before", "done", "lost", "done"] }, { attempts: 3 });
    expect(await store.increment("n")).toBe(1);
    expect(await store.increment("n")).toBe(2);
    expect(await store.increment("n")).toBe(3);
    expect(await plain.get("n")).toBe(3);
    expect(sent.filter((one) => one === "swap")).toHaveLength(4);
  });

  it("is repeated where what it expects is still there", async () => {
    const { sent, plain, store } = scripted({ swap: ["lost before", "done"] });
    await plain.put("a", 1);
    const before = await plain.getEntry("a");
    const revision = await store.compareAndSwap("a", before?.revision ?? fail(), 2);
    expect((await plain.getEntry("a"))?.revision).toBe(revision);
    expect(sent).toEqual(["swap", "get", "swap"]);
    const deleting = scripted({ swap: ["lost before", "done"] });
    await deleting.plain.put("a", 1);
    const entry = await deleting.plain.getEntry("a");
    expect(await deleting.store.compareAndDelete("a", entry?.revision ?? fail())).toBe(true);
    expect(deleting.sent).toEqual(["swap", "get", "swap"]);
  });

  it("is told as unknown where another record, or none, is there", async () => {
    const { plain, sent, store } = scripted({ swap: [() => {}, "lost before"] });
    await store.putIfAbsent("a", 1);
    expect(await rejection(store.putIfAbsent("b", 1))).toMatchObject({ outcome: "unknown" });
    const entry = await plain.getEntry("a");
    await plain.put("a", 2);
    expect(await rejection(store.compareAndSwap("a", entry?.revision ?? fail(), 3))).toMatchObject({
      outcome: "unknown",
    });
    expect(await rejection(store.compareAndDelete("none", entry?.revision ?? fail()))).toMatchObject({
      outcome: "unknown",
    });
    expect(sent).toEqual(["swap", "swap", "get", "swap", "get", "swap", "get"]);
  });

  it("stays unknown where the lookup fails, whatever that says of itself", async () => {
    const { store } = scripted({ swap: ["lost"], get: ["refused"] });
    expect(await rejection(store.putIfAbsent("a", 1))).toMatchObject({ message: "lost", outcome: "unknown" });
    const full = scripted({ swap: ["lost"], get: [new StorageFullError("full")] });
    expect(await rejection(full.store.putIfAbsent("a", 1))).toMatchObject({ message: "lost", outcome: "unknown" });
  });

  it("stays unknown where a repetition was not applied: the first may come yet", async () => {
    const { plain, store } = scripted({ swap: ["lost before", "refused"] });
    await plain.put("a", 1);
    const entry = await plain.getEntry("a");
    expect(await rejection(store.compareAndSwap("a", entry?.revision ?? fail(), 2))).toMatchObject({
      outcome: "unknown",
    });
  });

  it("stays unknown where a repetition meets another record: that may have come after ours", async () => {
    const inner = new CompleteDriver();
    const plain = createStore(inner);
    let swaps = 0;
    const driver: Driver = forward(inner, {
      swap: async (id, expected, next) => {
        if (swaps++ === 0) throw lost();
        // Between the lookup and the repetition the first request arrives, and then another writer.
        inner.swap(id, expected, next);
        await plain.put(id.key, "another");
        return inner.swap(id, expected, next);
      },
    });
    await plain.put("n", 1);
    const store = createStore({ ...driver, capabilities: inner.capabilities }).with(retry({ baseDelay: 1 }));
    expect(await rejection(store.increment("n"))).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
    expect(swaps).toBe(2);
  });

  it("that is certainly not applied is repeated without a lookup, within the attempts of one call", async () => {
    const { sent, store } = scripted({ swap: ["refused"] });
    expect(await rejection(store.putIfAbsent("a", 1))).toMatchObject({ outcome: "not-applied" });
    expect(sent).toEqual(["swap", "swap", "swap", "swap"]);
    const mixed = scripted({ swap: ["refused", "lost before", "refused"] }, { attempts: 5 });
    await mixed.plain.put("a", 1);
    const entry = await mixed.plain.getEntry("a");
    await rejection(mixed.store.compareAndSwap("a", entry?.revision ?? fail(), 2));
    expect(mixed.sent.filter((one) => one === "swap")).toHaveLength(5);
  });

  it("that lost to another writer is an answer, not a failure", async () => {
    const { sent, plain, store } = scripted({});
    await plain.put("a", 1);
    expect(await store.putIfAbsent("a", 2)).toBeUndefined();
    expect(sent).toEqual(["swap"]);
  });
});

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

function fail(): never {
  throw new Error("there ought to be a record");
}
