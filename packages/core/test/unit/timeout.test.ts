// Timeout: a bound on each exchange, errors of ours with the right outcome, and an end to what the client still does.

import { createStore, InvalidArgumentError, TimeoutError } from "@kv/core";
import { type Call, type Driver, forward } from "@kv/core/driver";
import { concurrencyLimit, retry, timeout } from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { Held, rejection, settled } from "./held-driver.ts";

const all = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;
const over = (driver: Driver) => createStore({ ...driver, capabilities: all }, { timeout: "1m" });
const never = () => new Promise<never>(() => {});

it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, "soon", undefined, null, 2 ** 31])(
  "is refused of %s",
  (given) => {
    expect(() => timeout(given as number)).toThrow(InvalidArgumentError);
  },
);

describe("an exchange that takes longer", () => {
  it("rejects with an error of the library's, retryable (in Python it is asyncio's own)", async () => {
    const held = new Held();
    const error = await rejection(over(held.driver).with(timeout("10ms")).get("a"));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: "TIMEOUT", retryable: true, operation: "get", key: "a" });
    expect(error).not.toHaveProperty("outcome");
  });

  it.each([
    ["put", (store: ReturnType<typeof over>) => store.put("a", 1)],
    ["putIfAbsent", (store: ReturnType<typeof over>) => store.putIfAbsent("a", 1)],
    ["clear", (store: ReturnType<typeof over>) => store.collection().clear()],
  ])("leaves it open what became of a %s that was sent", async (_, write) => {
    const held = new Held();
    const store = over(held.driver).with(timeout(10));
    expect(await rejection(write(store))).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
    expect(held.exchanges).toHaveLength(1);
  });

  it("says that a write was not applied that was never sent, so that retry repeats it", async () => {
    let opens = 0;
    const inner = new CompleteDriver();
    const connecting: Driver = {
      ...forward(inner, {}),
      open: () => (opens++ === 0 ? new Promise((resolve) => setTimeout(resolve, 60)) : undefined),
    };
    const store = over(connecting);
    expect(await rejection(store.with(timeout(10)).put("a", 1))).toMatchObject({
      code: "TIMEOUT",
      outcome: "not-applied",
    });
    await store.ping();
    // And it is not sent any more, now that there is a connection.
    expect(inner.get({ collection: "default_collection", key: "a" })).toBeUndefined();
  });

  it("is no more waited for, by the client neither: its signal and its call end", async () => {
    const seen: { call?: Call; reason?: unknown; told?: unknown } = {};
    const driver = forward(new CompleteDriver(), {
      get: (_, call) => {
        seen.call = call;
        call.signal.addEventListener("abort", () => {
          seen.reason = call.signal.reason;
        });
        call.onCancel?.((error) => {
          seen.told = error;
        });
        return never();
      },
    });
    const error = await rejection(over(driver).with(timeout(10)).get("a"));
    expect(seen.call?.ended).toBe(true);
    expect(seen.reason).toBe(error);
    expect(seen.told).toBe(error);
    expect(seen.call?.signal.aborted).toBe(true);
  });

  it("does no harm by what comes of it later", async () => {
    for (const late of ["proceed", "fail"] as const) {
      const held = new Held();
      const call = rejection(over(held.driver).with(timeout(5)).get("a"));
      const exchange = await held.next();
      expect(await call).toMatchObject({ code: "TIMEOUT" });
      exchange[late](new Error("late"));
      await settled();
    }
  });
});

describe("an exchange in time", () => {
  it("answers, fails and is ended by its caller as without", async () => {
    const held = new Held();
    const store = over(held.driver).with(timeout("1m"));
    const answer = store.get("a");
    (await held.next()).proceed();
    expect(await answer).toBeUndefined();
    const failed = rejection(store.get("a"));
    (await held.next()).fail(new Error("broken"));
    expect(await failed).toMatchObject({ code: "BACKEND_FAILURE" });
    const controller = new AbortController();
    const ended = rejection(store.get("a", { signal: controller.signal }));
    const exchange = await held.next();
    const { signal } = exchange.call;
    controller.abort("no longer needed");
    expect(await ended).toMatchObject({ code: "ABORTED", cause: "no longer needed" });
    expect([signal.aborted, exchange.call.ended]).toEqual([true, true]);
  });

  it("that is answered at once makes no promise and asks for no clock", () => {
    const inner = new CompleteDriver();
    const outer = timeout(1000).apply(inner);
    const call = { ended: false, markSent() {} } as unknown as Call;
    expect(outer.get({ collection: "c", key: "a" }, call)).toBeUndefined();
  });
});

it("never lengthens the call's own timeout", async () => {
  const held = new Held();
  const store = over(held.driver).with(timeout("1m"));
  const call = rejection(store.get("a", { timeout: 20 }));
  const { deadline } = (await held.next()).call;
  expect(deadline).toBeLessThan(performance.now() + 20);
  expect(await call).toMatchObject({ code: "TIMEOUT", message: "no answer within 20 ms" });
});

it("bounds each attempt of retry, so that one that hangs leaves time for another", async () => {
  const inner = new CompleteDriver();
  let gets = 0;
  const driver = forward(inner, { get: (id) => (gets++ === 0 ? never() : inner.get(id)) });
  const store = over(driver)
    .with(timeout(10))
    .with(retry({ baseDelay: 1 }));
  expect(await store.get("a")).toBeUndefined();
  expect(gets).toBe(2);
});

it("does not go around retry, through other layers neither", () => {
  const store = over(forward(new CompleteDriver(), {}));
  const wrong = () =>
    store
      .with(retry())
      .with(concurrencyLimit({ max: 1 }))
      .with(timeout(10));
  expect(wrong).toThrow(InvalidArgumentError);
  expect(wrong).toThrow(
    "timeout must not lie outside retry, since it would bound all attempts together: put timeout on first, then retry",
  );
});

it("bounds each page of an enumeration, not the loop", async () => {
  const driver = forward(new CompleteDriver(), {
    list: async (_scope, { cursor }) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      const page = Number(cursor ?? 0);
      return { items: [{ key: `key ${page}` }], next: page < 9 ? page + 1 : undefined };
    },
  });
  const keys: string[] = [];
  for await (const key of over(driver).with(timeout(250)).collection().keys()) keys.push(key);
  expect(keys).toHaveLength(10);
});
