/** One call of a factory for `getOrSet`, with all that comes before and after it. */
import { copyKey, leaseKey } from "./beside.ts";
import { aborted, type CallOptions, type OngoingCall } from "./call.ts";
import type { Driver } from "./driver/driver.ts";
import { whenCancelled } from "./driver/observe.ts";
import { KeyValueError } from "./errors.ts";
import { FlightRecords } from "./flight-records.ts";
import type { Request, Terms } from "./get-or-set.ts";
import { copyJson, type JsonValue } from "./json.ts";
import type { Revision } from "./record.ts";

/** The longest pause between two looks at another process' lease. Pauses begin with {@link FIRST_PAUSE} and double. */
const LONGEST_PAUSE = 250;
const FIRST_PAUSE = 10;

/** What a flight comes to; `"elsewhere"`: another process is at it, and nobody waits here. */
export type Result = { readonly value: JsonValue | undefined } | { readonly thrown: unknown } | "elsewhere";

/** Lasts as long as somebody waits for it. */
export class Flight {
  readonly #request: Request;
  readonly #terms: Terms;
  readonly #patient: boolean;
  readonly #land: () => void;
  readonly #records: FlightRecords;
  readonly #waiting = new Set<OngoingCall>();
  readonly #abandoned = new AbortController();
  #storing = false;
  readonly #result: Promise<Result>;

  constructor(request: Request, terms: Terms, driver: Driver, patient: boolean, land: () => void) {
    const { context, id } = request;
    this.#request = request;
    this.#terms = terms;
    this.#patient = patient;
    this.#land = land;
    this.#records = new FlightRecords(context, driver, id.collection);
    context.connection.hold();
    this.#result = this.#fly().finally(() => {
      land();
      context.connection.end();
    });
  }

  join(call: OngoingCall): Promise<Result> {
    this.#waiting.add(call);
    if (this.#storing) call.markSent();
    const ignore = whenCancelled(call, () => this.#leave(call));
    return this.#result.finally(ignore);
  }

  #leave(call: OngoingCall): void {
    this.#waiting.delete(call);
    if (this.#waiting.size > 0) return;
    // Who comes now begins anew.
    this.#land();
    this.#abandoned.abort();
  }

  async #fly(): Promise<Result> {
    const turn = await this.#turn();
    if (turn === "elsewhere" || !("lease" in turn)) return turn;
    try {
      // Since this flight's first caller looked, another may have landed.
      const value = await this.#read();
      return value === undefined ? await this.#make() : { value };
    } finally {
      if (turn.lease !== undefined) await this.#release(turn.lease);
    }
  }

  /**
   * Resolves when it is this flight's turn: with the lease, or without where the store has none or its holder takes too
   * long; or with what the holder has made.
   */
  async #turn(): Promise<{ readonly lease: Revision | undefined } | Result> {
    if (!this.#records.capabilities.atomic) return { lease: undefined };
    const { timeout } = this.#terms;
    // The other half of the time is for this process' own factory.
    const patience = performance.now() + timeout / 2;
    for (let attempt = 0; ; attempt++) {
      // Gone by itself where this process dies.
      const lease = await this.#records.acquire(leaseKey(this.#key), timeout, this.#bounds);
      if (lease !== undefined) return { lease };
      if (!this.#patient && this.#waiting.size <= 1) return this.#elsewhere();
      if (performance.now() >= patience) return { lease: undefined };
      await this.#pause((0.5 + Math.random() / 2) * Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt));
      const value = await this.#read();
      if (value !== undefined) return { value };
    }
  }

  #elsewhere(): "elsewhere" {
    this.#land();
    return "elsewhere";
  }

  #read(): Promise<JsonValue | undefined> {
    return this.#records.find(this.#key, this.#bounds);
  }

  async #make(): Promise<Result> {
    const answer = await this.#callFactory();
    if ("thrown" in answer) return answer;
    if (answer.made === undefined) {
      // There is none any more: nor is what there was.
      if (this.#terms.staleFor !== undefined) await this.#records.remove(copyKey(this.#key), this.#bounds);
      return { value: undefined };
    }
    const value = copyJson(answer.made);
    await this.#request.check(value);
    await this.#store(value);
    return { value };
  }

  /** @throws AbortedError when nobody waits any more; what the factory does then is its own affair */
  #callFactory(): Promise<{ readonly made: unknown } | { readonly thrown: unknown }> {
    const { signal } = this.#abandoned;
    return new Promise((resolve, reject) => {
      const leave = (): void => reject(aborted(signal));
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave, { once: true });
      Promise.resolve({ signal })
        .then(this.#request.factory)
        .then(
          (made) => resolve({ made }),
          (thrown: unknown) => resolve({ thrown }),
        );
    });
  }

  async #store(value: JsonValue): Promise<void> {
    const { ttl, staleFor } = this.#terms;
    this.#storing = true;
    for (const call of this.#waiting) call.markSent();
    if (ttl === undefined || staleFor === undefined) return this.#records.store(this.#key, value, ttl, this.#bounds);
    const copy = { value, fresh_until: Date.now() + ttl };
    // Before the record: see voidingCopies.
    await this.#records.keep(copyKey(this.#key), copy, ttl + staleFor, this.#bounds);
    try {
      await this.#records.store(this.#key, value, ttl, this.#bounds);
    } catch (error) {
      // What was refused is not to be given later, either.
      if (error instanceof KeyValueError && error.outcome === "not-applied") {
        await this.#records.remove(copyKey(this.#key), this.#bounds).catch(() => {});
      }
      throw error;
    }
  }

  async #release(lease: Revision): Promise<void> {
    try {
      await this.#records.release(leaseKey(this.#key), lease, { timeout: this.#terms.timeout });
    } catch (error) {
      // It ends by itself.
      this.#request.context.connection.report({ type: "background-error", error });
    }
  }

  #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#abandoned;
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

  get #key(): string {
    return this.#request.id.key;
  }

  /** Of each exchange. */
  get #bounds(): CallOptions {
    return { timeout: this.#terms.timeout, signal: this.#abandoned.signal };
  }
}
