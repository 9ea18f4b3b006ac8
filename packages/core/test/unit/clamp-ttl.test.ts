// Bounds on times to live: by every operation that writes, and none that reads.

import { createStore, type Duration, InvalidArgumentError } from "@kv/core";
import { around, forward, type Operation } from "@kv/core/driver";
import { type ClampTtlOptions, clampTtl } from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";

function clamped(options: ClampTtlOptions) {
  const inner = new CompleteDriver();
  const sent: Operation[] = [];
  const batching = forward(inner, {
    putMany: (requests) =>
      requests.map(({ id, record }) => {
        inner.put(id, record);
        return undefined;
      }),
  });
  const driver = around(batching, ({ operation }, call, exchange) => {
    sent.push(operation);
    return exchange(call);
  });
  const plain = createStore(inner);
  const base = createStore({ ...driver, capabilities: inner.capabilities });
  return { plain, base, sent, store: base.with(clampTtl(options)) };
}
type Store = ReturnType<typeof clamped>["store"];

/** The time to live that a write gives, in seconds; `undefined`: it never expires. The clock goes on meanwhile. */
async function ttlBy(store: Store, write: (store: Store) => Promise<unknown>, key = "a"): Promise<number | undefined> {
  const before = Date.now();
  await write(store);
  const entry = await store.getEntry(key);
  if (entry?.expiresAt === undefined) return undefined;
  const shortest = (entry.expiresAt.getTime() - Date.now()) / 1000;
  const longest = (entry.expiresAt.getTime() - before) / 1000;
  // The given figure is one between: the whole one, since all here are far apart.
  return Math.round(shortest) === Math.round(longest) ? Math.round(longest) : Math.floor(longest);
}

describe("options", () => {
  it.each<[string, ClampTtlOptions]>([
    ["a min above the max (in Python the min wins)", { min: "2h", max: "1h" }],
    ["nothing", {}],
    ["a min of 0", { min: 0 }],
    ["a negative max", { max: -1 }],
    ["a max of NaN", { max: Number.NaN }],
    ["no duration", { missing: "soon" as Duration }],
    ["null", { missing: null as never }],
    ["a min beyond the year 9999", { min: 1e12 }],
  ])("are refused: %s", (_, options) => {
    expect(() => clampTtl(options)).toThrow(InvalidArgumentError);
  });

  it("may have one bound alone, or equal ones", () => {
    for (const options of [{ min: 1 }, { max: 1 }, { missing: 1 }, { min: "60s", max: "1m" }] as const) {
      expect(clampTtl(options).name).toBe("clampTtl");
    }
  });
});

describe("a time to live that is given", () => {
  const { store, sent } = clamped({ min: 100, max: 1000 });

  it.each<[Duration, number]>([
    [1, 100],
    ["99s", 100],
    ["100s", 100],
    ["500s", 500],
    ["1000s", 1000],
    ["30d", 1000],
  ])("of %s becomes %d s by put", async (ttl, expected) => {
    expect(await ttlBy(store, (s) => s.put("a", 1, { ttl }))).toBe(expected);
    expect(await ttlBy(store, (s) => s.put("a", 1, { expiresAt: Date.now() + 500_000 }))).toBe(500);
  });

  it("is the same to a batch, to a swap, to touch and to update", async () => {
    const writes: readonly ((ttl: Duration) => (s: Store) => Promise<unknown>)[] = [
      (ttl) => (s) => s.putMany([{ key: "a", value: 1, ttl }]),
      (ttl) => (s) => s.touch("a", ttl),
      (ttl) => (s) => s.update("a", () => 1, { ttl }),
      (ttl) => async (s) => s.compareAndSwap("a", (await s.getEntry("a"))?.revision as never, 2, { ttl }),
      (ttl) => (s) => s.delete("a").then(() => s.putIfAbsent("a", 1, { ttl })),
      (ttl) => (s) => s.delete("a").then(() => s.increment("a", 1, { ttl })),
    ];
    for (const write of writes) {
      expect(await ttlBy(store, write(1)), String(write)).toBe(100);
      expect(await ttlBy(store, write(500)), String(write)).toBe(500);
      expect(await ttlBy(store, write("9d")), String(write)).toBe(1000);
    }
  });

  it("is kept to the millisecond where it is within the bounds", async () => {
    const expiresAt = Date.now() + 500_001;
    await store.put("a", 1, { expiresAt });
    expect((await store.getEntry("a"))?.expiresAt?.getTime()).toBe(expiresAt);
  });

  it("costs no exchange more", async () => {
    sent.length = 0;
    await store.put("a", 1, { ttl: 1 });
    await store.touch("a", 500);
    expect(sent).toEqual(["put", "get", "swap"]);
  });
});

describe("a record without one", () => {
  it("gets the missing one, within the bounds (in Python unclamped)", async () => {
    for (const [missing, expected] of [
      [1, 100],
      [500, 500],
      ["9d", 1000],
    ] as const) {
      const { store } = clamped({ min: 100, max: 1000, missing });
      expect(await ttlBy(store, (s) => s.put("a", 1))).toBe(expected);
      expect(await ttlBy(store, (s) => s.touch("a", null))).toBe(expected);
      expect(await ttlBy(store, (s) => s.increment("n"), "n")).toBe(expected);
    }
  });

  it("lives no longer than the max (in Python for ever), and for ever where there is none", async () => {
    expect(await ttlBy(clamped({ max: 1000 }).store, (s) => s.put("a", 1))).toBe(1000);
    expect(await ttlBy(clamped({ max: 1000 }).store, (s) => s.putMany([{ key: "a", value: 1 }]))).toBe(1000);
    expect(await ttlBy(clamped({ min: 100 }).store, (s) => s.put("a", 1))).toBeUndefined();
    expect(await ttlBy(clamped({ missing: 100 }).store, (s) => s.put("a", 1, { ttl: 7 }))).toBe(7);
  });
});

describe("an expiry that a write keeps", () => {
  it("is not lengthened, so that what is written often ends all the same", async () => {
    const { base, store, sent } = clamped({ min: 100, max: 1000 });
    await base.put("a", 1, { ttl: 7 });
    const before = (await base.getEntry("a"))?.expiresAt;
    expect(before).toBeDefined();
    sent.length = 0;
    await store.increment("a");
    // Near its end it takes one look more to tell a kept expiry from a new one.
    expect(sent).toEqual(["get", "get", "swap"]);
    await store.update("a", () => 5, { keepTtl: true });
    expect((await base.getEntry("a"))?.expiresAt).toEqual(before);
    expect(await ttlBy(store, (s) => s.touch("a", 6))).toBe(100);
  });

  it("is cut to the max where another program had set it", async () => {
    const { base, store } = clamped({ max: 1000 });
    await base.put("a", 1, { ttl: "1d" });
    expect(await ttlBy(store, (s) => s.increment("a"))).toBe(1000);
    await base.put("b", 1);
    expect(await ttlBy(store, (s) => s.update("b", () => 2, { keepTtl: true }), "b")).toBe(1000);
  });
});

it("leaves reads and deletions as they are", async () => {
  const { base, store } = clamped({ min: 100, max: 1000 });
  await base.put("a", 1, { ttl: "1d" });
  await base.put("b", 1);
  expect((await store.getEntry("a"))?.ttl).toBeGreaterThan(80_000);
  expect((await store.getEntry("b"))?.ttl).toBeUndefined();
  expect(await store.take("a")).toBe(1);
  expect(await store.delete("b")).toBe(true);
});
