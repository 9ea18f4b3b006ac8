/** A line for each exchange with the backend. */
import type { RecordId } from "../driver/driver.ts";
import { around, defineLayer, type Layer, type Subject } from "../driver/layer.ts";
import { observed } from "../driver/observe.ts";
import { type ErrorCode, InvalidArgumentError, type KeyValueError, type Outcome } from "../errors.ts";
import { timeoutOf } from "../record.ts";
import { collectionOf, failuresIn, foundIn } from "./answers.ts";
import { callHook, checkOptions, flagOf, shareOf } from "./options.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** `console`, a pino logger, or anything else with these methods. */
export type Logger = { readonly [level in LogLevel]: (...parameters: never[]) => unknown };

export interface LoggingOptions {
  readonly logger: Logger;
  /** Of what succeeds. What is slow is a `warn`, what fails an `error`. Default: `"debug"`. */
  readonly level?: LogLevel;
  /** What takes longer is slow: milliseconds, or a duration. Default: nothing is. */
  readonly slowerThan?: number | string;
  /**
   * The share, from 0 to 1, that is logged of what neither fails nor is slow, which always is. Default: 1; with
   * `slowerThan` 0, so that only the slow and the failed ones are.
   */
  readonly sample?: number;
  /** Whether lines have keys, which may be secrets: a session, a token. Default: false. */
  readonly keys?: boolean;
}

/** One exchange, as a pino logger is given it under `kv`; other loggers get the same as text. */
export interface LogRecord {
  /** The backend. */
  readonly store: string;
  readonly operation: string;
  readonly collection?: string | undefined;
  readonly key?: string | undefined;
  /** Of a batch. */
  readonly keys?: readonly string[] | undefined;
  readonly size?: number | undefined;
  /** Whether there was a record; of a batch how many there were. */
  readonly hit?: boolean | number | undefined;
  /** Milliseconds. */
  readonly duration: number;
  readonly slow?: true | undefined;
  readonly error?: ErrorCode | undefined;
  readonly outcome?: Outcome | undefined;
  /** How many records of a batch failed, the others being done. */
  readonly failed?: number | undefined;
}

/** Longer names are cut. */
const LONGEST_NAME = 200;

/**
 * Logs each exchange in one line: what, how long, hit or miss, the error's code. Never values, secrets or messages of the
 * backend; collections always, keys only where asked for. What the logger throws is ignored.
 * @throws InvalidArgumentError
 */
export function logging(options: LoggingOptions): Layer {
  checkOptions(options, "logging");
  const { logger, level = "debug" } = options;
  const keys = flagOf(options.keys ?? false, "keys");
  if (!LEVELS.includes(level)) throw new InvalidArgumentError(`level must be one of ${LEVELS.join(", ")}`);
  const lacking = [level, "warn" as const, "error" as const].find((one) => typeof logger?.[one] !== "function");
  if (lacking) throw new InvalidArgumentError(`the logger must have a method "${lacking}"`);
  const slowerThan = options.slowerThan === undefined ? Number.POSITIVE_INFINITY : timeoutOf(options.slowerThan);
  const sample = shareOf(options.sample ?? (options.slowerThan === undefined ? 1 : 0), "sample");
  const structured = isPino(logger);

  function write(severity: LogLevel, record: LogRecord): void {
    const line = `kv ${record.operation}`;
    const parameters = structured ? [{ kv: record }, line] : [textOf(record)];
    callHook(() => Reflect.apply(logger[severity], logger, parameters));
  }

  return defineLayer("logging", (inner) => {
    const { name: store, capabilities } = inner;

    function log(subject: Subject, duration: number, error: KeyValueError | undefined, answer: unknown): void {
      const failures = failuresIn(answer);
      // A caller that gives up is no fault of the backend's.
      const failed = (error !== undefined && error.code !== "ABORTED") || failures.length > 0;
      const slow = duration > slowerThan;
      if (!failed && !slow && !(sample === 1 || Math.random() < sample)) return;
      const record = {
        store,
        ...namesOf(subject, keys),
        ...(!error && foundOf(subject, answer, capabilities)),
        duration: Math.round(duration * 1000) / 1000,
        ...(slow && { slow }),
        ...(error && { error: error.code, ...(error.outcome && { outcome: error.outcome }) }),
        ...(failures.length > 0 && { error: failures[0], failed: failures.length }),
      };
      write(failed ? "error" : slow ? "warn" : level, record);
    }

    return around(inner, (subject, call, exchange) => {
      const began = performance.now();
      return observed(call, exchange, (error, answer) => log(subject, performance.now() - began, error, answer));
    });
  });
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** A pino logger takes an object first, others take it last or not at all. */
function isPino(logger: object): boolean {
  return "bindings" in logger && typeof logger.bindings === "function";
}

function namesOf(
  subject: Subject,
  keys: boolean,
): Pick<LogRecord, "operation" | "collection" | "key" | "keys" | "size"> {
  const { operation, id, ids } = subject;
  const collection = collectionOf(subject);
  return {
    operation,
    ...(collection !== undefined && { collection: cut(collection) }),
    ...(keys && id && { key: cut(id.key) }),
    ...(ids && { size: ids.length }),
    ...(keys && ids && { keys: ids.map(({ key }: RecordId) => cut(key)) }),
  };
}

function foundOf(
  subject: Subject,
  answer: unknown,
  capabilities: Parameters<typeof foundIn>[2],
): Pick<LogRecord, "hit"> | undefined {
  const { hits, misses } = foundIn(subject, answer, capabilities);
  if (hits + misses === 0) return undefined;
  return { hit: subject.ids ? hits : hits === 1 };
}

function cut(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME).toWellFormed()}…`;
}

/** As logfmt has it: `kv operation=get collection="users" hit=true duration=0.42`. */
function textOf(record: LogRecord): string {
  const parts = Object.entries(record).map(([name, value]) => {
    const quoted = name === "collection" || name === "key" || name === "keys";
    return `${name}=${quoted ? onOneLine(value) : value}`;
  });
  return ["kv", ...parts].join(" ");
}

/** Names are anybody's: none may begin a line of its own, or tell a terminal what to do. */
function onOneLine(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
