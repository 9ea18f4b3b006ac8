/** The default deadline, which nearly all calls have: one timer for all. */

/** A call in the queue. */
export interface Timed {
  readonly call: { expire(): void };
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  previous: Timed | undefined;
  next: Timed | undefined;
}

/**
 * The deadlines of all calls with the store's own timeout, by one timer. They end in the order in which they began, so
 * a doubly linked list is queue enough; a call leaves it as soon as it settles, and is garbage then.
 */
export class Deadlines {
  readonly timeout: number;
  #first: Timed | undefined;
  #last: Timed | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeout: number) {
    this.timeout = timeout;
  }

  add(timed: Timed): void {
    const last = this.#last;
    this.#last = timed;
    if (last) {
      last.next = timed;
      timed.previous = last;
      return;
    }
    this.#first = timed;
    if (this.#timer) this.#timer.ref();
    else this.#arm(this.timeout);
  }

  remove(timed: Timed): void {
    const { previous, next } = timed;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    timed.previous = timed.next = undefined;
    // A timer that runs on for nobody is cheaper than one for each call, but must not keep the process alive.
    if (!this.#first) this.#timer?.unref();
  }

  #arm(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#fire(), milliseconds);
  }

  #fire(): void {
    const now = performance.now();
    while (this.#first && this.#first.deadline <= now) this.#first.call.expire();
    this.#timer = undefined;
    if (this.#first) this.#arm(Math.max(1, this.#first.deadline - now));
  }
}
