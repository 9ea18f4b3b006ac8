// Concurrency: never more than so many at a time, in the order of their coming, and nothing that waits is ever sent late.

import { createStore, InvalidArgumentError } from "@kv/core";
import { type Driver, forward } from "@kv/core/driver";
import { type ConcurrencyLimitOptions, concurrencyLimit, timeout } from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { Held, rejection, settled } from "./held-driver.ts";

const all = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;
const over = (driver: Driver, options: ConcurrencyLimitOptions) =>
  createStore({ ...driver, capabilities: all }, { timeout: "1m" }).with(concurrencyLimit(options));

it.each([
  { max: 0 },
  { max: -1 },
  { max: 1.5 },
  { max: Number.NaN },
  { max: "2" as never },
  { max: 1, maxQueued: -1 },
  { max: 1, maxQueued: 0.5 },
])("is refused of %j", (options) => {
  expect(() => concurrencyLimit(options)).toThrow(InvalidArgumentError);
});

it("lets so many through at a time, and the others one after the other in the order of their coming", async () => {
  const held = new Held();
  const store = over(held.driver, { max: 2 });
  const done: string[] = [];
  const calls = [..."abcdef"].map((key) => store.put(key, 1).then(() => done.push(key)));
  await settled();
  expect(held.exchanges.map(({ id }) => id?.key)).toEqual(["a", "b"]);
  for (let sent = 3; sent <= 6; sent++) {
    (await held.next()).proceed();
    await settled();
    expect(held.exchanges).toHaveLength(sent);
  }
  for (let left = 2; left > 0; left--) (await held.next()).proceed();
  await Promise.all(calls);
  expect(done.join("")).toBe("abcdef");
});

it("gives a place free that an exchange leaves by failing, with a promise or without", async () => {
  let fails = 0;
  const inner = new CompleteDriver();
  const driver = forward(inner, {
    get: (id) => {
      if (id.key === "throws") throw new Error(`${++fails}`);
      if (id.key === "rejects") return Promise.reject(new Error(`${++fails}`));
      return Promise.resolve(inner.get(id));
    },
  });
  const store = over(driver, { max: 1 });
  const calls = ["rejects", "throws", "a", "throws", "rejects", "b"].map((key) =>
    store.get(key).catch((error) => error.code),
  );
  const failed = "BACKEND_FAILURE";
  expect(await Promise.all(calls)).toEqual([failed, failed, undefined, failed, failed, undefined]);
});

describe("what waits for its turn", () => {
  it("leaves at its deadline or by its signal, was not sent, and never is", async () => {
    const held = new Held();
    const store = over(held.driver, { max: 1 });
    const first = store.put("a", 1);
    const controller = new AbortController();
    const late = rejection(store.put("b", 1, { timeout: 10 }));
    const ended = rejection(store.put("c", 1, { signal: controller.signal }));
    const stays = store.put("d", 1);
    controller.abort();
    expect(await late).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
    expect(await ended).toMatchObject({ code: "ABORTED", outcome: "not-applied" });
    for (const _ of ["a", "d"]) (await held.next()).proceed();
    await Promise.all([first, stays]);
    expect(held.exchanges.map(({ id }) => id?.key)).toEqual(["a", "d"]);
  });

  it("leaves by the timeout around it, too", async () => {
    const held = new Held();
    const store = over(held.driver, { max: 1 });
    const first = store.put("a", 1);
    expect(await rejection(store.with(timeout(10)).put("b", 1))).toMatchObject({
      code: "TIMEOUT",
      outcome: "not-applied",
    });
    (await held.next()).proceed();
    await first;
    await settled();
    expect(held.exchanges).toHaveLength(1);
  });

  it("is no more than allowed: the rest fails at once, may be repeated, and was not sent", async () => {
    const held = new Held();
    const store = over(held.driver, { max: 1, maxQueued: 1 });
    const calls = [store.put("a", 1), store.put("b", 1)];
    expect(await rejection(store.put("c", 1))).toMatchObject({
      code: "UNAVAILABLE",
      outcome: "not-applied",
      retryable: true,
    });
    for (const _ of calls) (await held.next()).proceed();
    await Promise.all(calls);
  });

  it("and has left no longer counts as waiting", async () => {
    const held = new Held();
    const store = over(held.driver, { max: 1, maxQueued: 1 });
    const first = store.get("a");
    expect(await rejection(store.get("b", { timeout: 5 }))).toMatchObject({ code: "TIMEOUT" });
    const third = store.get("c");
    for (const _ of [first, third]) (await held.next()).proceed();
    expect(await Promise.all([first, third])).toEqual([undefined, undefined]);
  });

  it("may be nothing at all", async () => {
    const store = over(new Held().driver, { max: 1, maxQueued: 0 });
    const first = rejection(store.get("a", { timeout: 20 }));
    expect(await rejection(store.get("b"))).toMatchObject({ code: "UNAVAILABLE" });
    expect(await first).toMatchObject({ code: "TIMEOUT" });
  });
});

it("a backend that hangs does not keep its place for ever", async () => {
  const inner = new CompleteDriver();
  let hangs = true;
  const driver = forward(inner, { get: (id) => (hangs ? new Promise(() => {}) : Promise.resolve(inner.get(id))) });
  const store = over(driver, { max: 1 });
  expect(await rejection(store.get("a", { timeout: 10 }))).toMatchObject({ code: "TIMEOUT" });
  hangs = false;
  expect(await store.get("a")).toBeUndefined();
});

it("bounds several stores together", async () => {
  const held = new Held();
  const layer = concurrencyLimit({ max: 1 });
  const base = createStore({ ...held.driver, capabilities: all });
  const other = createStore({ ...held.driver, capabilities: all });
  const calls = [base.with(layer).get("a"), other.with(layer).get("b")];
  await settled();
  expect(held.exchanges).toHaveLength(1);
  for (const _ of calls) (await held.next()).proceed();
  await Promise.all(calls);
});
