// The circuit breaker: what opens it and what does not, what passes in each state, and how it closes again.

import {
  AccessDeniedError,
  CorruptRecordError,
  createStore,
  InvalidArgumentError,
  type KeyValueError,
  StorageFullError,
  StoreUnavailableError,
  TimeoutError,
} from "@kv/core";
import { forward } from "@kv/core/driver";
import { type CircuitBreakerOptions, type CircuitEvent, circuitBreaker, retry } from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { Held, rejection, settled } from "./held-driver.ts";

const all = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;
const outage = () => new StoreUnavailableError("down");

/** A store whose gets do as the test says, and its breaker. */
function broken(options: CircuitBreakerOptions = {}) {
  const inner = new CompleteDriver();
  const state: { get: () => unknown; sent: number } = { get: () => undefined, sent: 0 };
  const driver = forward(inner, {
    get: (() => {
      state.sent++;
      return state.get();
    }) as never,
  });
  const events: CircuitEvent[] = [];
  const breaker = circuitBreaker({
    minCalls: 4,
    openFor: "1h",
    onStateChange: (event) => events.push(event),
    ...options,
  });
  const store = createStore({ ...driver, capabilities: all }, { timeout: "1m" }).with(breaker);
  const fails = (error: () => unknown) => {
    state.get = () => {
      throw error();
    };
  };
  const works = () => {
    state.get = () => undefined;
  };
  const calls = async (count: number) => {
    const codes: (string | undefined)[] = [];
    for (let index = 0; index < count; index++) {
      codes.push(
        await store.get("a").then(
          () => undefined,
          (error: KeyValueError) => error.code,
        ),
      );
    }
    return codes;
  };
  return { state, events, breaker, store, fails, works, calls };
}

const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

it.each<CircuitBreakerOptions>([
  { window: 0 },
  { window: "soon" },
  { minCalls: 0 },
  { minCalls: 2.5 },
  { failureRate: 0 },
  { failureRate: 50 },
  { failureRate: -0.5 },
  { failureRate: Number.NaN },
  { slowRate: 1.01 },
  { slowerThan: -1 },
  { openFor: 0 },
  { probes: 0 },
  { onStateChange: "log" as never },
])("is refused of %j", (options) => {
  expect(() => circuitBreaker(options)).toThrow(InvalidArgumentError);
});

describe("closed", () => {
  it("lets everything pass, and opens when the share of outages is too large", async () => {
    const { state, events, breaker, fails, calls } = broken();
    await calls(4);
    fails(outage);
    await calls(3);
    expect([breaker.state, events]).toEqual(["closed", []]);
    await calls(1);
    expect(breaker.state).toBe("open");
    expect(events).toEqual([{ state: "open", previous: "closed", reason: "failures" }]);
    expect(state.sent).toBe(8);
  });

  it("does not open before there were enough exchanges", async () => {
    const { breaker, fails, calls } = broken({ minCalls: 10 });
    fails(outage);
    await calls(9);
    expect(breaker.state).toBe("closed");
    await calls(1);
    expect(breaker.state).toBe("open");
  });

  it.each([
    ["CORRUPT_RECORD", () => new CorruptRecordError("broken")],
    ["STORAGE_FULL", () => new StorageFullError("full")],
    ["ACCESS_DENIED", () => new AccessDeniedError("no")],
    ["BACKEND_FAILURE", () => new TypeError("a fault in a program")],
  ])("is not opened by %s, which says nothing of the backend's health", async (code, error) => {
    const { breaker, fails, calls } = broken();
    fails(error);
    expect(await calls(50)).toEqual(new Array(50).fill(code));
    expect(breaker.state).toBe("closed");
  });

  it("is opened by timeouts, also those of the store where the driver hangs, but not by callers that give up", async () => {
    const { state, breaker, store, fails, calls } = broken();
    state.get = () => new Promise(() => {});
    for (let index = 0; index < 8; index++) {
      const controller = new AbortController();
      const ended = rejection(store.get("a", { signal: controller.signal }));
      controller.abort();
      expect(await ended).toMatchObject({ code: "ABORTED" });
    }
    expect(breaker.state).toBe("closed");
    for (let index = 0; index < 4; index++) await rejection(store.get("a", { timeout: 2 }));
    expect(breaker.state).toBe("open");
    const other = broken();
    other.fails(() => new TimeoutError("late"));
    await other.calls(4);
    expect(other.breaker.state).toBe("open");
    fails(outage);
    expect(await calls(1)).toEqual(["UNAVAILABLE"]);
  });

  it("is opened by slow exchanges where asked for, whatever comes of them", async () => {
    const { state, events, breaker, calls } = broken({ slowerThan: 5, slowRate: 1 });
    state.get = () => later(10);
    await calls(4);
    expect(breaker.state).toBe("open");
    expect(events).toMatchObject([{ reason: "slow-calls" }]);
    const patient = broken();
    patient.state.get = () => later(10);
    await patient.calls(4);
    expect(patient.breaker.state).toBe("closed");
  });

  it("forgets what is older than the window", async () => {
    const { breaker, fails, calls } = broken({ window: 60, minCalls: 4 });
    fails(outage);
    await calls(3);
    await later(80);
    await calls(3);
    expect(breaker.state).toBe("closed");
  });

  it("counts a batch by what became of most of its records", async () => {
    const inner = new CompleteDriver();
    let failing = 2;
    const driver = forward(inner, { getMany: (ids) => ids.map((_, at) => (at < failing ? outage() : undefined)) });
    const breaker = circuitBreaker({ minCalls: 4, openFor: "1h" });
    const store = createStore({ ...driver, capabilities: all }).with(breaker);
    for (let index = 0; index < 8; index++) await rejection(store.getMany([..."abcde"]));
    expect(breaker.state).toBe("closed");
    failing = 3;
    for (let index = 0; index < 8; index++) await rejection(store.getMany([..."abcde"]));
    expect(breaker.state).toBe("open");
  });
});

describe("open", () => {
  it("fails every call at once, and none was sent", async () => {
    const { state, store, fails, calls } = broken();
    fails(outage);
    await calls(4);
    expect(await rejection(store.put("a", 1))).toMatchObject({
      code: "UNAVAILABLE",
      outcome: "not-applied",
      retryable: true,
      message: "the circuit breaker is open",
    });
    expect(await calls(3)).toEqual(["UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE"]);
    expect(state.sent).toBe(4);
  });

  it("is told by an answer that comes late from before nothing new", async () => {
    const held = new Held();
    const breaker = circuitBreaker({ minCalls: 2, openFor: 1, probes: 1 });
    const store = createStore({ ...held.driver, capabilities: all }, { timeout: "1m" }).with(breaker);
    const calls = ["a", "b", "c", "d"].map((key) => store.get(key).catch((error) => error.code));
    const exchanges = await Promise.all([held.next(), held.next(), held.next(), held.next()]);
    for (const one of exchanges.slice(0, 2)) one.fail(outage());
    await settled();
    expect(breaker.state).toBe("open");
    await later(5);
    const probe = store.get("probe");
    expect(breaker.state).toBe("half-open");
    exchanges[2]?.fail(outage());
    exchanges[3]?.proceed();
    await settled();
    expect(breaker.state).toBe("half-open");
    (await held.next()).proceed();
    expect(await probe).toBeUndefined();
    expect(breaker.state).toBe("closed");
    expect(await Promise.all(calls)).toEqual(["UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE", undefined]);
  });
});

describe("half open", () => {
  it("lets so many probes through, and closes when all have succeeded", async () => {
    const { state, events, breaker, store, fails, calls } = broken({ openFor: 5, probes: 2 });
    fails(outage);
    await calls(4);
    await later(10);
    let answer: () => void = () => {};
    state.get = () =>
      new Promise<void>((resolve) => {
        answer = resolve;
      });
    const first = store.get("a");
    const answerFirst = answer;
    const second = store.get("a");
    expect(breaker.state).toBe("half-open");
    expect(await rejection(store.get("a"))).toMatchObject({
      code: "UNAVAILABLE",
      message: "the circuit breaker is open",
    });
    answerFirst();
    await first;
    expect(breaker.state).toBe("half-open");
    expect(await rejection(store.get("a"))).toMatchObject({ message: "the circuit breaker is open" });
    answer();
    await second;
    expect(breaker.state).toBe("closed");
    expect(events.map((event) => event.state)).toEqual(["open", "half-open", "closed"]);
    expect(state.sent).toBe(6);
  });

  it("opens again by one probe that fails", async () => {
    const { events, breaker, fails, calls } = broken({ openFor: 5 });
    fails(outage);
    await calls(4);
    await later(10);
    await calls(1);
    expect(breaker.state).toBe("open");
    expect(events.at(-1)).toEqual({ state: "open", previous: "half-open", reason: "failed-probe" });
  });

  it("is closed by an error that only a living backend gives", async () => {
    const { breaker, fails, calls } = broken({ openFor: 5, probes: 1 });
    fails(outage);
    await calls(4);
    await later(10);
    fails(() => new CorruptRecordError("broken"));
    expect(await calls(1)).toEqual(["CORRUPT_RECORD"]);
    expect(breaker.state).toBe("closed");
  });

  it("takes another probe for one that its caller gave up, and opens by one that hangs", async () => {
    const { state, breaker, store, fails, calls } = broken({ openFor: 5, probes: 1 });
    fails(outage);
    await calls(4);
    await later(10);
    state.get = () => new Promise(() => {});
    const controller = new AbortController();
    const ended = rejection(store.get("a", { signal: controller.signal }));
    controller.abort();
    expect(await ended).toMatchObject({ code: "ABORTED" });
    expect(breaker.state).toBe("half-open");
    expect(await rejection(store.get("a", { timeout: 2 }))).toMatchObject({ code: "TIMEOUT" });
    expect(breaker.state).toBe("open");
  });

  it("begins to count anew when it has closed", async () => {
    const { breaker, fails, works, calls } = broken({ openFor: 5, probes: 1 });
    fails(outage);
    await calls(4);
    await later(10);
    works();
    await calls(1);
    fails(outage);
    await calls(3);
    expect(breaker.state).toBe("closed");
    await calls(1);
    expect(breaker.state).toBe("open");
  });
});

it("a hook that throws, or rejects, harms nothing", async () => {
  for (const onStateChange of [
    () => {
      throw new Error("broken hook");
    },
    () => Promise.reject(new Error("broken hook")),
  ]) {
    const { breaker, fails, calls } = broken({ onStateChange });
    fails(outage);
    expect(await calls(5)).toEqual(new Array(5).fill("UNAVAILABLE"));
    expect(breaker.state).toBe("open");
  }
  await settled();
});

it("opens for all stores that it is put on, and lets retry wait until it closes", async () => {
  const { breaker, fails, calls } = broken({ openFor: 20, probes: 1 });
  const other = createStore(new CompleteDriver())
    .with(breaker)
    .with(retry({ attempts: 50, baseDelay: 10, maxDelay: 10 }));
  fails(outage);
  await calls(4);
  expect(breaker.state).toBe("open");
  expect(await other.get("a")).toBeUndefined();
  expect(breaker.state).toBe("closed");
});
