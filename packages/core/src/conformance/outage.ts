/** What an outage must look like from outside, and how soon a store is back after it. */
import { BatchError, KeyValueError } from "../errors.ts";
import type { Collection } from "../store.ts";
import { ConformanceError, describeError, ok } from "./assertions.ts";
import { checkMessage } from "./chapters/errors.ts";
import type { Fault } from "./fault-proxy.ts";

/** The error is one of an outage: of the right class, worth another try, and silent about what was stored. */
export function checkOutage(
  error: unknown,
  fault: Fault["type"] | "outage",
  what: string,
): asserts error is KeyValueError {
  if (!(error instanceof KeyValueError)) throw new ConformanceError(`${what}: rejected with ${describeError(error)}`);
  checkMessage(error, ["secret-value", "secret-collection"]);
  if (error instanceof BatchError) {
    for (const failure of error.failures) checkOutage(failure.error, fault, `${what}: a record of the batch`);
    return;
  }
  const codes = ["TIMEOUT", "UNAVAILABLE", ...(fault === "garbage" ? ["BACKEND_FAILURE"] : [])];
  ok(codes.includes(error.code), `${what}: the code is one of ${codes.join(", ")}; it was ${describeError(error)}`);
  if (fault !== "garbage") ok(error.retryable, `${what}: the error is retryable; it was ${describeError(error)}`);
}

/** Reads a record until that is answered; fails where it still is not after so many milliseconds. */
export async function answersWithin(
  milliseconds: number,
  records: Collection<"write">,
  key: string,
  what: string,
): Promise<unknown> {
  const began = performance.now();
  for (;;) {
    try {
      return await records.get(key);
    } catch (error) {
      const passed = Math.round(performance.now() - began);
      if (passed > milliseconds) {
        throw new ConformanceError(`${what}: with the server back for ${passed} ms, get: ${describeError(error)}`);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
