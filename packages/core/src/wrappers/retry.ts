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
import { asKeyValueError, InvalidArgumentError, KeyValueError } from "../errors.ts";
import { type Revision, timeoutOf } from "../record.ts";

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
  const attempts = options.attempts ?? 4;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new InvalidArgumentError("attempts must be a whole number, at least 1");
  }
  const baseDelay = timeoutOf(options.baseDelay ?? 50);
  const maxDelay = timeoutOf(options.maxDelay ?? 2000);

  /** Whether there is to be another attempt: then after a pause, within the call's deadline. */
  async function mayRepeat(error: KeyValueError, operation: Operation, attempt: number, call: Call): Promise<boolean> {
    if (!error.retryable || !(READS.has(operation) || error.outcome === "not-applied")) return false;
    const pause = Math.random() * Math.min(maxDelay, baseDelay * 2 ** (attempt - 1));
    if (attempt >= attempts || performance.now() + pause >= call.deadline) return false;
    await sleep(pause, call.signal);
    return !call.ended;
  }

  async function repeated<T>(
    operation: Operation,
    call: Call,
    exchange: (call: Call) => MaybePromise<T>,
    failure: unknown,
  ): Promise<T> {
    let error = asKeyValueError(failure);
    for (let attempt = 1; await mayRepeat(error, operation, attempt, call); attempt++) {
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
    const answers = [...(await attempted(operation, call, (c) => exchange(items, c)))];
    for (let attempt = 1; ; attempt++) {
      const again: number[] = [];
      let cause: KeyValueError | undefined;
      for (const [at, answer] of answers.entries()) {
        if (!(answer instanceof KeyValueError) || !answer.retryable) continue;
        if (!READS.has(operation) && answer.outcome !== "not-applied") continue;
        cause ??= answer;
        again.push(at);
      }
      if (cause === undefined || !(await mayRepeat(cause, operation, attempt, call))) return answers;
      const subset = again.map((at) => items[at] as T);
      const better = await settle(() => exchange(subset, call));
      for (const [index, at] of again.entries()) {
        answers[at] = better instanceof KeyValueError ? better : (better[index] as Settled<R>);
      }
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
      for (let attempt = 1; ; attempt++) {
        const result = await settle(() => attempted("swap", call, exchange));
        if (!(result instanceof KeyValueError)) {
          const ours = !result.swapped && next !== undefined && result.current?.revision === next.revision;
          return ours ? { swapped: true } : result;
        }
        const error = result;
        if (!error.retryable || error.outcome === "not-applied") throw error;
        const current = await attempted("get", call, (c) => inner.get(id, c));
        if (next !== undefined && current?.revision === next.revision) return { swapped: true };
        // Only where the expected record is still there is it certain that the swap did nothing so far.
        if (current === undefined || current.revision !== expected) throw error;
        if (!(await mayRepeat(error, "get", attempt, call))) throw error;
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

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    signal.addEventListener("abort", wake);
  });
}
