/** A bound on each exchange, shorter than that of the whole call. */
import { type Call, isPromise, type MaybePromise, type Operation, READS } from "../driver/driver.ts";
import { around, defineLayer, type Layer } from "../driver/layer.ts";
import { whenCancelled } from "../driver/observe.ts";
import { type KeyValueError, type Outcome, TimeoutError } from "../errors.ts";
import { timeoutOf } from "../record.ts";

/**
 * Ends each exchange that takes longer by a `TimeoutError`, with the outcome `"not-applied"` where a write had not been
 * sent yet, and tells the backend's client by its signal. Inside of `retry` it bounds each attempt, so that one that hangs
 * leaves time for another; it never lengthens the call's own timeout.
 * @param duration milliseconds, or a duration such as `"500ms"`
 * @throws InvalidArgumentError
 */
export function timeout(duration: number | string): Layer {
  const milliseconds = timeoutOf(duration);
  return defineLayer(
    "timeout",
    (inner) =>
      around(inner, ({ operation }, call, exchange) => {
        const bounded = new BoundedCall(call, milliseconds);
        const answer = exchange(bounded);
        return isPromise(answer) ? bounded.race(answer, operation) : answer;
      }),
    { notOutside: { retry: "since it would bound all attempts together" } },
  );
}

/** A call within a call, with a deadline of its own. */
class BoundedCall implements Call {
  readonly #outer: Call;
  readonly #milliseconds: number;
  /** From when somebody first asks: exchanges that are answered at once need no clock. */
  #deadline: number | undefined = undefined;
  #error: KeyValueError | undefined = undefined;
  #sent = false;
  #controller: AbortController | undefined = undefined;
  #signal: AbortSignal | undefined = undefined;
  #listeners: Set<(error: KeyValueError) => void> | undefined = undefined;

  constructor(outer: Call, milliseconds: number) {
    this.#outer = outer;
    this.#milliseconds = milliseconds;
  }

  get operation(): string {
    return this.#outer.operation;
  }

  get deadline(): number {
    this.#deadline ??= Math.min(this.#outer.deadline, performance.now() + this.#milliseconds);
    return this.#deadline;
  }

  get ended(): boolean {
    return this.#error !== undefined || this.#outer.ended;
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      this.#controller = new AbortController();
      if (this.#error) this.#controller.abort(this.#error);
      this.#signal = AbortSignal.any([this.#outer.signal, this.#controller.signal]);
    }
    return this.#signal;
  }

  markSent(sent = true): void {
    this.#sent = sent;
    this.#outer.markSent(sent);
  }

  onCancel(listener: (error: KeyValueError) => void): () => void {
    this.#listeners ??= new Set();
    const listeners = this.#listeners.add(listener);
    const ignore = whenCancelled(this.#outer, (error) => {
      if (listeners.delete(listener)) listener(error);
    });
    return () => {
      listeners.delete(listener);
      ignore();
    };
  }

  /** The answer, or an error at the deadline. */
  race<T>(answer: Promise<T>, operation: Operation): MaybePromise<T> {
    const { deadline } = this;
    if (deadline === this.#outer.deadline) return answer;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(this.#expire(operation));
      }, deadline - performance.now());
      // The deadline of the whole call, which is later, keeps the process alive as long as somebody waits.
      timer.unref();
      answer.then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }

  #expire(operation: Operation): TimeoutError {
    const outcome: Outcome | undefined = READS.has(operation) ? undefined : this.#sent ? "unknown" : "not-applied";
    const error = new TimeoutError(`no answer within ${this.#milliseconds} ms`, { outcome });
    this.#error = error;
    this.#controller?.abort(error);
    for (const listener of [...(this.#listeners ?? [])]) if (this.#listeners?.delete(listener)) listener(error);
    return error;
  }
}
