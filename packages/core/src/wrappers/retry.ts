/** Repeats what failed for a passing reason and may safely be repeated. */
import {
  type Call,
  isPromise,
  type MaybePromise,
  type Operation,
  READS,
  type RecordId,
  type Settled,
  type StoredRecord,
  type SwapResult,
} from "../driver/driver.ts";
import { around, defineLayer, forward, type Layer, settle } from "../driver/layer.ts";
import { pause } from "../driver/observe.ts";
import { asKeyValueError, InvalidArgumentError, KeyValueError } from "../errors.ts";
import { type Revision, timeoutOf } from "../record.ts";
import { checkOptions } from "./options.ts";

export interface RetryOptions {
  /** All attempts of one call, the first included. Default: 4. */
  readonly attempts?: number;
  /** The longest pause before the second attempt, doubled for each one after it. Default: 50 ms. */
  readonly baseDelay?: number | string;
  /** The longest pause of all. Default: 2 s. */
  readonly maxDelay?: number | string;
}

/**
 * Repeats reads, and writes only when they were certainly not applied, where the error is `retryable`, after a random
 * pause that grows exponentially ("full jitter": between nothing and the longest), and never past the call's deadline.
 * A `putIfAbsent` or `compareAndSwap` whose outcome is unknown is settled by looking for its own revision.
 *
 * Source of full jitter: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 * @throws InvalidArgumentError
 */
export function retry(options: RetryOptions = {}): Layer {
  checkOptions(options, "retry");
  const attempts = options.attempts ?? 4;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new InvalidArgumentError("attempts must be a whole number, at least 1");
  }
  const baseDelay = timeoutOf(options.baseDelay ?? 50);
  const maxDelay = timeoutOf(options.maxDelay ?? 2000);

  /** Whether an attempt that failed so may be repeated without the risk of doing it twice. */
  function isSafe(error: KeyValueError, operation: Operation): boolean {
    return error.retryable && (READS.has(operation) || error.outcome === "not-applied");
  }

  /**
   * Whether there is time and leave for another attempt: then after a pause, within the call's deadline. `undone`: a call
   * that ends in the pause has certainly written nothing.
   */
  async function another(attempt: number, call: Call, undone: boolean): Promise<boolean> {
    const wait = Math.random() * Math.min(maxDelay, baseDelay * 2 ** (attempt - 1));
    if (attempt >= attempts || performance.now() + wait >= call.deadline) return false;
    if (undone) call.markSent(false);
    await pause(wait, call);
    return !call.ended;
  }

  async function repeated<T>(
    operation: Operation,
    call: Call,
    exchange: (call: Call) => MaybePromise<T>,
    failure: unknown,
  ): Promise<T> {
    let error = asKeyValueError(failure);
    const writes = !READS.has(operation);
    for (let attempt = 1; isSafe(error, operation) && (await another(attempt, call, writes)); attempt++) {
      try {
        return await exchange(call);
      } catch (next) {
        error = asKeyValueError(next);
      }
    }
    throw error;
  }

  function attempted<T>(operation: Operation, call: Call, exchange: (call: Call) => MaybePromise<T>): MaybePromise<T> {
    try {
      const answer = exchange(call);
      return isPromise(answer) ? answer.catch((error) => repeated(operation, call, exchange, error)) : answer;
    } catch (error) {
      return repeated(operation, call, exchange, error);
    }
  }

  /** Repeats those records of a batch that failed. */
  async function batch<T, R>(
    operation: Operation,
    items: readonly T[],
    call: Call,
    exchange: (items: readonly T[], call: Call) => MaybePromise<readonly Settled<R>[]>,
  ): Promise<readonly Settled<R>[]> {
    const writes = !READS.has(operation);
    const answers = new Array<Settled<R>>(items.length);
    let open = [...items.keys()];
    for (let attempt = 1; ; attempt++) {
      const subset = open.map((at) => items[at] as T);
      const result = await settle(() => exchange(subset, call));
      for (const [index, at] of open.entries()) {
        answers[at] = result instanceof KeyValueError ? result : (result[index] as Settled<R>);
      }
      const whole = result instanceof KeyValueError && open.length === items.length ? result : undefined;
      open = open.filter((at) => {
        const answer = answers[at];
        return answer instanceof KeyValueError && isSafe(answer, operation);
      });
      if (open.length > 0 && (await another(attempt, call, writes && open.length === items.length))) continue;
      if (whole) throw whole;
      return answers;
    }
  }

  return defineLayer("retry", (inner) => {
    const { getMany, putMany, deleteMany, swap } = forward(inner, {});

    /** A swap that may or may not have been applied is looked up by its revision, which no other write has. */
    async function settledSwap(
      id: RecordId,
      expected: Revision | "absent",
      next: StoredRecord | undefined,
      call: Call,
      exchange: (call: Call) => MaybePromise<SwapResult>,
    ): Promise<SwapResult> {
      /** Of an attempt that may have been applied, or may yet be. */
      let doubt: KeyValueError | undefined;
      for (let attempt = 1; ; attempt++) {
        const result = await settle(() => exchange(call));
        if (!(result instanceof KeyValueError)) {
          if (result.swapped) return result;
          if (next !== undefined && result.current?.revision === next.revision) return { swapped: true };
          // Who is there now may have come after our own write.
          if (doubt) throw doubt;
          return result;
        }
        if (result.outcome !== "not-applied") doubt = result;
        if (!result.retryable) throw doubt ?? result;
        if (doubt) {
          const current = await settle(() => attempted("get", call, (c) => inner.get(id, c)));
          if (current instanceof KeyValueError) throw doubt;
          if (next !== undefined && current?.revision === next.revision) return { swapped: true };
          // Only where the expected record is still there is it certain that the swap did nothing so far.
          if (current?.revision !== expected) throw doubt;
        }
        if (!(await another(attempt, call, doubt === undefined))) throw doubt ?? result;
      }
    }

    return forward(
      around(inner, ({ operation }, call, exchange) => attempted(operation, call, exchange)),
      {
        getMany: getMany && ((ids, call) => batch("getMany", ids, call, getMany)),
        putMany: putMany && ((requests, call) => batch("putMany", requests, call, putMany)),
        deleteMany: deleteMany && ((ids, call) => batch("deleteMany", ids, call, deleteMany)),
        swap:
          swap &&
          ((id, expected, next, call) => settledSwap(id, expected, next, call, (c) => swap(id, expected, next, c))),
      },
    );
  });
}
