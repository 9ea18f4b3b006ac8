/** The suite's own assertions, so that it needs no test runner's: each failure says what was expected and what came. */
import { inspect, isDeepStrictEqual } from "node:util";
import type { KeyValueError } from "../errors.ts";

/** A property that does not hold. `expected` and `actual` are named as test runners know them, which then show a diff. */
export class ConformanceError extends Error {
  readonly expected: unknown;
  readonly actual: unknown;
  constructor(message: string, details: { readonly expected?: unknown; readonly actual?: unknown } = {}) {
    super(message);
    this.expected = details.expected;
    this.actual = details.actual;
  }
  override get name(): string {
    return "ConformanceError";
  }
}

/** `what`, in all assertions: what was looked at, as in `get("a") after put`. */
export function ok(condition: unknown, what: string): asserts condition {
  if (!condition) throw new ConformanceError(what);
}

/** Equal in the sense of `Object.is`. */
export function equal<T>(actual: unknown, expected: T, what: string): asserts actual is T {
  if (!Object.is(actual, expected)) throw unequal(actual, expected, what);
}

/** Equal in structure, strictly: -0 is not 0, a property that is undefined is not one that is absent, prototypes count. */
export function deepEqual<T>(actual: unknown, expected: T, what: string): asserts actual is T {
  if (!isDeepStrictEqual(actual, expected)) throw unequal(actual, expected, what);
}

/** The same elements, in any order, each as often. */
export function sameElements(actual: readonly string[], expected: readonly string[], what: string): void {
  const counts = new Map<string, number>();
  for (const one of actual) counts.set(one, (counts.get(one) ?? 0) + 1);
  for (const one of expected) counts.set(one, (counts.get(one) ?? 0) - 1);
  const listed = (of: (count: number) => boolean): string =>
    show([...counts].filter(([, count]) => of(count)).map(([one]) => one));
  if ([...counts.values()].every((count) => count === 0)) return;
  throw new ConformanceError(
    `${what}: ${actual.length} came, ${expected.length} were expected\n  missing:  ${listed((count) => count < 0)}\n  too many: ${listed((count) => count > 0)}`,
  );
}

/** What an error must look like, beside its class. */
export type ErrorShape = {
  readonly [K in "code" | "operation" | "collection" | "key" | "outcome" | "retryable"]?: unknown;
} & {
  readonly path?: readonly unknown[];
};

type ErrorClass<E> = abstract new (...args: never[]) => E;

/**
 * The error that `call` rejects with, which is of this class and has these members. A call that throws instead of
 * giving a promise fails: users catch rejections.
 */
export async function rejects<E extends KeyValueError>(
  call: () => Promise<unknown>,
  expected: ErrorClass<E>,
  what: string,
  shape: ErrorShape = {},
): Promise<E> {
  let promise: Promise<unknown>;
  try {
    promise = call();
  } catch (error) {
    throw new ConformanceError(`${what}: threw ${describeError(error)} instead of giving a promise that rejects`);
  }
  let answer: unknown;
  try {
    answer = await promise;
  } catch (error) {
    if (!(error instanceof expected)) {
      throw new ConformanceError(
        `${what}: rejected with another error\n  expected: ${expected.name}\n  received: ${describeError(error)}`,
      );
    }
    for (const [name, value] of Object.entries(shape)) {
      deepEqual(Reflect.get(error, name), value, `${what}: ${name} of the ${expected.name}`);
    }
    return error;
  }
  throw new ConformanceError(
    `${what}: resolved instead of rejecting\n  expected: ${expected.name}\n  received: ${show(answer)}`,
  );
}

/** A value for a message, cut where it is long; with its length then. */
export function show(value: unknown): string {
  const text =
    typeof value === "string"
      ? JSON.stringify(value)
      : inspect(value, { depth: 6, maxArrayLength: 12, maxStringLength: 80, breakLength: 120 });
  const [most, end] = typeof value === "string" ? [120, 20] : [600, 60];
  return text.length <= most ? text : `${text.slice(0, most - end)} … ${text.slice(-end)} (${text.length} characters)`;
}

/** An error for a message, with its class, its code and the call that failed. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return show(error);
  const parts = ["code", "operation", "collection", "key", "outcome"].flatMap((name) => {
    const value: unknown = Reflect.get(error, name);
    return value === undefined ? [] : [`${name}: ${show(value)}`];
  });
  const cause = error.cause === undefined ? "" : `, caused by ${describeError(error.cause)}`;
  return `${error.name}: ${error.message}${parts.length === 0 ? "" : ` (${parts.join(", ")})`}${cause}`;
}

function unequal(actual: unknown, expected: unknown, what: string): ConformanceError {
  return new ConformanceError(`${what}\n  expected: ${show(expected)}\n  received: ${show(actual)}`, {
    expected,
    actual,
  });
}
