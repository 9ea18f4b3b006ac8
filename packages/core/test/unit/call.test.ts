// Deadlines, cancellation and what an error says of its call, on a driver whose answers the test gives.

import { execFile } from "node:child_process";
import { getEventListeners } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  AbortedError,
  BackendError,
  createStore,
  InvalidArgumentError,
  KeyValueError,
  StoreUnavailableError,
  TimeoutError,
} from "@kv/core";
import { around } from "@kv/core/driver";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { Held, rejection, settled } from "./held-driver.ts";

/** A store over a complete driver that answers when the test says. */
function heldStore(timeout: number | string) {
  const held = new Held(new CompleteDriver());
  const capabilities = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;
  return { held, store: createStore({ ...held.driver, capabilities }, { timeout }) };
}

describe("deadlines", () => {
  it("end calls that have no answer, in the order of their beginning, and no others", async () => {
    const { held, store } = heldStore(200);
    const ended: number[] = [];
    const begun = performance.now();
    const calls = Array.from({ length: 30 }, async (_, index) => {
      try {
        await store.get(`key ${index}`);
      } catch (error) {
        expect(error).toBeInstanceOf(TimeoutError);
        expect(performance.now() - begun).toBeGreaterThanOrEqual(200);
        ended.push(index);
      }
    });
    // Answered at the beginning, in the middle, at the end and in a row of the queue.
    const answered = [0, 1, 7, 14, 15, 16, 29];
    for (const index of answered) held.exchanges[index]?.proceed();
    await Promise.all(calls);
    expect(ended).toEqual([...Array(30).keys()].filter((index) => !answered.includes(index)));
  });

  it("count for each call from its own beginning", async () => {
    const { store } = heldStore(300);
    const first = rejection(store.get("first"));
    // The second call begins when the first is about half done.
    await rejection(store.get("timer", { timeout: 150 }));
    const begun = performance.now();
    const second = rejection(store.get("second"));
    await first;
    await second;
    expect(performance.now() - begun).toBeGreaterThanOrEqual(300);
  });

  it("still end calls after a while in which none was waiting", async () => {
    const { held, store } = heldStore(100);
    for (let round = 0; round < 3; round++) {
      const answered = store.get("a");
      (await held.next()).proceed();
      await answered;
      expect(await rejection(store.get("b"))).toBeInstanceOf(TimeoutError);
      await held.next();
    }
  });

  it("may be given with a call, shorter or longer than the store's", async () => {
    const { held, store } = heldStore(100);
    const begun = performance.now();
    const long = store.get("long", { timeout: "1h" });
    const short = await rejection(store.get("short", { timeout: 20 }));
    expect(performance.now() - begun).toBeGreaterThanOrEqual(19);
    expect(short).toMatchObject({ code: "TIMEOUT", message: "no answer within 20 ms", retryable: true, key: "short" });
    expect(await rejection(store.get("default"))).toMatchObject({ message: "no answer within 100 ms" });
    held.exchanges[0]?.proceed();
    expect(await long).toBeUndefined();
  });

  it.each([0, -1, Number.NaN, "1", "soon", 2 ** 31])("are refused where they are none: %s", async (timeout) => {
    const { held, store } = heldStore(100);
    const error = await rejection(store.put("key", 1, { timeout }));
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ operation: "put", key: "key", outcome: "not-applied" });
    expect(() => createStore(new CompleteDriver(), { timeout })).toThrow(InvalidArgumentError);
    expect(held.exchanges).toHaveLength(0);
  });

  it("tell the driver: its signal is aborted, its call has ended", async () => {
    const { held, store } = heldStore(50);
    const before = performance.now();
    const call = rejection(store.get("key"));
    const { call: seen } = await held.next();
    expect(seen.deadline).toBeGreaterThanOrEqual(before + 50);
    expect(seen.deadline).toBeLessThanOrEqual(performance.now() + 50);
    expect([seen.signal.aborted, seen.ended]).toEqual([false, false]);
    const error = await call;
    expect([seen.signal.aborted, seen.ended]).toEqual([true, true]);
    expect(seen.signal.reason).toBe(error);
    // Asked for too late, the signal is aborted from the first.
    const late = rejection(store.get("late"));
    const { call: unseen } = await held.next();
    await late;
    expect(unseen.signal.aborted).toBe(true);
  });

  it("drop answers that come later, values and errors", async () => {
    const { held, store } = heldStore(30);
    const calls = [
      rejection(store.get("value")),
      rejection(store.get("error")),
      rejection(store.update("both", () => 1)),
    ];
    const errors = await Promise.all(calls);
    expect(errors.map((error) => (error as KeyValueError).code)).toEqual(["TIMEOUT", "TIMEOUT", "TIMEOUT"]);
    held.exchanges[0]?.proceed();
    held.exchanges[1]?.fail(new Error("late"));
    held.exchanges[2]?.proceed();
    await settled();
    // Nothing new was begun for who no longer waits.
    expect(held.exchanges).toHaveLength(3);
  });

  it("end the sending of a write whose schema took too long to check", async () => {
    const { held, store } = heldStore(50);
    let check: (value: unknown) => void = () => {};
    const slow = z.string().refine(() => new Promise((resolve) => (check = resolve)));
    const error = await rejection(store.collection("c", { schema: slow }).put("key", "value"));
    expect(error).toBeInstanceOf(TimeoutError);
    check(true);
    await settled();
    await settled();
    expect(held.exchanges).toHaveLength(0);
  });

  it("end the sending of a change that took too long to compute", async () => {
    const { held, store } = heldStore(50);
    let change: (value: number) => void = () => {};
    const update = rejection(store.update("key", () => new Promise<number>((resolve) => (change = resolve))));
    (await held.next()).proceed();
    expect(await update).toMatchObject({ code: "TIMEOUT" });
    change(1);
    await settled();
    expect(held.exchanges.map(({ operation }) => operation)).toEqual(["get"]);
  });

  it("keep no process alive once its calls have settled", async () => {
    const child = fileURLToPath(new URL("../children/settle-and-exit.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=@kv/source", "--import", "tsx", child],
      // The deadlines in the child are ten minutes away.
      { timeout: 60_000 },
    );
    expect(stdout).toBe("answered\nABORTED\nTIMEOUT\nABORTED\nclosed\n");
  }, 90_000);
});

describe("signals", () => {
  it("end a call with their reason, and leave no listener behind", async () => {
    const { held, store } = heldStore("1m");
    const controller = new AbortController();
    const call = rejection(store.put("key", 1, { signal: controller.signal }));
    const answered = store.get("key", { signal: controller.signal });
    const { call: seen } = await held.next();
    (await held.next()).proceed();
    await answered;
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    controller.abort("no longer needed");
    expect(await call).toBeInstanceOf(AbortedError);
    expect(await call).toMatchObject({ cause: "no longer needed", retryable: false, outcome: "unknown" });
    expect(seen.signal.aborted).toBe(true);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  it("may be shared by any number of calls, at the cost of one listener while there are some", async () => {
    const { held, store } = heldStore("1m");
    const controller = new AbortController();
    const { signal } = controller;
    for (let round = 0; round < 3; round++) {
      const calls = Array.from({ length: 20 }, (_, index) => store.get(`key ${index}`, { signal }));
      expect(getEventListeners(signal, "abort")).toHaveLength(1);
      for (let index = 0; index < 20; index++) (await held.next()).proceed();
      await Promise.all(calls);
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
    }
    const last = Array.from({ length: 20 }, () => rejection(store.get("a", { signal })));
    controller.abort();
    for (const error of await Promise.all(last)) expect(error).toBeInstanceOf(AbortedError);
  });

  it("that are aborted already let nothing be sent", async () => {
    const { held, store } = heldStore("1m");
    const signal = AbortSignal.abort();
    for (const call of [
      store.put("key", 1, { signal }),
      store.deleteMany(["key"], { signal }),
      store.increment("key", 1, { signal }),
      store.collection("c").clear({ signal }),
    ]) {
      expect(await rejection(call)).toMatchObject({ code: "ABORTED", outcome: "not-applied" });
    }
    expect(await rejection(store.get("key", { signal }))).not.toHaveProperty("outcome");
    expect(held.exchanges).toHaveLength(0);
  });

  it("end an enumeration between two records", async () => {
    const store = createStore(new CompleteDriver());
    await store.putMany(["a", "b", "c"].map((key) => ({ key, value: 1 })));
    const controller = new AbortController();
    const seen: string[] = [];
    const loop = async () => {
      for await (const key of store.collection().keys({ signal: controller.signal })) {
        seen.push(key);
        controller.abort();
      }
    };
    expect(await rejection(loop())).toMatchObject({ code: "ABORTED", operation: "keys" });
    expect(seen).toEqual(["a"]);
  });
});

describe("errors", () => {
  /** A store whose every exchange fails by this error. */
  function failing(error: unknown) {
    const capabilities = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;
    const driver = around(new CompleteDriver(), () => Promise.reject(error));
    return createStore({ ...driver, capabilities });
  }

  it("name the call, and what became of a write", async () => {
    const store = failing(new StoreUnavailableError("broken"));
    const users = store.collection("users");
    expect(await rejection(users.put("ada", 1))).toMatchObject({
      operation: "put",
      collection: "users",
      key: "ada",
      outcome: "unknown",
      retryable: true,
    });
    const read = await rejection(users.get("ada"));
    expect(read).toMatchObject({ operation: "get", collection: "users", key: "ada" });
    expect(read).not.toHaveProperty("outcome");
    const known = failing(new StoreUnavailableError("refused", { outcome: "not-applied" }));
    expect(await rejection(known.delete("ada"))).toMatchObject({ operation: "delete", outcome: "not-applied" });
  });

  it("are each call's own, also where the driver throws one object", async () => {
    const error = new StoreUnavailableError("broken", { cause: "socket" });
    const store = failing(error);
    const [first, second] = await Promise.all([rejection(store.get("a")), rejection(store.put("b", 1))]);
    expect(first).toMatchObject({ operation: "get", key: "a", cause: "socket", message: "broken" });
    expect(second).toMatchObject({ operation: "put", key: "b", cause: "socket", message: "broken" });
    expect(second).toBeInstanceOf(StoreUnavailableError);
    expect((second as Error).name).toBe("StoreUnavailableError");
    expect((second as Error).stack).toContain("broken");
  });

  it.each([[new Error("raw")], ["a text"], [undefined], [null]])("wrap what the driver gives else: %s", async (raw) => {
    for (const call of [
      failing(raw).get("a"),
      failing(raw).getMany(["a", "b"]),
      failing(raw).collection().keys().next(),
    ]) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(KeyValueError);
      const inner = (error as KeyValueError).code === "BATCH_FAILED" ? (error as { cause: unknown }).cause : error;
      expect(inner).toBeInstanceOf(BackendError);
      expect(inner).toHaveProperty("cause", raw);
    }
  });

  it("of every method are rejections, never thrown", async () => {
    const store = failing(new Error("raw"));
    const wrong = undefined as unknown as string;
    const calls: (() => Promise<unknown>)[] = [
      () => store.get(wrong),
      () => store.has(wrong),
      () => store.getMany(wrong),
      () => store.getEntry(wrong),
      () => store.getEntries([wrong]),
      () => store.put(wrong, 1),
      () => store.putMany(wrong as unknown as []),
      () => store.putMany([wrong as unknown as { key: string; value: number }]),
      () => store.delete(wrong),
      () => store.deleteMany(wrong),
      () => store.putIfAbsent(wrong, 1),
      () => store.take(wrong),
      () => store.compareAndDelete("a", wrong as never),
      () => store.compareAndSwap("a", "" as never, 1),
      () => store.increment("a", wrong as unknown as number, { timeout: wrong }),
      () => store.touch("a", wrong as unknown as null),
      () => store.update("a", wrong as unknown as () => number),
      () => store.collections({ prefix: 1 as unknown as string }).next(),
      () => store.collection().keys({ prefix: "\ud800" }).next(),
      () => store.clearAll({ timeout: 0 }),
    ];
    for (const call of calls) expect(await rejection(call()), String(call)).toBeInstanceOf(KeyValueError);
  });

  it("hold no name and no value in their messages", async () => {
    const store = createStore(new CompleteDriver());
    const secret = "s3cret";
    await store.put(secret, secret);
    const errors = [
      await rejection(store.increment(secret)),
      await rejection(store.put(`${secret}\ud800`, 1)),
      await rejection(store.put("a", `${secret}\ud800`)),
      await rejection(store.collection(secret, { schema: z.number() }).put(secret, secret as unknown as number)),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(KeyValueError);
      expect((error as Error).message).not.toContain(secret);
    }
    expect(errors[0]).toMatchObject({ key: secret });
  });
});
