/** A driver's life: opened by the first call, shared by all collections and layers, closed once. */
import { type CallScope, explain, OngoingCall, stillWanted } from "./call.ts";
import { Deadlines } from "./deadlines.ts";
import { type Call, type Driver, isPromise, type MaybePromise, READS, type StoreEvent } from "./driver/driver.ts";
import { around, forward, type Subject } from "./driver/layer.ts";
import { asKeyValueError, StoreClosedError, TimeoutError } from "./errors.ts";

export class Connection implements CallScope {
  /** The backend's own driver. */
  readonly base: Driver;
  /** The same, but each exchange waits until the backend is open. */
  readonly driver: Driver;
  readonly deadlines: Deadlines;
  /** Whether nothing has to be opened first. */
  readonly sentAtOnce: boolean;
  readonly #onEvent: ((event: StoreEvent) => void) | undefined;
  #opened: boolean;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #inFlight = 0;
  #idle: (() => void) | undefined;

  constructor(base: Driver, timeout: number, onEvent: ((event: StoreEvent) => void) | undefined) {
    this.base = base;
    this.deadlines = new Deadlines(timeout);
    this.#onEvent = onEvent;
    this.#opened = base.open === undefined;
    this.sentAtOnce = this.#opened;
    this.driver = this.#opened ? base : this.#waiting(base);
  }

  /** What layers are put on: since they may hold a write back, it says itself when one is sent. */
  get layered(): Driver {
    return this.sentAtOnce ? this.#waiting(this.base) : this.driver;
  }

  /** Whether an exchange begun now reaches the driver at once. */
  get ready(): boolean {
    return this.#opened && this.base.ready !== false;
  }

  /** @throws StoreClosedError */
  begin(): void {
    if (this.#closing) throw new StoreClosedError("the store is closed");
    this.hold();
  }

  /** As {@link begin}, of work for a call that has not ended, and which closing is to wait for as well. */
  hold(): void {
    this.#inFlight++;
  }

  end(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#idle?.();
  }

  /** Lets what is in flight settle, then closes the driver. Every call gets the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    try {
      await this.base.close?.();
    } catch (error) {
      throw explain(error, { operation: "close" });
    }
  }

  #waiting(base: Driver): Driver {
    const waiting = around(base, (subject, call, exchange) => this.#send(subject, call, exchange));
    return forward(waiting, {
      // Of most calls, and in most of them there is nothing to wait for.
      get: (id, call) => (this.ready && !call.ended ? base.get(id, call) : waiting.get(id, call)),
    });
  }

  #send<T>(subject: Subject, call: Call, exchange: (call: Call) => MaybePromise<T>): MaybePromise<T> {
    stillWanted(call);
    if (this.ready) {
      if (!READS.has(subject.operation)) call.markSent();
      return exchange(call);
    }
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening.then(
      () => {
        if (this.ready) return this.#send(subject, call, exchange);
        // Deadlines need the event loop, which a driver that opens at once and is not ready would never give free.
        return new Promise<void>((resolve) => setTimeout(resolve)).then(() => this.#send(subject, call, exchange));
      },
      (error: unknown) => {
        // Who joined an attempt that ran out of time has time left for another.
        if (error instanceof TimeoutError && !call.ended) return this.#send(subject, call, exchange);
        // One failed attempt ends many calls: each gets an error of its own, and knows that nothing was sent.
        throw asKeyValueError(error).copy("not-applied");
      },
    );
  }

  /** One attempt, bounded by the store's own timeout: those who wait for it leave at their own deadlines. */
  async #open(): Promise<void> {
    const call = new OngoingCall(this, { operation: "open" }, undefined);
    try {
      const answer = this.base.open?.(call, (event) => this.report(event));
      // The race only aborts `call.signal`: a second attempt must not begin before the driver has ended the first.
      if (isPromise(answer)) await Promise.all([answer, call.settle(answer, () => {}).catch(() => {})]);
      this.#opened = true;
    } catch (error) {
      // What a driver makes of the aborted signal is its own affair.
      throw call.expired ? new TimeoutError("the backend could not be opened in time", { cause: error }) : error;
    } finally {
      call.end();
    }
  }

  /** Tells the user's hook, which must not take others down by what it throws. */
  report(event: StoreEvent): void {
    try {
      this.#onEvent?.(event);
    } catch {
      // There is no one left to tell.
    }
  }
}
