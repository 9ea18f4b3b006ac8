/** `getOrSet`: who asks for a value that is not there waits for one call of the factory, in this process and among all. */
import { liveOrNone } from "./atomics.ts";
import { copyKey, leaseKey } from "./beside.ts";
import { aborted, type CallOptions, type CallScope, OngoingCall, stillWanted } from "./call.ts";
import type { Driver, RecordId, StoredRecord } from "./driver/driver.ts";
import { whenCancelled } from "./driver/observe.ts";
import { CorruptRecordError, InvalidArgumentError } from "./errors.ts";
import { cloneJson, copyJson, type JsonValue } from "./json.ts";
import type { Context } from "./operations.ts";
import type { Factory, GetOrSetOptions } from "./options.ts";
import { expiryOf, kindOf, type Revision, timeoutOf } from "./record.ts";
import { newRevision } from "./revision.ts";
import { anyShape } from "./schema.ts";
import { voidingCopies } from "./stale-copies.ts";
import { Collection } from "./store.ts";

/** The longest pause between two looks at another process' lease. Pauses begin with {@link FIRST_PAUSE} and double. */
const LONGEST_PAUSE = 250;
const FIRST_PAUSE = 10;

/** One call, as its collection hands it over. */
export interface Request {
  readonly context: Context;
  readonly id: RecordId;
  readonly call: OngoingCall;
  readonly factory: Factory<unknown>;
  readonly options: GetOrSetOptions;
  /** Whether the collection's schema accepts it. @throws SchemaError */
  check(value: JsonValue): unknown;
  /** Rejects the call with what its factory has thrown, as it is. */
  fail(error: unknown): never;
}

/** All times in milliseconds. */
interface Terms {
  readonly ttl: number | undefined;
  readonly staleFor: number | undefined;
  readonly timeout: number;
}

/** What a flight comes to; `"elsewhere"`: another process is at it, and nobody waits here. */
type Result = { readonly value: JsonValue | undefined } | { readonly thrown: unknown } | "elsewhere";

/** The record that was found or made, live or stale. */
export async function getOrSet(request: Request): Promise<StoredRecord | undefined> {
  const { context, id, call } = request;
  const terms = termsOf(request);
  const flights = flightsOf(context);
  if (terms.staleFor !== undefined) flights.keepCopies(id.collection);

  const { driver } = context;
  const found = liveOrNone(driver, await driver.get(id, call));
  if (found) return found;

  if (terms.staleFor !== undefined) {
    const stale = await staleCopy(driver, id, call);
    if (stale !== undefined) {
      flights.refresh(request, terms);
      return recordOf(stale);
    }
  }

  for (;;) {
    stillWanted(call);
    const result = await flights.to(request, terms, "patient").join(call);
    if (result === "elsewhere") continue;
    if ("thrown" in result) return request.fail(result.thrown);
    // Each caller gets a copy of its own.
    return result.value === undefined ? undefined : recordOf(cloneJson(result.value));
  }
}

/** @throws InvalidArgumentError, InvalidTtlError */
function termsOf({ context, factory, options }: Request): Terms {
  const { ttl, staleFor, timeout } = options;
  if (typeof factory !== "function") {
    throw new InvalidArgumentError(`getOrSet takes a function that makes the value, not ${kindOf(factory)}`);
  }
  if (staleFor !== undefined && ttl === undefined) {
    throw new InvalidArgumentError("staleFor needs a ttl, after which a value is stale");
  }
  const now = Date.now();
  const millisecondsOf = (duration: GetOrSetOptions["ttl"]): number | undefined => {
    const end = expiryOf({ ttl: duration }, now);
    return end === undefined ? undefined : end - now;
  };
  return {
    ttl: millisecondsOf(ttl),
    staleFor: millisecondsOf(staleFor),
    timeout: timeout === undefined ? context.connection.deadlines.timeout : timeoutOf(timeout),
  };
}

/** The expired value, if it may still be given. */
async function staleCopy(driver: Driver, id: RecordId, call: OngoingCall): Promise<JsonValue | undefined> {
  try {
    const record = liveOrNone(driver, await driver.get({ ...id, key: copyKey(id.key) }, call));
    const copy = record?.value;
    if (!isCopy(copy)) return undefined;
    // A record that is not there before its time was deleted.
    return copy.fresh_until <= Date.now() ? copy.value : undefined;
  } catch (error) {
    // It only helps out, and the next value replaces it.
    if (error instanceof CorruptRecordError) return undefined;
    throw error;
  }
}

interface Copy {
  readonly value: JsonValue;
  readonly fresh_until: number;
}

function isCopy(value: JsonValue | undefined): value is JsonValue & Copy {
  return typeof value === "object" && value !== null && "fresh_until" in value && typeof value.fresh_until === "number";
}

function recordOf(value: JsonValue): StoredRecord {
  return { value, createdAt: undefined, expiresAt: undefined, revision: newRevision() };
}

const known = new WeakMap<Context, Flights>();

function flightsOf(context: Context): Flights {
  const flights = known.get(context) ?? new Flights(context);
  known.set(context, flights);
  return flights;
}

/** The calls of factories that are under way for one store. */
class Flights {
  readonly #context: Context;
  /** The store's driver, with writes that leave copies as they are. */
  readonly driver: Driver;
  readonly #underWay = new Map<string, Flight>();
  readonly #withCopies = new Set<string>();

  constructor(context: Context) {
    const { connection, driver } = context;
    this.#context = context;
    this.driver = driver === connection.driver ? connection.layered : driver;
  }

  /** From now on, writes to the collection void the copies of what they change. */
  keepCopies(collection: string): void {
    if (this.#withCopies.size === 0) this.#context.driver = voidingCopies(this.driver, this.#withCopies);
    this.#withCopies.add(collection);
  }

  /** The flight that makes this value: the one under way, or a new one. */
  to(request: Request, terms: Terms, patience: "patient" | "impatient"): Flight {
    const name = nameOf(request.id);
    const underWay = this.#underWay.get(name);
    if (underWay) return underWay;
    const land = (): void => {
      if (this.#underWay.get(name) === flight) this.#underWay.delete(name);
    };
    const flight: Flight = new Flight(request, terms, this.driver, patience === "patient", land);
    this.#underWay.set(name, flight);
    return flight;
  }

  /** Makes the value anew beside the call. */
  refresh(request: Request, terms: Terms): void {
    if (this.#underWay.has(nameOf(request.id))) return;
    const { connection } = request.context;
    try {
      const { timeout } = request.options;
      const call = new OngoingCall(connection, request.call.subject, { timeout });
      const report = (error: unknown): void => connection.report({ type: "background-error", error });
      const told = (result: Result): void => {
        if (result !== "elsewhere" && "thrown" in result) report(result.thrown);
      };
      void call.settle(this.to(request, terms, "impatient").join(call), told).catch(report);
    } catch {
      // The store is being closed, and what was stale stays so.
    }
  }
}

function nameOf({ collection, key }: RecordId): string {
  return `${collection.length} ${collection}${key}`;
}

/** One call of the factory, with all that comes before and after it. Lasts as long as somebody waits for it. */
class Flight {
  readonly #request: Request;
  readonly #terms: Terms;
  readonly #patient: boolean;
  readonly #land: () => void;
  /** The collection, for calls that are part of the flight: they are made also while the store is being closed. */
  readonly #records: Collection<"write" | "atomic">;
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
    const scope: CallScope = { deadlines: context.connection.deadlines, begin() {}, end() {} };
    this.#records = new Collection({ ...context, scope, sentAtOnce: false, driver }, id.collection, anyShape);
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
      const options = { ttl: timeout / 1000, ...this.#bounds };
      const lease = await this.#records.putIfAbsent(leaseKey(this.#key), true, options);
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
    return this.#records.get(this.#key, this.#bounds);
  }

  async #make(): Promise<Result> {
    const answer = await this.#callFactory();
    if ("thrown" in answer) return answer;
    if (answer.made === undefined) {
      // There is none any more: nor is what there was.
      if (this.#terms.staleFor !== undefined) await this.#records.delete(copyKey(this.#key), this.#bounds);
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
    if (ttl !== undefined && staleFor !== undefined) {
      const copy = { value, fresh_until: Date.now() + ttl };
      // Before the record: see voidingCopies.
      await this.#records.put(copyKey(this.#key), copy, { ttl: (ttl + staleFor) / 1000, ...this.#bounds });
    }
    await this.#records.put(this.#key, value, { ...(ttl !== undefined && { ttl: ttl / 1000 }), ...this.#bounds });
  }

  async #release(lease: Revision): Promise<void> {
    try {
      await this.#records.compareAndDelete(leaseKey(this.#key), lease, { timeout: this.#terms.timeout });
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
