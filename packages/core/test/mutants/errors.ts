/** Faults in what is refused, and in what errors say. */
import { InvalidNameError } from "../../src/index.ts";
import { ALL, ANSWERING, bounding, each, failing, LISTS, READS, WRITES } from "./methods.ts";
import { type Mutant, store } from "./mutant.ts";

export const errors: readonly Mutant[] = [
  store(
    "a bad key throws instead of rejecting",
    ["names/invalid-keys-are-refused", "errors/never-thrown"],
    each(["get"], (original) => (key, ...rest) => {
      if (typeof key !== "string") throw new InvalidNameError("a key must be a string");
      return original(key, ...rest);
    }),
  ),
  store(
    "a bad timeout is taken for none",
    ["errors/bad-timeout"],
    bounding(ALL, ({ timeout, ...rest }) => ({
      ...rest,
      timeout: typeof timeout === "number" && timeout > 0 ? timeout : undefined,
    })),
  ),
  store(
    "a revision that is none is compared all the same",
    ["errors/bad-atomic-arguments"],
    each(
      ["compareAndSwap"],
      (original) =>
        async (key, revision, ...rest) =>
          typeof revision === "string" ? original(key, revision, ...rest) : undefined,
    ),
  ),
  store(
    "the cause of an error is lost",
    ["errors/backend-errors"],
    failing(ANSWERING, (error) => {
      Object.defineProperty(error, "cause", { value: undefined });
      return error;
    }),
  ),
  store(
    "errors do not say which operation failed",
    ["errors/refused-writes-change-nothing", "deadlines/timeout-of-a-call"],
    failing(WRITES, (error) => {
      delete error.operation;
      return error;
    }),
  ),
  store(
    "failed writes do not say what became of them",
    ["errors/refused-writes-change-nothing", "deadlines/timeout-of-a-call"],
    failing(WRITES, (error) => {
      delete error.outcome;
      return error;
    }),
  ),
  store(
    "failed reads speak of an outcome",
    ["deadlines/timeout-of-a-call"],
    failing(READS, (error) => Object.assign(error, { outcome: "unknown" })),
  ),
  store(
    "a timeout is not worth another try",
    ["deadlines/timeout-of-a-call"],
    failing(ANSWERING, (error) => Object.defineProperty(error, "retryable", { value: false })),
  ),
  store(
    "a refused value is worth another try",
    ["errors/refused-writes-change-nothing"],
    failing(["put"], (error) => Object.defineProperty(error, "retryable", { value: true })),
  ),
  store(
    "messages hold the value",
    ["errors/no-secrets"],
    each(["put"], (original) => async (key, value, ...rest) => {
      try {
        return await original(key, value, ...rest);
      } catch (error) {
        if (error instanceof Error) error.message += `, in ${JSON.stringify(value)}`;
        throw error;
      }
    }),
  ),
  store(
    "messages hold the key",
    ["errors/no-secrets"],
    failing(["increment"], (error) => Object.assign(error, { message: `${error.message}: ${error.key}` })),
  ),
  store(
    "a prefix may be anything",
    ["errors/bad-prefix"],
    each(
      LISTS,
      (original) => (options) =>
        original(
          typeof options === "object" && options !== null && "prefix" in options ? { ...options, prefix: "" } : options,
        ),
    ),
  ),
];
