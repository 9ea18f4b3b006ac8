// A near store before a far one. Where Python's PassthroughCacheWrapper does otherwise, the test says so.

import { createStore, InvalidArgumentError, KeyValueError, type StoreEvent, StoreUnavailableError } from "@kv/core";
import { around, type Driver, forward, type StoredRecord } from "@kv/core/driver";
import { type CacheOptions, cache, clampTtl } from "@kv/core/wrappers";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { Held, settled } from "./held-driver.ts";

function recorded(inner: Driver) {
  const exchanges: string[] = [];
  const driver = around(inner, ({ operation, id, ids }, call, exchange) => {
    exchanges.push(`${operation} ${id?.key ?? ids?.map(({ key }) => key).join(" ")}`);
    return exchange(call);
  });
  return { driver, exchanges };
}

/** A store of the type of a complete one. */
const storeOver = (driver: Driver) => createStore(driver as CompleteDriver);

/** A store with a near one before it; both as they are, too. */
function stores(options: Partial<CacheOptions> = {}, nearDriver: Driver = new CompleteDriver()) {
  const far = recorded(new CompleteDriver());
  const near = recorded(nearDriver);
  const events: StoreEvent[] = [];
  const plain = storeOver(far.driver);
  const nearStore = storeOver(near.driver);
  const onEvent = (event: StoreEvent): void => void events.push(event);
  const store = plain.with(cache(nearStore, { ttl: "1h", onEvent, ...options }));
  const took = (run: { readonly exchanges: string[] }) => run.exchanges.splice(0);
  return { store, plain, nearStore, events, far: () => took(far), near: () => took(near) };
}

it("reads what it has read before from the near store, its times and revision too", async () => {
  const { store, plain, far } = stores();
  await plain.put("a", { n: 1 }, { ttl: 600 });
  const first = await store.getEntry("a");
  await settled();
  far();
  expect(await store.get("a")).toEqual({ n: 1 });
  expect(await store.getEntry("a")).toMatchObject({ revision: first?.revision, createdAt: first?.createdAt });
  expect(far()).toEqual([]);
});

it("takes an empty object for a value, as Python's does not", async () => {
  const { store, plain, far } = stores();
  await plain.put("a", {});
  for (const _ of [1, 2]) expect(await store.get("a")).toEqual({});
  expect(far().filter((one) => one === "get a")).toHaveLength(1);
});

it("asks for a batch once near and once far, and keeps what it got by one batch; Python's does one by one", async () => {
  const far = new CompleteDriver();
  const near = new CompleteDriver();
  const batches = (inner: CompleteDriver) =>
    forward(inner, {
      getMany: (ids) => ids.map((id) => inner.get(id)),
      putMany: (requests) => requests.map(({ id, record }) => inner.put(id, record)),
    });
  const [farSeen, nearSeen] = [recorded(batches(far)), recorded(batches(near))];
  const plain = storeOver(farSeen.driver);
  const store = plain.with(cache(storeOver(nearSeen.driver), { ttl: 600 }));
  await plain.putMany(["a", "b", "c"].map((key) => ({ key, value: key })));
  farSeen.exchanges.length = 0;
  expect(await store.getMany(["a", "none", "b"])).toEqual(["a", undefined, "b"]);
  await settled();
  expect(nearSeen.exchanges).toEqual(["getMany a none b", "putMany a b"]);
  expect(farSeen.exchanges).toEqual(["getMany a none b"]);
  expect(await store.getMany(["c", "b", "a"])).toEqual(["c", "b", "a"]);
  expect(farSeen.exchanges).toEqual(["getMany a none b", "getMany c"]);
});

it("keeps no record that was read before a write had ended; Python's deletes first, and then keeps the old one", async () => {
  for (const writes of ["invalidate", "through"] as const) {
    const inner = new CompleteDriver();
    await storeOver(inner).put("a", "old");
    const held = new Held(inner);
    const store = storeOver(held.driver).with(cache(storeOver(new CompleteDriver()), { ttl: 600, writes }));
    const read = store.get("a");
    const reading = await held.next();
    const old = inner.get(reading.id ?? { collection: "", key: "" });
    const written = store.put("a", "new");
    (await held.next()).proceed();
    await written;
    // The answer of the far store, which was on its way all the time.
    reading.answer(old);
    expect(await read).toBe("old");
    await settled();
    const again = store.get("a");
    if (writes === "invalidate") (await held.next()).proceed();
    expect(await again).toBe("new");
  }
});

it("reads nothing near while it is written", async () => {
  const inner = new CompleteDriver();
  const held = new Held(inner);
  const store = storeOver(held.driver).with(cache(storeOver(new CompleteDriver()), { ttl: 600, writes: "through" }));
  const first = store.put("a", "old");
  (await held.next()).proceed();
  await first;
  const second = store.put("a", "new");
  const writing = await held.next();
  const read = store.get("a");
  const reading = await held.next();
  writing.proceed();
  await second;
  reading.proceed();
  expect(await read).toBe("new");
});

// Python's wrapper remembers no misses.
it("forgets a miss when it is written, and remembers one only where told to", async () => {
  const { store, far } = stores({ missTtl: 600 });
  for (const _ of [1, 2]) {
    expect(await store.get("a")).toBeUndefined();
    await settled();
  }
  expect(far()).toEqual(["get a"]);
  await store.put("a", 1);
  expect(await store.get("a")).toBe(1);
  const other = stores();
  for (const _ of [1, 2]) await other.store.get("a");
  expect(other.far()).toEqual(["get a", "get a"]);
});

it("asks the far store where what is read decides about a write, also what near is remembered not to be", async () => {
  const { store, plain } = stores({ missTtl: 600 });
  expect(await store.get("a")).toBeUndefined();
  await settled();
  await plain.put("a", 5);
  expect(await store.get("a")).toBeUndefined();
  expect(await store.update("a", (value) => Number(value) + 1)).toBe(6);
  expect(await store.get("a")).toBe(6);
});

it("reads the far store again after a swap that another process has spoilt", async () => {
  const { store, plain } = stores();
  await store.put("a", 1);
  const entry = await store.getEntry("a");
  await plain.put("a", 2);
  expect(entry && (await store.compareAndSwap("a", entry.revision, 3))).toBeUndefined();
  expect(await store.get("a")).toBe(2);
});

it("keeps nothing longer than ttl, nor longer than the record lives", async () => {
  const { store, nearStore } = stores({ ttl: "1h", writes: "through" });
  await store.put("long", 1);
  await store.put("short", 1, { ttl: 60 });
  expect((await nearStore.getEntry("long"))?.ttl).toBeLessThanOrEqual(3600);
  expect((await nearStore.getEntry("short"))?.ttl).toBeLessThanOrEqual(60);
});

it("loses but the hit where the near store fails, and tells of it", async () => {
  const down = () => {
    throw new StoreUnavailableError("down");
  };
  const { store, events } = stores({}, forward(new CompleteDriver(), { get: down, put: down, delete: down }));
  await store.put("a", 1);
  expect(await store.get("a")).toBe(1);
  expect(await store.getMany(["a", "b"])).toEqual([1, undefined]);
  expect(await store.delete("a")).toBe(true);
  expect(await store.get("a")).toBeUndefined();
  expect(events.length).toBeGreaterThan(4);
  for (const { error } of events) expect(error).toBeInstanceOf(KeyValueError);
});

it("does not wait longer for the near store than it may", async () => {
  const hangs = () => new Promise<StoredRecord | undefined>(() => {});
  const { store } = stores({ timeout: 10 }, forward(new CompleteDriver(), { get: hangs }));
  await store.put("a", 1);
  expect(await store.get("a")).toBe(1);
});

it.each(["delete", "put"] as const)("reads no near record that a failed %s has left there", async (operation) => {
  const inner = new CompleteDriver();
  let down = false;
  const driver = forward(inner, {
    [operation]: (...all: never[]) => {
      if (down) throw new StoreUnavailableError("down");
      return Reflect.apply(inner[operation], inner, all);
    },
  });
  const { store, far } = stores({ writes: operation === "delete" ? "invalidate" : "through" }, driver);
  await store.put("a", "old");
  await store.get("a");
  await settled();
  down = true;
  await store.put("a", "new");
  expect(await store.get("a")).toBe("new");
  down = false;
  // Read once more from the far store, then near again.
  await new Promise((resolve) => setTimeout(resolve, 2));
  await store.get("a");
  await settled();
  far();
  expect(await store.get("a")).toBe("new");
  expect(far()).toEqual([]);
});

it("keeps nothing of a record whose write may yet be done", async () => {
  const inner = new CompleteDriver();
  await storeOver(inner).put("a", "old");
  let lost: (() => void) | undefined;
  const far = forward(inner, {
    put: (id, record) => {
      lost = () => inner.put(id, record);
      throw new StoreUnavailableError("the answer is lost", { outcome: "unknown" });
    },
  });
  const store = storeOver(far).with(cache(storeOver(new CompleteDriver()), { ttl: 600 }));
  await expect(store.put("a", "new")).rejects.toThrow("lost");
  for (const _ of [1, 2]) {
    expect(await store.get("a")).toBe("old");
    await settled();
  }
  lost?.();
  expect(await store.get("a")).toBe("new");
});

it("forgets what was cleared, whatever the near store can do", async () => {
  const { store, plain } = stores({ writes: "through" });
  const users = store.collection("users");
  await users.put("a", 1);
  await store.put("b", 2);
  await users.clear();
  expect(await users.get("a")).toBeUndefined();
  expect(await store.get("b")).toBe(2);
  await store.clearAll();
  expect(await store.get("b")).toBeUndefined();
  expect((await plain.collections().next()).done).toBe(true);
});

it("does not close the near store", async () => {
  const { store, nearStore } = stores();
  await store.close();
  await nearStore.put("a", 1);
  expect(await nearStore.get("a")).toBe(1);
});

it("is refused outside of clampTtl where it writes through, and on a second store", () => {
  const plain = storeOver(new CompleteDriver());
  const near = storeOver(new CompleteDriver());
  const clamped = plain.with(clampTtl({ max: 10 }));
  expect(() => clamped.with(cache(near, { ttl: 1, writes: "through" }))).toThrow(InvalidArgumentError);
  expect(() => clamped.with(cache(near, { ttl: 1 }))).not.toThrow();
  const layer = cache(near, { ttl: 1 });
  plain.with(layer);
  expect(() => clamped.with(layer)).toThrow(InvalidArgumentError);
});

it.each([
  [{}],
  [undefined],
  [{ ttl: 0 }],
  [{ ttl: "soon" }],
  [{ ttl: 1, missTtl: -1 }],
  [{ ttl: 1, writes: "around" }],
  [{ ttl: 1, timeout: 0 }],
  [{ ttl: 1, onEvent: true }],
])("is refused: %j", (options) => {
  expect(() => cache(storeOver(new CompleteDriver()), options as CacheOptions)).toThrow(InvalidArgumentError);
});

it("is refused without a near store", () => {
  expect(() => cache(new CompleteDriver() as never, { ttl: 1 })).toThrow(InvalidArgumentError);
});
