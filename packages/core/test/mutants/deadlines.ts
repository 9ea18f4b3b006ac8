/** Faults in deadlines and cancellation. */
import { BackendError, createStore } from "../../src/index.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";
import { ALL, ANSWERING, bounding, each, failing } from "./methods.ts";
import { type Mutant, mapTarget, remote, replacing, store } from "./mutant.ts";

/** A store whose factory changes the options that it is given. */
function opening(fault: string, caughtBy: readonly string[], change: (options: object) => object): Mutant {
  const data: Data = new Map();
  return { fault, caughtBy, target: () => mapTarget((options) => createStore(new MapDriver(data), change(options))) };
}

export const deadlines: readonly Mutant[] = [
  opening("there is no default timeout", ["deadlines/default-timeout"], (options) => ({
    timeout: 2 ** 31 - 1,
    ...options,
  })),
  opening("the store's timeout is not passed on", ["deadlines/timeout-of-the-store"], () => ({})),
  opening("the store's timeout is fifty times what was asked for", ["deadlines/timeout-of-the-store"], (options) =>
    "timeout" in options ? { ...options, timeout: 50 * Number(options.timeout) } : options,
  ),
  store(
    "the timeout of a call is ignored",
    ["deadlines/timeout-of-a-call"],
    bounding(ALL, (options) => ({ ...options, timeout: undefined })),
  ),
  store(
    "the timeout of one operation is ignored",
    ["deadlines/timeout-of-a-call"],
    bounding(["touch"], (options) => ({ ...options, timeout: undefined })),
  ),
  store(
    "calls end at half their timeout",
    ["deadlines/timeout-of-a-call"],
    bounding(ALL, ({ timeout, ...rest }) => ({
      ...rest,
      timeout: typeof timeout === "number" ? timeout / 2 : timeout,
    })),
  ),
  store("no call may take longer than the store's timeout", ["deadlines/longer-than-the-store"], (given) => {
    const limit = given.with({ name: "limit", needs: [], withdraws: [], apply: (inner) => inner });
    return each(["get"], (original) => (key, options) => {
      const answer = original(key, options) as Promise<unknown>;
      const late = new Promise((_, reject) => setTimeout(() => reject(new BackendError("too long")), 250).unref());
      return Promise.race([answer, late]);
    })(limit);
  }),
  store(
    "a signal is ignored",
    ["deadlines/aborted-before", "deadlines/aborted-meanwhile"],
    bounding(ALL, (options) => ({ ...options, signal: undefined })),
  ),
  store(
    "a signal is looked at only before the call",
    ["deadlines/aborted-meanwhile"],
    bounding(ALL, ({ signal, ...rest }) => ({
      ...rest,
      signal: signal instanceof AbortSignal && !signal.aborted ? undefined : signal,
    })),
  ),
  store(
    "the reason of an abort is lost",
    ["deadlines/aborted-before", "deadlines/aborted-meanwhile"],
    failing(ANSWERING, (error) => {
      if (error.code === "ABORTED") Object.defineProperty(error, "cause", { value: undefined });
      return error;
    }),
  ),
  remote(
    "a call leaves its listener on the signal",
    ["deadlines/signal-without-abort"],
    each(["get"], (original) => (key, options) => {
      const signal: unknown =
        typeof options === "object" && options !== null ? Reflect.get(options, "signal") : undefined;
      if (signal instanceof AbortSignal) signal.addEventListener("abort", () => {});
      return original(key, options);
    }),
  ),
  store(
    "what fails after the deadline is left unhandled",
    ["deadlines/late-answers"],
    each(["get"], (original) => (key, options) => {
      setTimeout(() => void Promise.reject(new Error("nobody listens")), 10);
      return original(key, options);
    }),
  ),
  store(
    "the timeout of an enumeration bounds the loop",
    ["deadlines/timeout-of-an-enumeration"],
    each(
      ["keys"],
      (original) =>
        async function* (options) {
          const timeout: unknown =
            typeof options === "object" && options !== null ? Reflect.get(options, "timeout") : undefined;
          const end = performance.now() + (typeof timeout === "number" ? timeout : 5000);
          for await (const key of original(options) as AsyncIterable<unknown>) {
            if (performance.now() > end) throw new BackendError("too long");
            yield key;
          }
        },
    ),
  ),
  store(
    "the signal of an enumeration bounds only its first page",
    ["deadlines/signal-of-an-enumeration"],
    each(
      ["keys", "entries"],
      (original) =>
        async function* (options) {
          yield* original(
            typeof options === "object" ? { ...options, signal: undefined } : options,
          ) as AsyncIterable<unknown>;
        },
    ),
  ),
  store("a change that hangs keeps its key for ever", ["deadlines/a-hanging-change-frees-its-key"], (given) => {
    let changing = false;
    return replacing({
      update:
        (original) =>
        (key, change, ...rest) =>
          original(
            key,
            async (before: unknown) => {
              changing = true;
              const after = await (change as (value: unknown) => unknown)(before);
              changing = false;
              return after;
            },
            ...rest,
          ),
      increment:
        (original) =>
        async (...all) => {
          const sum = await original(...all);
          if (changing) throw new BackendError("the key is locked");
          return sum;
        },
    })(given);
  }),
  store("after a timeout nothing works any more", ["deadlines/a-timeout-breaks-nothing"], (given) => {
    let broken = false;
    return each(["put"], (original) => async (...all) => {
      if (broken) throw new BackendError("broken");
      try {
        return await original(...all);
      } catch (error) {
        broken = true;
        throw error;
      }
    })(given);
  }),
  store(
    "the digits of a duration are taken for less",
    ["deadlines/timeout-as-duration"],
    bounding(ALL, ({ timeout, ...rest }) => ({
      ...rest,
      timeout: typeof timeout === "string" ? Number.parseFloat(timeout) / 10 : timeout,
    })),
  ),
];
