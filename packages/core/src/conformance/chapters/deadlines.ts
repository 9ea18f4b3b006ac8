/** Deadlines: every call ends, by itself or at its deadline, and says what became of its write. */
import { around, defineLayer, forward, type Layer } from "../../driver/layer.ts";
import { AbortedError, TimeoutError } from "../../errors.ts";
import { deepEqual, equal, ok, rejects } from "../assertions.ts";
import { checkError, operationsOf } from "../operations.ts";
import { type Context, type Property, property } from "../property.ts";
import { underWay } from "../support.ts";
import { quietly } from "../unhandled.ts";

/** Far more than any call with a shorter deadline takes to notice it, and less than the default of 5 s. */
const LATE = 4000;

/** A backend that gets every request, also such as it would not need, and answers none. */
function stalled(onRequest: () => void = () => {}): Layer {
  return defineLayer("stalled", (inner) =>
    around(forward(inner, { ping: () => {}, cull: () => undefined }), () => {
      onRequest();
      return new Promise<never>(() => {});
    }),
  );
}

/** Timers count in whole milliseconds, and may fire that much before `performance.now()` says so. */
function notBefore(began: number, milliseconds: number, what: string): void {
  const elapsed = performance.now() - began;
  ok(elapsed > milliseconds - 2, `${what}: gave up after ${elapsed.toFixed(1)} ms of its ${milliseconds}`);
  ok(elapsed < milliseconds + LATE, `${what}: gave up only after ${elapsed.toFixed(0)} ms instead of ${milliseconds}`);
}

const milliseconds = ({ settings }: Context<never>, count: number): number => count * settings.timeScale;

export const deadlines: readonly Property[] = [
  property({
    id: "deadlines/default-timeout",
    title: "Every call has a deadline, by default 5 s after it began.",
    async run({ store, unique }) {
      const seen: number[] = [];
      const watching = store.with(
        defineLayer("watching", (inner) =>
          around(inner, (_, call, exchange) => {
            seen.push(call.deadline - performance.now());
            return exchange(call);
          }),
        ),
      );
      await watching.collection(unique()).get("a");
      ok(seen.length > 0, "an exchange was seen");
      for (const left of seen)
        ok(left > 3000 && left <= 5000, `a call began with ${left} ms to its deadline, not 5000`);
    },
  }),

  property({
    id: "deadlines/timeout-of-the-store",
    title: "The store's `timeout` is the deadline of each call that gives none.",
    waits: true,
    async run(context) {
      const timeout = milliseconds(context, 120);
      const store = (await context.open({ timeout })).with(stalled());
      const began = performance.now();
      await rejects(() => store.collection(context.unique()).get("a"), TimeoutError, "get without an answer");
      notBefore(began, timeout, "get");
    },
  }),

  property({
    id: "deadlines/timeout-of-a-call",
    title: "`timeout` bounds every operation: it rejects with TimeoutError at its deadline, and not before.",
    waits: true,
    async run(context) {
      const timeout = milliseconds(context, 120);
      const name = context.unique();
      const cases = operationsOf(context.store.with(stalled()), name);
      const began = performance.now();
      await Promise.all(
        cases.map(async (operation) => {
          const error = await rejects(() => operation.run({ timeout }), TimeoutError, operation.name);
          notBefore(began, timeout, operation.name);
          checkError(error, operation);
          deepEqual(error.code, "TIMEOUT", `${operation.name}: code`);
          equal(error.retryable, true, `${operation.name}: retryable`);
        }),
      );
    },
  }),

  property({
    id: "deadlines/timeout-as-duration",
    title: 'A timeout may be a duration, such as "150ms".',
    waits: true,
    async run(context) {
      const store = context.store.with(stalled());
      const began = performance.now();
      await rejects(() => store.get("a", { timeout: "150ms" }), TimeoutError, "get without an answer");
      notBefore(began, 150, "get");
    },
  }),

  property({
    id: "deadlines/longer-than-the-store",
    title: "A call may have a longer deadline than the store.",
    waits: true,
    async run(context) {
      const timeout = milliseconds(context, 100);
      const store = (await context.open({ timeout })).with(stalled());
      const began = performance.now();
      await rejects(() => store.get("a", { timeout: 3 * timeout }), TimeoutError, "get without an answer");
      notBefore(began, 3 * timeout, "get");
    },
  }),

  property({
    id: "deadlines/aborted-before",
    title: "With a signal that is aborted already, every operation rejects with AbortedError and sends nothing.",
    async run({ store, unique }) {
      let requests = 0;
      const name = unique();
      const reason = new Error("enough");
      const signal = AbortSignal.abort(reason);
      for (const operation of operationsOf(store.with(stalled(() => requests++)), name)) {
        const error = await rejects(() => operation.run({ signal }), AbortedError, operation.name, { code: "ABORTED" });
        checkError(error, operation);
        equal(error.cause, reason, `${operation.name}: the error's cause is the signal's reason`);
        equal(error.outcome, operation.writes ? "not-applied" : undefined, `${operation.name}: outcome`);
      }
      equal(requests, 0, "requests sent");
    },
  }),

  property({
    id: "deadlines/aborted-meanwhile",
    title: "A signal that is aborted ends every operation at once, with its reason as the error's cause.",
    async run({ store, unique }) {
      const name = unique();
      const reason = new Error("enough");
      const controller = new AbortController();
      const began = performance.now();
      const calls = operationsOf(store.with(stalled()), name).map(async (operation) => {
        const error = await rejects(() => operation.run({ signal: controller.signal }), AbortedError, operation.name);
        checkError(error, operation);
        equal(error.cause, reason, `${operation.name}: the error's cause is the signal's reason`);
      });
      // By then those are under way, too, that check their input first.
      setImmediate(() => controller.abort(reason));
      await Promise.all(calls);
      ok(performance.now() - began < LATE, "all had ended long before the default timeout");
    },
  }),

  property({
    id: "deadlines/signal-without-abort",
    title:
      "A signal that is never aborted changes nothing; it serves many calls at once, and is left without listeners.",
    needs: ["write"],
    async run({ collection }) {
      const records = collection();
      const { signal } = new AbortController();
      let listeners = 0;
      let most = 0;
      const { addEventListener, removeEventListener } = signal;
      signal.addEventListener = (...all: Parameters<typeof addEventListener>) => {
        most = Math.max(most, ++listeners);
        addEventListener.apply(signal, all);
      };
      signal.removeEventListener = (...all: Parameters<typeof removeEventListener>) => {
        listeners--;
        removeEventListener.apply(signal, all);
      };
      const keys = Array.from({ length: 64 }, (_, at) => `key-${at}`);
      await Promise.all(keys.map((key) => records.put(key, key, { signal })));
      deepEqual(await Promise.all(keys.map((key) => records.get(key, { signal }))), keys, "64 gets after 64 puts");
      equal(listeners, 0, "listeners left on the signal");
      // Node.js warns above ten.
      ok(most <= 10, `the signal had ${most} listeners at a time`);
    },
  }),

  property({
    id: "deadlines/late-answers",
    title: "What the backend says after the deadline is dropped, an error too: nothing is left unhandled.",
    needs: ["write"],
    waits: true,
    async run(context) {
      const timeout = milliseconds(context, 60);
      const answers: ((error: Error) => void)[] = [];
      const store = context.store.with(
        defineLayer("late", (inner) => around(inner, () => new Promise<never>((_, reject) => answers.push(reject)))),
      );
      const records = store.collection(context.unique());
      await quietly(async () => {
        await rejects(() => records.get("a", { timeout }), TimeoutError, "get");
        await rejects(() => records.put("a", 1, { timeout }), TimeoutError, "put");
        await rejects(() => records.getMany(["a", "b"], { timeout }), TimeoutError, "getMany");
        // By hand, since after a stall of the process a timer may come before one that was due earlier.
        for (const answer of answers) answer(new Error("too late"));
      });
    },
  }),

  property({
    id: "deadlines/a-timeout-breaks-nothing",
    title: "After a call that ran into its deadline, the next one works.",
    needs: ["write"],
    waits: true,
    async run(context) {
      const timeout = milliseconds(context, 60);
      let stalls = true;
      const store = context.store.with(
        defineLayer("stalled once", (inner) =>
          around(inner, (_, call, exchange) => (stalls ? new Promise<never>(() => {}) : exchange(call))),
        ),
      );
      const records = store.collection(context.unique());
      await rejects(() => records.put("a", 1, { timeout }), TimeoutError, "put");
      stalls = false;
      await records.put("a", 2);
      equal(await records.get("a"), 2, "get after a put that ran into its deadline and one that did not");
    },
  }),

  property({
    id: "deadlines/a-hanging-change-frees-its-key",
    title: "An update whose function never settles ends at its deadline, and then others have their turn on the key.",
    needs: ["write", "atomic"],
    waits: true,
    async run(context) {
      const timeout = milliseconds(context, 100);
      const records = context.collection();
      await records.put("a", 1);
      const began = performance.now();
      const hanging = rejects(
        () => records.update("a", () => new Promise<undefined>(() => {}), { timeout }),
        TimeoutError,
        "update whose function hangs",
      );
      const next = underWay(records.increment("a", 1));
      await hanging;
      notBefore(began, timeout, "update");
      equal(await next, 2, "increment behind it");
    },
  }),

  property({
    id: "deadlines/timeout-of-an-enumeration",
    title: "The timeout of an enumeration bounds each exchange with the backend, not the loop around it.",
    needs: ["write", "enumerate"],
    waits: true,
    async run(context) {
      const records = context.collection();
      const keys = ["a", "b", "c"];
      await records.putMany(keys.map((key) => ({ key, value: key })));
      // Long enough for each page on a busy machine; the loop takes longer.
      const timeout = milliseconds(context, 1000);
      const seen: string[] = [];
      for await (const key of records.keys({ timeout })) {
        seen.push(key);
        await new Promise((resolve) => setTimeout(resolve, 0.5 * timeout));
      }
      deepEqual(seen.sort(), keys, "keys of a loop that takes longer than the timeout");
    },
  }),

  property({
    id: "deadlines/signal-of-an-enumeration",
    title: "The signal of an enumeration bounds the whole loop.",
    needs: ["write", "enumerate"],
    async run({ collection }) {
      const records = collection();
      await records.putMany(Array.from({ length: 10 }, (_, at) => ({ key: `key-${at}`, value: at })));
      for (const method of ["keys", "entries"] as const) {
        const controller = new AbortController();
        let seen = 0;
        const loop = async (): Promise<void> => {
          for await (const _ of records[method]({ signal: controller.signal })) {
            seen++;
            controller.abort("enough");
          }
        };
        const error = await rejects(loop, AbortedError, `${method} that is aborted in mid-loop`);
        equal(error.cause, "enough", `${method}: the error's cause`);
        equal(seen, 1, `${method}: names seen before the abort`);
      }
    },
  }),
];
