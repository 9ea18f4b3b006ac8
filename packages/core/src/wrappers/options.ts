/** Checks of the wrappers' options: what is wrong is told when the wrapper is made. */
import { InvalidArgumentError, InvalidTtlError } from "../errors.ts";
import { type Duration, expiryOf, kindOf } from "../record.ts";

/** @throws InvalidArgumentError where what should hold a wrapper's options is no object */
export function checkOptions(given: unknown, wrapper: string): void {
  if (typeof given === "object" && given !== null) return;
  throw new InvalidArgumentError(`${wrapper} takes an object with its options, not ${shown(given)}`);
}

/** @throws InvalidArgumentError */
export function flagOf(given: unknown, name: string): boolean {
  if (typeof given === "boolean") return given;
  throw new InvalidArgumentError(`${name} must be a boolean, not ${shown(given)}`);
}

/** @throws InvalidArgumentError where it is not between 0 and 1 */
export function shareOf(given: unknown, name: string): number {
  if (typeof given === "number" && given >= 0 && given <= 1) return given;
  throw new InvalidArgumentError(`${name} must be a share between 0 and 1, not ${shown(given)}`);
}

/** @throws InvalidArgumentError where it is no whole number from `least` on */
export function countOf(given: unknown, name: string, least: number): number {
  if (typeof given === "number" && Number.isSafeInteger(given) && given >= least) return given;
  throw new InvalidArgumentError(`${name} must be a whole number, at least ${least}, not ${shown(given)}`);
}

/** @throws InvalidArgumentError where it is no whole number of bytes between the two */
export function bytesOf(given: unknown, name: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof given === "number" && Number.isSafeInteger(given) && given >= least && given <= most) return given;
  throw new InvalidArgumentError(
    `${name} must be a whole number of bytes from ${least} to ${most}, not ${shown(given)}`,
  );
}

/** A time to live in milliseconds. @throws InvalidArgumentError */
export function ttlOf(given: Duration, name: string): number {
  try {
    const now = Date.now();
    return (expiryOf({ ttl: given ?? Number.NaN }, now) ?? 0) - now;
  } catch (error) {
    throw error instanceof InvalidTtlError ? new InvalidArgumentError(`${name}: ${error.message}`) : error;
  }
}

/** @throws InvalidArgumentError */
export function functionOf<F>(given: F, name: string): F {
  if (typeof given === "function" || given === undefined) return given;
  throw new InvalidArgumentError(`${name} must be a function, not ${shown(given)}`);
}

/** Calls a hook of the user's, which must not be able to do harm by what it throws. */
export function callHook<A extends readonly unknown[]>(hook: ((...args: A) => unknown) | undefined, ...args: A): void {
  try {
    const answer = hook?.(...args);
    // An asynchronous one neither, by what it rejects with.
    if (answer instanceof Promise) answer.catch(() => {});
  } catch {
    // There is no one left to tell.
  }
}

function shown(given: unknown): string {
  return typeof given === "number" ? String(given) : kindOf(given);
}
