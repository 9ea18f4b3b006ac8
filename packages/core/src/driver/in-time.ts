/** Batches that go to several servers, of which one may stay silent until the deadline. */
import { TimeoutError } from "../errors.ts";
import type { Call } from "./driver.ts";

/** How long before the deadline what is missing is given up, in milliseconds; a tenth of the time where that is less. */
const EARLY = 20;

/**
 * The answer, or `late()` where there is none shortly before the call's deadline, so that the call can still tell of its
 * other parts. An answer that comes later is dropped, an error too.
 */
export function inTime<T>(call: Call, answer: Promise<T>, late: () => T): Promise<T> {
  const left = call.deadline - performance.now();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(late()), Math.max(0, left - Math.min(EARLY, left / 10)));
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** The error of a part of a call; `sent`: whether it may have been done, if it writes. */
export function silent(sent: boolean): TimeoutError {
  return new TimeoutError("one of several servers has not answered by the deadline", {
    ...(!sent && { outcome: "not-applied" }),
  });
}
