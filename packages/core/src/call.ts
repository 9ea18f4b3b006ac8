/** One call of a user: its deadline, its cancellation, and the race between them and the backend's answer. */
import type { Deadlines, Timed } from "./deadlines.ts";
import { type Call, isPromise, type MaybePromise } from "./driver/driver.ts";
import { AbortedError, asKeyValueError, type ErrorCode, KeyValueError, TimeoutError } from "./errors.ts";
import { timeoutOf } from "./record.ts";
import { listen } from "./signals.ts";

/** The last parameter of every method. */
export interface CallOptions {
  /** Bounds the whole call, an enumeration too. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, or a duration such as `"2s"`. Bounds the call; of an enumeration or a long batch each exchange. */
  readonly timeout?: number | string | undefined;
}

/** The part of a call that only those need which have to wait for their answer. */
interface Waiting extends Timed {
  reject: ((error: KeyValueError) => void) | undefined;
  /** Of a call with a timeout of its own. */
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends the listening to the caller's signal. */
  unlisten: (() => void) | undefined;
  controller: AbortController | undefined;
  listeners: Set<(error: KeyValueError) => void> | undefined;
}

/** Which call it is, for its errors. */
export interface CallSubject {
  readonly operation: string;
  readonly collection?: string | undefined;
  readonly key?: string | undefined;
  readonly writes?: boolean | undefined;
}

/** Told when a call begins and ends, so that closing can wait for what is in flight. */
export interface CallScope {
  readonly deadlines: Deadlines;
  begin(): void;
  end(): void;
}

const NOTHING: Promise<unknown> = Promise.resolve(undefined);

export class OngoingCall implements Call {
  readonly subject: CallSubject;
  /** Whether each request is sent as soon as it is asked for: then nobody marks it. */
  readonly sentAtOnce: boolean;
  /** Called once, when the call ends. */
  onEnd: (() => void) | undefined = undefined;
  readonly #scope: CallScope;
  readonly #options: CallOptions | undefined;
  #waiting: Waiting | undefined = undefined;
  #sent = false;
  #ended = false;

  /** @throws InvalidArgumentError, AbortedError */
  constructor(scope: CallScope, subject: CallSubject, options: CallOptions | undefined, sentAtOnce = false) {
    this.subject = subject;
    this.sentAtOnce = sentAtOnce;
    this.#scope = scope;
    this.#options = options;
    if (options !== undefined) {
      if (options.timeout !== undefined) timeoutOf(options.timeout);
      if (options.signal?.aborted) throw aborted(options.signal);
    }
    scope.begin();
  }

  get operation(): string {
    return this.subject.operation;
  }

  get deadline(): number {
    return this.#wait().deadline;
  }

  get signal(): AbortSignal {
    const waiting = this.#wait();
    if (!waiting.controller) {
      waiting.controller = new AbortController();
      if (this.#ended) waiting.controller.abort();
    }
    return waiting.controller.signal;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether it was the deadline that ended it. */
  get expired(): boolean {
    return this.#ended && performance.now() >= this.deadline;
  }

  markSent(sent = true): void {
    this.#sent = sent;
  }

  onCancel(listener: (error: KeyValueError) => void): () => void {
    const waiting = this.#wait();
    waiting.listeners ??= new Set();
    const listeners = waiting.listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Ends the call: its answer came, or nobody waits for it any more. False where it had ended before. */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    if (this.#waiting?.reject) this.#disarm(this.#waiting);
    this.#scope.end();
    this.onEnd?.();
    return true;
  }

  /**
   * `finish(answer)` when the answer comes, or a rejection by the deadline or the caller's signal, whichever is first.
   * What comes later is dropped, an error too.
   */
  settle<T, R>(answer: MaybePromise<T>, finish: (answer: T) => R | Promise<R>): Promise<R> {
    if (!isPromise(answer)) {
      this.end();
      const result = this.#finished(finish(answer));
      // Where the result is undefined, R is a type that includes it.
      return result === undefined ? (NOTHING as Promise<R>) : Promise.resolve(result);
    }
    return new Promise<R>((resolve, reject) => {
      this.#arm(reject);
      if (this.sentAtOnce) this.#sent = true;
      answer.then(
        (value) => {
          if (!this.end()) return;
          try {
            resolve(this.#finished(finish(value)));
          } catch (error) {
            reject(this.explain(error));
          }
        },
        (error: unknown) => {
          if (this.end()) reject(this.explain(error));
        },
      );
    });
  }

  /** Ends the call by an error: what it is to reject with. */
  fail(error: unknown): KeyValueError {
    this.end();
    return this.explain(error);
  }

  /** A result whose rejection, if it is a promise, is explained. */
  #finished<R>(result: R | Promise<R>): R | Promise<R> {
    if (!isPromise(result)) return result;
    return result.catch((error: unknown) => {
      throw this.explain(error);
    });
  }

  /** The deadline has passed. */
  expire(): void {
    this.#cancel(new TimeoutError(`no answer within ${this.#timeout} ms`));
  }

  /** Any error as a {@link KeyValueError} that says which call failed and what became of the write. */
  explain(error: unknown, key = this.subject.key): KeyValueError {
    return explain(error, { ...this.subject, key }, this.#sent);
  }

  get #timeout(): number {
    const timeout = this.#options?.timeout;
    return timeout === undefined ? this.#scope.deadlines.timeout : timeoutOf(timeout);
  }

  #wait(): Waiting {
    this.#waiting ??= {
      call: this,
      deadline: performance.now() + this.#timeout,
      reject: undefined,
      timer: undefined,
      unlisten: undefined,
      controller: undefined,
      listeners: undefined,
      previous: undefined,
      next: undefined,
    };
    return this.#waiting;
  }

  #arm(reject: (error: KeyValueError) => void): void {
    const waiting = this.#wait();
    waiting.reject = reject;
    const { timeout, signal } = this.#options ?? {};
    if (timeout === undefined) this.#scope.deadlines.add(waiting);
    else waiting.timer = setTimeout(() => this.expire(), this.#timeout);
    if (signal) waiting.unlisten = listen(signal, () => this.#cancel(aborted(signal)));
  }

  #disarm(waiting: Waiting): void {
    waiting.reject = undefined;
    if (waiting.timer !== undefined) clearTimeout(waiting.timer);
    else this.#scope.deadlines.remove(waiting);
    waiting.unlisten?.();
  }

  #cancel(error: KeyValueError): void {
    const { reject, controller, listeners } = this.#wait();
    if (!this.end()) return;
    controller?.abort(error);
    for (const listener of listeners ?? []) listener(error);
    reject?.(this.explain(error));
  }
}

/**
 * Asked before a request for which something was waited, so that none is sent whose call has been told to have failed.
 * @throws AbortedError where nobody waits for the answer any more
 */
export function stillWanted(call: Call): void {
  if (call.ended) throw new AbortedError("the call had ended before its request was sent");
}

export function aborted(signal: AbortSignal): AbortedError {
  return new AbortedError("the caller's signal was aborted", { cause: signal.reason });
}

/** Errors that end a call before its write, even where it has read something first. */
const BEFORE_WRITING: ReadonlySet<ErrorCode> = new Set([
  "INVALID_ARGUMENT",
  "INVALID_NAME",
  "INVALID_VALUE",
  "INVALID_TTL",
  "INVALID_COUNTER",
  "SCHEMA_MISMATCH",
  "CORRUPT_RECORD",
  "INEXACT_NUMBER",
  "DECRYPTION_FAILED",
  "UNSUPPORTED",
]);

/** See {@link OngoingCall.explain}; for a call that was refused before it began, too. */
export function explain(error: unknown, subject: CallSubject, sent = false): KeyValueError {
  let known = asKeyValueError(error);
  // A driver may give the same error to several records of a batch.
  if (known.operation !== undefined) known = known.copy(known.outcome);
  known.operation = subject.operation;
  if (subject.collection !== undefined) known.collection = subject.collection;
  if (subject.key !== undefined) known.key = subject.key;
  if (subject.writes) known.outcome ??= sent && !BEFORE_WRITING.has(known.code) ? "unknown" : "not-applied";
  else delete known.outcome;
  return known;
}

/** What is checked before the first exchange of a call with several; at once where nothing has to be waited for. */
export function explaining<T>(subject: CallSubject, prepare: () => MaybePromise<T>): MaybePromise<T> {
  const refuse = (error: unknown): never => {
    throw error instanceof KeyValueError && error.operation !== undefined ? error : explain(error, subject);
  };
  try {
    const prepared = prepare();
    return isPromise(prepared) ? prepared.catch(refuse) : prepared;
  } catch (error) {
    return refuse(error);
  }
}

/** What a function of the caller's has thrown. */
export interface Thrown {
  readonly error: unknown;
}

/** What the caller's own function has thrown stays what it is. */
export function asThrown<T>(attempt: Promise<T>, thrown: () => Thrown | undefined): Promise<T> {
  return attempt.catch((error: unknown) => {
    throw (thrown() ?? { error }).error;
  });
}
