/** The calls of factories that are under way for `getOrSet`, and the pauses after those that failed. */
import { OngoingCall } from "./call.ts";
import type { Driver, RecordId } from "./driver/driver.ts";
import { Flight, type Result } from "./flight.ts";
import type { Request, Terms } from "./get-or-set.ts";
import type { Context } from "./operations.ts";
import { recordName } from "./record.ts";
import { voidingCopies } from "./stale-copies.ts";

/** How long a stale value is left alone after a factory failed: at first, and at most. Pauses double. */
const FIRST_REST = 1000;
const LONGEST_REST = 60_000;
/** Of how many values failures are remembered. */
const MOST_RESTING = 10_000;

/** Of a value that could not be made anew. */
interface Rest {
  readonly pause: number;
  /** On the clock of `performance.now()`. */
  readonly until: number;
}

const known = new WeakMap<Context, Flights>();

export function flightsOf(context: Context): Flights {
  const flights = known.get(context) ?? new Flights(context);
  known.set(context, flights);
  return flights;
}

/** Those of one store. */
class Flights {
  readonly #context: Context;
  /** The store's driver, with writes that leave copies as they are. */
  readonly driver: Driver;
  readonly #underWay = new Map<string, Flight>();
  readonly #withCopies = new Set<string>();
  /** By name, the oldest failure first. */
  readonly #resting = new Map<string, Rest>();

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
    const name = recordName(request.id);
    const underWay = this.#underWay.get(name);
    if (underWay) return underWay;
    const land = (): void => {
      if (this.#underWay.get(name) === flight) this.#underWay.delete(name);
    };
    const flight: Flight = new Flight(request, terms, this.driver, patience === "patient", land);
    this.#underWay.set(name, flight);
    return flight;
  }

  /** Makes the value anew beside the call, unless it is under way, or has failed a moment ago. */
  refresh(request: Request, terms: Terms): void {
    const name = recordName(request.id);
    if (this.#underWay.has(name) || performance.now() < (this.#resting.get(name)?.until ?? 0)) return;
    const { connection } = request.context;
    const failed = (error: unknown): void => {
      this.#rest(name);
      connection.report({ type: "background-error", error });
    };
    const told = (result: Result): void => {
      if (result === "elsewhere") return;
      if ("thrown" in result) failed(result.thrown);
      else this.#resting.delete(name);
    };
    try {
      const { timeout } = request.options;
      const call = new OngoingCall(connection, request.call.subject, { timeout });
      void call.settle(this.to(request, terms, "impatient").join(call), told).catch(failed);
    } catch {
      // The store is being closed, and what was stale stays so.
    }
  }

  /** The value was made, for whomever. */
  recovered(id: RecordId): void {
    if (this.#resting.size > 0) this.#resting.delete(recordName(id));
  }

  /** With a stale value at hand, a factory that fails is not called again at once by all who ask. */
  #rest(name: string): void {
    const pause = Math.min(LONGEST_REST, (this.#resting.get(name)?.pause ?? FIRST_REST / 2) * 2);
    this.#resting.delete(name);
    this.#resting.set(name, { pause, until: performance.now() + pause });
    const [oldest] = this.#resting.keys();
    if (oldest !== undefined && this.#resting.size > MOST_RESTING) this.#resting.delete(oldest);
  }
}
