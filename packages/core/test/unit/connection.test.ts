// A driver's life: opened once for all, again after a failure or a loss, closed after what is in flight.

import {
  createStore,
  KeyValueError,
  StoreClosedError,
  type StoreEvent,
  StoreUnavailableError,
  TimeoutError,
} from "@kv/core";
import {
  around,
  type Call,
  type Driver,
  defineLayer,
  forward,
  type RecordId,
  type Report,
  type StoredRecord,
} from "@kv/core/driver";
import { retry } from "@kv/core/wrappers";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { Held, rejection, settled } from "./held-driver.ts";

const all = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;

/** A driver that is opened as the test says, and counts. */
class OpenedDriver extends CompleteDriver implements Driver {
  ready = false;
  opens = 0;
  closes = 0;
  readonly sent: string[] = [];
  report: Report | undefined;
  /** What each attempt waits for; the last one stays. */
  readonly attempts: ((call: Call) => Promise<void>)[];

  constructor(...attempts: ((call: Call) => Promise<void>)[]) {
    super();
    this.attempts = attempts;
  }
  async open(call: Call, report: Report): Promise<void> {
    this.report = report;
    const attempt = this.attempts[Math.min(this.opens++, this.attempts.length - 1)];
    await attempt?.(call);
    this.ready = true;
  }
  close(): void {
    this.closes++;
  }
  override get(id: RecordId): StoredRecord | undefined {
    this.sent.push(`get ${id.key}`);
    return super.get(id);
  }
  override put(id: RecordId, record: StoredRecord): void {
    this.sent.push(`put ${id.key}`);
    super.put(id, record);
  }
}

it("opens nothing before the first operation", async () => {
  const driver = new OpenedDriver();
  const store = createStore(driver);
  store.collection("c").keys();
  await settled();
  expect(driver.opens).toBe(0);
  await store.get("a");
  expect(driver.opens).toBe(1);
});

it("opens once for fifty calls, all of which work, in the order of their coming", async () => {
  let open: () => void = () => {};
  const driver = new OpenedDriver(() => new Promise((resolve) => (open = resolve)));
  const store = createStore(driver);
  const calls = Array.from({ length: 50 }, (_, index) => store.put(`key ${index}`, index));
  await settled();
  expect(driver.sent).toEqual([]);
  open();
  await Promise.all(calls);
  expect(driver.opens).toBe(1);
  expect(driver.sent).toEqual(calls.map((_, index) => `put key ${index}`));
});

it("sends a value as it was when it was put, whatever the caller does to it while the call waits", async () => {
  let open: () => void = () => {};
  const driver = new OpenedDriver(() => new Promise((resolve) => (open = resolve)));
  const store = createStore(driver);
  const value = { list: [1] };
  const put = store.put("a", value);
  value.list.push(2);
  open();
  await put;
  expect(await store.get("a")).toEqual({ list: [1] });
});

it("opens again after a failure, and gives each waiting call an error of its own", async () => {
  const refused = new StoreUnavailableError("refused", { cause: "ECONNREFUSED" });
  const driver = new OpenedDriver(
    () => Promise.reject(refused),
    () => Promise.resolve(),
  );
  const store = createStore(driver);
  const errors = await Promise.all(
    ["a", "b", "c"].map((key, index) => rejection(index === 2 ? store.get(key) : store.put(key, 1))),
  );
  expect(driver.opens).toBe(1);
  expect(new Set(errors).size).toBe(3);
  expect(errors[0]).toMatchObject({ operation: "put", key: "a", outcome: "not-applied", cause: "ECONNREFUSED" });
  expect(errors[1]).toMatchObject({ operation: "put", key: "b", outcome: "not-applied", message: "refused" });
  expect(errors[2]).toMatchObject({ operation: "get", key: "c", code: "UNAVAILABLE" });
  expect(errors[2]).not.toHaveProperty("outcome");
  expect(refused.key).toBeUndefined();
  await store.put("a", 1);
  expect(driver.opens).toBe(2);
});

it("knows of a write that a layer held back that it was not sent, also where nothing has to be opened", async () => {
  const inner = new CompleteDriver();
  const slow = forward(inner, { put: () => new Promise<never>(() => {}) });
  const store = createStore({ ...slow, capabilities: inner.capabilities });
  const held = store.with(defineLayer("held", (below) => around(below, () => new Promise<never>(() => {}))));
  const passed = store.with(defineLayer("passed", (below) => around(below, (_, call, exchange) => exchange(call))));
  expect(await rejection(held.put("a", 1, { timeout: 5 }))).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
  expect(await rejection(passed.put("a", 1, { timeout: 5 }))).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
});

it("tells the layers that nothing was sent, so that retry repeats a write", async () => {
  const driver = new OpenedDriver(
    () => Promise.reject(new StoreUnavailableError("refused")),
    () => Promise.resolve(),
  );
  const store = createStore(driver).with(retry({ baseDelay: 1 }));
  await store.put("a", 1);
  expect([driver.opens, driver.sent]).toEqual([2, ["put a"]]);
});

it("takes an open that throws at once, or what is no error of a store, for a failure", async () => {
  const driver: Driver = Object.assign(new CompleteDriver(), {
    open() {
      throw new TypeError("no such option");
    },
  });
  expect(await rejection(createStore(driver).get("a"))).toMatchObject({ code: "BACKEND_FAILURE", operation: "get" });
});

it("opens again once the driver says that it is not ready", async () => {
  const driver = new OpenedDriver();
  const store = createStore(driver);
  await store.put("a", 1);
  driver.ready = false;
  expect(await Promise.all([store.get("a"), store.has("a")])).toEqual([1, true]);
  expect(driver.opens).toBe(2);
});

it("does not send what ended before it was open, and says so", async () => {
  let open: () => void = () => {};
  const driver = new OpenedDriver(() => new Promise((resolve) => (open = resolve)));
  const store = createStore(driver, { timeout: "10m" });
  const controller = new AbortController();
  const timedOut = rejection(store.put("timed out", 1, { timeout: 20 }));
  const aborted = rejection(store.put("aborted", 1, { signal: controller.signal }));
  const waiting = store.put("waiting", 1);
  controller.abort();
  expect(await timedOut).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
  expect(await aborted).toMatchObject({ code: "ABORTED", outcome: "not-applied" });
  open();
  await waiting;
  await settled();
  expect(driver.sent).toEqual(["put waiting"]);
});

it("bounds an attempt by its own timeout, and begins no second one before the first has ended", async () => {
  let fail: (error: Error) => void = () => {};
  let seen: Call | undefined;
  const driver = new OpenedDriver(
    (call) => {
      seen = call;
      call.signal.addEventListener("abort", () => {});
      return new Promise((_, reject) => (fail = reject));
    },
    () => Promise.resolve(),
  );
  const store = createStore(driver, { timeout: 50 });
  expect(await rejection(store.get("a"))).toBeInstanceOf(TimeoutError);
  expect(await rejection(store.get("b"))).toBeInstanceOf(TimeoutError);
  expect(seen?.signal.aborted).toBe(true);
  expect(driver.opens).toBe(1);
  // Who joins an attempt that is out of time has time left for the next one.
  const next = store.get("c", { timeout: "10m" });
  fail(new Error("given up"));
  expect(await next).toBeUndefined();
  expect(driver.opens).toBe(2);
});

it("shares one connection among collections and layers; closing any closes all", async () => {
  const driver = new OpenedDriver();
  const store = createStore(driver);
  const layered = store.with({ name: "plain", needs: [], withdraws: [], apply: (inner) => inner });
  await Promise.all([store.get("a"), store.collection("c").get("a"), layered.get("a")]);
  expect(driver.opens).toBe(1);
  await layered.close();
  for (const call of [
    store.get("a"),
    store.put("a", 1),
    store.putMany([{ key: "a", value: 1 }]),
    store.getMany(["a"]),
    store.update("a", () => 1),
    store.collection("c").keys().next(),
    store.clearAll(),
    store.cull(),
    store.ping(),
  ]) {
    expect(await rejection(call)).toBeInstanceOf(StoreClosedError);
  }
  expect(driver.closes).toBe(1);
});

it("closes after what is in flight has settled, once, however often it is asked", async () => {
  const held = new Held();
  let closes = 0;
  const store = createStore({ ...held.driver, capabilities: all, close: () => void closes++ }, { timeout: "10m" });
  const calls = [store.put("a", 1), store.get("a"), rejection(store.get("b"))];
  const closed = Promise.all([store.close(), store.close(), store[Symbol.asyncDispose]()]);
  expect(await rejection(store.get("late"))).toBeInstanceOf(StoreClosedError);
  for (const exchange of held.exchanges) {
    await settled();
    expect(closes).toBe(0);
    if (exchange.id?.key === "b") exchange.fail(new Error("broken"));
    else exchange.proceed();
  }
  await closed;
  await Promise.all(calls);
  expect(closes).toBe(1);
  await store.close();
  expect(closes).toBe(1);
});

it("closes while a server hangs, at the deadline of what is in flight", async () => {
  const held = new Held();
  const store = createStore(held.driver, { timeout: 50 });
  const call = rejection(store.get("a"));
  await store.close();
  expect(await call).toBeInstanceOf(TimeoutError);
});

it("closes without ever having opened", async () => {
  const driver = new OpenedDriver();
  await createStore(driver).close();
  expect([driver.opens, driver.closes]).toEqual([0, 1]);
});

it("rejects by an error of its own where closing fails", async () => {
  const driver: Driver = Object.assign(new CompleteDriver(), { close: () => Promise.reject(new Error("busy")) });
  const error = await rejection(createStore(driver).close());
  expect(error).toBeInstanceOf(KeyValueError);
  expect(error).toMatchObject({ code: "BACKEND_FAILURE", operation: "close", cause: expect.any(Error) });
});

it("hands what happens beside the calls to onEvent, whose faults do not reach the driver", async () => {
  const events: StoreEvent[] = [];
  const driver = new OpenedDriver();
  const store = createStore(driver, { onEvent: (event) => void events.push(event) });
  await store.get("a");
  driver.report?.({ type: "connection-lost", error: "reset" });
  expect(events).toEqual([{ type: "connection-lost", error: "reset" }]);

  const faulty = new OpenedDriver();
  const hook = createStore(faulty, {
    onEvent: () => {
      throw new Error("in the hook");
    },
  });
  await hook.get("a");
  expect(() => faulty.report?.({ type: "connected" })).not.toThrow();
});

it("opens again and again for a driver that is never ready, but not for calls that have ended", async () => {
  let opens = 0;
  const driver: Driver = Object.assign(new CompleteDriver(), {
    ready: false,
    async open() {
      opens++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
  });
  const store = createStore(driver, { timeout: 50 });
  expect(await rejection(store.get("a"))).toBeInstanceOf(TimeoutError);
  await store.close();
  // An attempt may have been under way.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const before = opens;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(opens).toBe(before);
});

it("ends calls at their deadline where a driver opens at once and is never ready", async () => {
  const driver: Driver = Object.assign(new CompleteDriver(), { ready: false, open: () => {} });
  const store = createStore(driver, { timeout: 50 });
  expect(await rejection(store.get("a"))).toBeInstanceOf(TimeoutError);
  await store.close();
});
