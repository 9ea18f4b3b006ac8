/** A call that nobody cancels, for exchanges with a driver that no store makes. */
import type { Call } from "../../src/driver/index.ts";

/** @param deadline on the clock of `performance.now()` */
export function uncancelled(operation: string, deadline = Number.POSITIVE_INFINITY): Call {
  return { operation, signal: new AbortController().signal, deadline, ended: false, markSent() {} };
}
