/** One call of a user: its deadline, its cancellation, and the race between them and the backend's answer. */
import { type Call, isPromise } from "./driver/driver.ts";
import { AbortedError, asKeyValueError, type ErrorCode, type KeyValueError, TimeoutError } from "./errors.ts";
import { timeoutOf } from "./record.ts";

/** The last parameter of every method. */
export interface CallOptions {
  /** Bounds the whole call, an enumeration too. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, or a duration such as `"2s"`. Bounds the call; of an enumeration or a long batch each exchange. */
  readonly timeout?: number | string | undefined;
}

type Timer = ReturnType<typeof setTimeout>;

/**
 * The deadlines of all calls with the store's own timeout, by one timer. They end in the order in which they began, so
 * a doubly linked list is queue enough; a call leaves it as soon as it settles, and is garbage then.
 */
export class Deadlines {
  readonly timeout: number;
  #first: OngoingCall | undefined;
  #last: OngoingCall | undefined;
  #timer: Timer | undefined;

  constructor(timeout: number) {
    this.timeout = timeout;
  }

  add(call: OngoingCall): void {
    const last = this.#last;
    this.#last = call;
    if (last) {
      last.next = call;
      call.previous = last;
      return;
    }
    this.#first = call;
    if (this.#timer) this.#timer.ref();
    else this.#arm(this.timeout);
  }

  remove(call: OngoingCall): void {
    const { previous, next } = call;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    call.previous = call.next = undefined;
    // A timer that runs on for nobody is cheaper than one for each call, but must not keep the process alive.
    if (!this.#first) this.#timer?.unref();
  }

  #arm(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#fire(), milliseconds);
  }

  #fire(): void {
    const now = performance.now();
    while (this.#first && this.#first.deadline <= now) this.#first.expire();
    this.#timer = undefined;
    if (this.#first) this.#arm(Math.max(1, this.#first.deadline - now));
  }
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
  /** Whether requests are sent at once, because nothing has to be opened first. */
  readonly sentAtOnce: boolean;
  begin(): void;
  end(): void;
}

export class OngoingCall implements Call {
  readonly subject: CallSubject;
  /** Called once, when the call ends. */
  onEnd: (() => void) | undefined = undefined;
  previous: OngoingCall | undefined = undefined;
  next: OngoingCall | undefined = undefined;
  readonly #scope: CallScope;
  readonly #timeout: number;
  readonly #userSignal: AbortSignal | undefined;
  #sent = false;
  #deadline: number | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #reject: ((error: KeyValueError) => void) | undefined = undefined;
  #ownTimer: Timer | undefined = undefined;
  #onAbort: (() => void) | undefined = undefined;
  #ended = false;

  /** @throws InvalidArgumentError, AbortedError */
  constructor(scope: CallScope, subject: CallSubject, options: CallOptions | undefined) {
    this.subject = subject;
    this.#scope = scope;
    this.#timeout = options?.timeout === undefined ? scope.deadlines.timeout : timeoutOf(options.timeout);
    this.#userSignal = options?.signal;
    if (this.#userSignal?.aborted) throw aborted(this.#userSignal);
    scope.begin();
  }

  get deadline(): number {
    this.#deadline ??= performance.now() + this.#timeout;
    return this.#deadline;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#ended) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  get ended(): boolean {
    return this.#ended;
  }

  markSent(): void {
    this.#sent = true;
  }

  /** Ends the call: its answer came, or nobody waits for it any more. False where it had ended before. */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    if (this.#reject) this.#disarm();
    this.#scope.end();
    this.onEnd?.();
    return true;
  }

  /**
   * `finish(answer)` when the answer comes, or a rejection by the deadline or the caller's signal, whichever is first.
   * What comes later is dropped, an error too.
   */
  race<T, R>(answer: Promise<T>, finish: (answer: T) => R | Promise<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#arm(reject);
      if (this.#scope.sentAtOnce) this.#sent = true;
      answer.then(
        (value) => {
          if (!this.end()) return;
          try {
            resolve(this.finished(finish(value)));
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

  /** A result whose rejection, if it is a promise, is explained. */
  finished<R>(result: R | Promise<R>): R | Promise<R> {
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

  #arm(reject: (error: KeyValueError) => void): void {
    this.#reject = reject;
    const { deadlines } = this.#scope;
    void this.deadline;
    if (this.#timeout === deadlines.timeout) deadlines.add(this);
    else this.#ownTimer = setTimeout(() => this.expire(), this.#timeout);
    if (this.#userSignal) {
      this.#onAbort = () => this.#cancel(aborted(this.#userSignal));
      this.#userSignal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  #disarm(): void {
    this.#reject = undefined;
    if (this.#ownTimer !== undefined) clearTimeout(this.#ownTimer);
    else this.#scope.deadlines.remove(this);
    if (this.#onAbort) this.#userSignal?.removeEventListener("abort", this.#onAbort);
  }

  #cancel(error: KeyValueError): void {
    const reject = this.#reject;
    if (!this.end()) return;
    this.#controller?.abort(error);
    reject?.(this.explain(error));
  }
}

export function aborted(signal: AbortSignal | undefined): AbortedError {
  return new AbortedError("the caller's signal was aborted", { cause: signal?.reason });
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
