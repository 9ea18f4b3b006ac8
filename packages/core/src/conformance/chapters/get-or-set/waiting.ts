/** Chapter "get-or-set": factories that take their time, values that go stale, and waiting for both. */
import type { CallOptions } from "../../../call.ts";
import type { Collection } from "../../../store.ts";
import { ok } from "../../assertions.ts";
import { until } from "../../support.ts";

/** Time enough for whatever a call waits for on purpose. */
export const patient: CallOptions = { timeout: "10s" };

/** A promise, and what settles it. */
export function gate<T>() {
  let open: (value: T) => void = () => {};
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Until a call has come as far as to open a gate; rejects where it fails before, since then it never will. */
export function openedBy<T>(opened: Promise<T>, call: Promise<unknown>): Promise<T> {
  return Promise.race([opened, call.then(() => opened)]);
}

/** Looks again and again, since what it waits for happens beside any call. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await condition())) {
    ok(performance.now() < end, `${what}, within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The error of a call that rejects with what is no error of the store's. */
export async function thrownBy(run: () => Promise<unknown>, what: string): Promise<unknown> {
  let answer: unknown;
  try {
    answer = await run();
  } catch (error) {
    return error;
  }
  ok(false, `${what} rejects, and does not give ${String(answer)}`);
}

/** Stores a value that goes stale, and waits until it has. */
export async function makeStale(c: Collection<"write">, key: string, value: string, ttl: number): Promise<void> {
  await c.getOrSet(key, () => value, { ttl: ttl / 1000, staleFor: "10m" });
  await until(Date.now() + ttl + 1);
}
