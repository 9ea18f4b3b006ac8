// getOrSet beside what the conformance suite checks: its exchanges, leases of other processes, copies that get lost.

import {
  CorruptRecordError,
  createStore,
  SchemaError,
  type StoreEvent,
  StoreUnavailableError,
  TimeoutError,
} from "@kv/core";
import { around, type Driver, forward } from "@kv/core/driver";
import { cache, clampTtl, defaultValue, limitSize, prefixCollections, readOnly } from "@kv/core/wrappers";
import { expect, it, vi } from "vitest";
import { z } from "zod";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { MinimalDriver } from "../../examples/minimal-driver.ts";
import { rawRecords } from "../support/raw-records.ts";
import { rejection, settled } from "./held-driver.ts";

const COPY = "@kv/get-or-set/copy/a";
const LEASE = "@kv/get-or-set/lease/a";
const stale = { ttl: 600, staleFor: 600 } as const;

/** A driver, and what its exchanges were. */
function recorded(inner: Driver = new CompleteDriver()) {
  const exchanges: string[] = [];
  const driver = around(inner, ({ operation, id }, call, exchange) => {
    exchanges.push(`${operation} ${id?.key}`);
    return exchange(call);
  });
  return { driver, exchanges };
}

function open(driver: Driver, onEvent?: (event: StoreEvent) => void) {
  const store = createStore(driver, { onEvent });
  if (!store.can("write")) throw new TypeError("it must be able to write");
  return store;
}

/** A promise, and what settles it. */
function deferred<T>() {
  let ends: { resolve(value: T): void; reject(error: unknown): void } | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    ends = { resolve, reject };
  });
  if (!ends) throw new TypeError("a promise begins at once");
  return { promise, ...ends };
}

/** A store that holds a stale value under "a", by the clock of this process. */
async function withStale(driver: Driver = new CompleteDriver(), events: StoreEvent[] = []) {
  const store = open(driver, (event) => void events.push(event));
  await rawRecords(store).put(COPY, { value: "old", fresh_until: Date.now() - 1 });
  return store;
}

async function all(keys: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const key of keys) found.push(key);
  return found.sort();
}

const hangs = () => new Promise<string>(() => {});

it("costs one exchange where the value is there", async () => {
  const { driver, exchanges } = recorded();
  const store = open(driver);
  await store.put("a", 1);
  exchanges.length = 0;
  expect(await store.getOrSet("a", () => 2, stale)).toBe(1);
  expect(exchanges).toEqual(["get a"]);
});

it("takes a lease, looks again, stores and gives the lease back where it is not", async () => {
  const { driver, exchanges } = recorded();
  await open(driver).getOrSet("a", () => 1);
  expect(exchanges).toEqual(["get a", `swap ${LEASE}`, "get a", "put a", `swap ${LEASE}`]);
});

it("needs no lease of a store that is not atomic, and stores the copy before the value", async () => {
  const { driver, exchanges } = recorded(new MinimalDriver());
  await open(driver).getOrSet("a", () => 1, stale);
  expect(exchanges).toEqual(["get a", `get ${COPY}`, "get a", `put ${COPY}`, "put a"]);
});

it("is refused by a store that cannot write", async () => {
  const store = createStore(new CompleteDriver()).with(readOnly());
  // @ts-expect-error
  await expect(store.getOrSet("a", () => 1)).rejects.toMatchObject({ code: "UNSUPPORTED", outcome: "not-applied" });
});

it("waits for a lease of another process, and gives what that has stored", async () => {
  const store = createStore(new CompleteDriver());
  await rawRecords(store).put(LEASE, true, 600_000);
  const asked = store.getOrSet("a", () => "mine", { timeout: "1m" });
  await settled();
  await store.put("a", "theirs");
  expect(await asked).toBe("theirs");
  expect(await rawRecords(store).has(LEASE)).toBe(true);
});

it("takes over the lease of a process that has died", async () => {
  const store = createStore(new CompleteDriver());
  await rawRecords(store).put(LEASE, true, 60);
  expect(await store.getOrSet("a", () => "mine", { timeout: "1m" })).toBe("mine");
  expect(await rawRecords(store).has(LEASE)).toBe(false);
});

it("leaves a lease that has become another's", async () => {
  const store = createStore(new CompleteDriver());
  await store.getOrSet("a", async () => {
    await rawRecords(store).put(LEASE, "another's");
    return 1;
  });
  expect(await rawRecords(store).find(LEASE)).toMatchObject({ value: "another's" });
});

it("does not make a stale value anew where another process is at it", async () => {
  const store = await withStale();
  await rawRecords(store).put(LEASE, true, 600_000);
  let calls = 0;
  expect(await store.getOrSet("a", () => `${calls++}`, stale)).toBe("old");
  await store.close();
  expect(calls).toBe(0);
});

it("ends a refresh that hangs by the timeout, tells onEvent, and close() waits no longer", async () => {
  const events: StoreEvent[] = [];
  const store = await withStale(undefined, events);
  expect(await store.getOrSet("a", hangs, { ...stale, timeout: 30 })).toBe("old");
  await store.close();
  expect(events).toEqual([{ type: "background-error", error: expect.any(TimeoutError) }]);
  expect(events[0]?.error).toMatchObject({ operation: "getOrSet", key: "a" });
});

it("stores nothing of a factory that ends when nobody waits any more, and leaves its rejection to nobody", async () => {
  const store = createStore(new CompleteDriver());
  for (const end of ["resolve", "reject"] as const) {
    const { promise, ...ends } = deferred<string>();
    await expect(store.getOrSet("a", () => promise, { timeout: 20 })).rejects.toThrow(TimeoutError);
    ends[end]("late");
    await settled();
    expect(await store.has("a")).toBe(false);
  }
});

it("knows that nothing was written where the factory took too long, and not where the answer to the write is lost", async () => {
  const store = createStore(new CompleteDriver());
  await expect(store.getOrSet("a", hangs, { timeout: 20 })).rejects.toMatchObject({ outcome: "not-applied" });
  const complete = new CompleteDriver();
  const losing = open(
    forward(complete, {
      put: (id, record) => {
        complete.put(id, record);
        return new Promise(() => {});
      },
    }),
  );
  await expect(losing.getOrSet("a", () => 1, { timeout: 20 })).rejects.toMatchObject({
    code: "TIMEOUT",
    outcome: "unknown",
    operation: "getOrSet",
  });
});

it("takes an outage for no miss", async () => {
  let calls = 0;
  const down = new StoreUnavailableError("down");
  const store = open(forward(new CompleteDriver(), { get: () => Promise.reject(down) }));
  await expect(store.getOrSet("a", () => calls++)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    outcome: "not-applied",
  });
  expect(calls).toBe(0);
});

it("gives callers with another schema what that makes of the value", async () => {
  const store = createStore(new CompleteDriver());
  const texts = store.collection("c", { schema: z.string() });
  const numbers = store.collection("c", { schema: z.number() });
  const { promise, resolve } = deferred<string>();
  const text = texts.getOrSet("a", () => promise);
  const number = rejection(numbers.getOrSet("a", () => 1));
  await settled();
  resolve("text");
  expect(await text).toBe("text");
  expect(await number).toBeInstanceOf(SchemaError);
});

it("makes anew what has lost its copy, or has one that cannot be read", async () => {
  const driver = new CompleteDriver();
  const unreadable = forward(driver, {
    get: (id) => {
      if (id.key === COPY) throw new CorruptRecordError("damaged");
      return driver.get(id);
    },
  });
  expect(await (await withStale(unreadable)).getOrSet("a", () => "new", stale)).toBe("new");
  const store = createStore(new CompleteDriver());
  await rawRecords(store).put(COPY, "no copy");
  expect(await store.getOrSet("a", () => "new", stale)).toBe("new");
});

it("takes a value that went before its time for deleted, by whomever", async () => {
  const store = createStore(new CompleteDriver());
  await rawRecords(store).put(COPY, { value: "old", fresh_until: Date.now() + 600_000 });
  expect(await store.getOrSet("a", () => "new", stale)).toBe("new");
});

it("fails a deletion after which the copy may still be there", async () => {
  const inner = new CompleteDriver();
  const driver = forward(inner, {
    delete: (id) => {
      if (id.key === COPY) throw new StoreUnavailableError("down");
      return inner.delete(id);
    },
  });
  const store = open(driver);
  await store.getOrSet("a", () => 1, stale);
  await expect(store.delete("a")).rejects.toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
  await store.put("b", 1);
  await expect(store.deleteMany(["b", "a"])).rejects.toMatchObject({
    failures: [{ key: "a", error: { outcome: "unknown" } }],
  });
});

it("clears copies also under a prefix of keys, and under stores that were layered later", async () => {
  const plain = createStore(new CompleteDriver());
  const outer = plain.collection("app__users");
  await outer.getOrSet("a", () => 1, stale);
  await plain.with(prefixCollections("app")).collection("users").delete("a");
  expect(await rawRecords(plain, "app__users").has(COPY)).toBe(false);
});

it("is the store's own, for its default collection", async () => {
  const store = createStore(new CompleteDriver());
  expect(await store.getOrSet("a", () => "made")).toBe("made");
  expect(await store.collection().get("a")).toBe("made");
});

it("keeps the user's keys apart from its own, however they are called", async () => {
  const store = createStore(new CompleteDriver());
  const keys = ["", "lease", "lease/a", "copy/a", "copy/copy/a", "key/a", "key/key/a", "key/copy/a", "other/a"].map(
    (name) => `@kv/get-or-set/${name}`,
  );
  await store.putMany(keys.map((key, at) => ({ key, value: at })));
  await store.getOrSet("a", () => "made", stale);
  expect(await store.getMany(keys)).toEqual([...keys.keys()]);
  expect(await all(store.collection().keys())).toEqual([...keys, "a"].sort());
  for (const prefix of ["@kv", "@kv/get-or-set/", "@kv/get-or-set/c", "@kv/get-or-set/copy/", "@kv/get-or-set/key/k"]) {
    expect(await all(store.collection().keys({ prefix }))).toEqual(keys.filter((key) => key.startsWith(prefix)).sort());
  }
  for (const key of keys) expect(await store.getOrSet(`${key}/new`, () => key, stale)).toBe(key);
  for (const key of keys) expect(await store.getEntry(key)).toMatchObject({ key });
  const misfits = store.collection(undefined, { schema: z.string() });
  expect(await rejection(misfits.get(keys[3] as string))).toMatchObject({ key: keys[3] });
  expect(await rejection(misfits.getMany(keys))).toMatchObject({ failures: keys.map((key) => ({ key })) });
  expect(await store.deleteMany(keys)).toBe(keys.length);
  expect(await store.get("a")).toBe("made");
});

it("shows nothing that another program has put among its own", async () => {
  const store = createStore(new CompleteDriver());
  for (const key of [COPY, LEASE, "@kv/get-or-set/key/a"]) await rawRecords(store).put(key, 1);
  expect(await all(store.collection().keys())).toEqual([]);
});

it("takes its lease under a limit on the size of values, and refuses what the limit refuses", async () => {
  const driver = new CompleteDriver();
  const store = createStore(driver).with(limitSize({ min: 6, max: 20 }));
  expect(await store.getOrSet("a", () => "made", stale)).toBe("made");
  for (const [value, code] of [
    [1, "INVALID_VALUE"],
    ["x".repeat(40), "VALUE_TOO_LARGE"],
  ] as const) {
    await expect(store.getOrSet("b", () => value, stale)).rejects.toMatchObject({ code, outcome: "not-applied" });
    // Nor is it given later, as a value that has gone stale.
    expect(await rawRecords(store).has("@kv/get-or-set/copy/b")).toBe(false);
  }
});

it("lets its lease end with the call also where times to live have a minimum", async () => {
  const { driver, exchanges } = recorded();
  const store = open(driver).with(clampTtl({ min: "1h", max: "2h" }));
  const leases: (number | undefined)[] = [];
  const made = await store.getOrSet(
    "a",
    async () => {
      leases.push((await rawRecords(store).find(LEASE))?.expiresAt);
      return 1;
    },
    { timeout: "20s", ttl: 1 },
  );
  expect(made).toBe(1);
  expect(exchanges).toContain(`swap ${LEASE}`);
  expect(leases[0]).toBeLessThanOrEqual(Date.now() + 20_000);
  expect((await store.getEntry("a"))?.ttl).toBeGreaterThan(3000);
});

it("makes the value that a default would stand for", async () => {
  const store = createStore(new CompleteDriver()).with(defaultValue("default"));
  expect(await store.getOrSet("a", () => "made")).toBe("made");
  expect(await store.get("a")).toBe("made");
});

it("looks for what another process has made behind a cache that remembers that there was none", async () => {
  const driver = new CompleteDriver();
  const store = createStore(driver).with(cache(createStore(new CompleteDriver()), { ttl: "1h", missTtl: "1h" }));
  const other = createStore(driver);
  expect(await store.get("a")).toBeUndefined();
  await settled();
  await rawRecords(other).put(LEASE, true, 600_000);
  const asked = store.getOrSet("a", () => "mine", { timeout: "1m" });
  await settled();
  await other.put("a", "theirs");
  expect(await asked).toBe("theirs");
});

it("leaves a stale value alone for a while after its factory has failed: a second, then twice as long, up to a minute", async () => {
  const events: StoreEvent[] = [];
  const store = await withStale(undefined, events);
  const now = performance.now.bind(performance);
  let passed = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + passed);
  let calls = 0;
  const ask = async (factory: () => string) => {
    expect(await store.getOrSet("a", factory, stale)).toBe("old");
    // All that the refresh does, does it without waiting for anything.
    await settled();
  };
  const fails = (): string => {
    calls++;
    throw new Error("on purpose");
  };
  try {
    for (const [at, rest] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
      await ask(fails);
      expect(calls).toBe(at + 1);
      passed += rest * 1000 - 900;
      await ask(fails);
      expect(calls).toBe(at + 1);
      passed += 1000;
    }
    expect(events).toHaveLength(8);
  } finally {
    clock.mockRestore();
  }
});
