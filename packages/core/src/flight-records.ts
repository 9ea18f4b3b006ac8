/** What a flight of `getOrSet` reads and writes: the user's record, and what is kept beside it. */
import { liveOrNone, swap } from "./atomics.ts";
import type { CallOptions, OngoingCall } from "./call.ts";
import { chain, type Driver, type MaybePromise, type StoredRecord } from "./driver/driver.ts";
import { cloneJson, type JsonValue } from "./json.ts";
import { type Context, Operations } from "./operations.ts";
import type { Revision } from "./record.ts";
import { newRevision } from "./revision.ts";
import { anyShape } from "./schema.ts";

/**
 * Keys are those of the stored records. Calls go by an operation of their own: what they find decides about a write, so
 * that it must come from where it would be written. They are made also while the store is being closed.
 */
export class FlightRecords extends Operations<JsonValue> {
  readonly #driver: Driver;

  constructor(context: Context, driver: Driver, collection: string) {
    const scope = { deadlines: context.connection.deadlines, begin() {}, end() {} };
    super({ ...context, scope, sentAtOnce: false, driver }, collection, anyShape);
    this.#driver = driver;
  }

  async find(key: string, options: CallOptions): Promise<JsonValue | undefined> {
    const driver = this.#driver;
    const record = await this.#fill(options, (call) => driver.get(this.#at(key), call));
    const live = liveOrNone(driver, record);
    return live && (driver.keepsReferences ? cloneJson(live.value) : live.value);
  }

  /** Stores the user's value. @param ttl milliseconds */
  store(key: string, value: JsonValue, ttl: number | undefined, options: CallOptions): Promise<void> {
    return this.#fill(options, (call) => this.#driver.put(this.#at(key), recordOf(value, ttl), call));
  }

  /** Stores what is none of the user's. */
  keep(key: string, value: JsonValue, ttl: number, options: CallOptions): Promise<void> {
    return this.#fill(options, (call) => this.#driver.put(this.#at(key), recordOf(value, ttl, true), call));
  }

  async remove(key: string, options: CallOptions): Promise<void> {
    await this.#fill(options, (call) => this.#driver.delete(this.#at(key), call));
  }

  /** `undefined` where somebody has it. */
  acquire(key: string, ttl: number, options: CallOptions): Promise<Revision | undefined> {
    const lease = recordOf(true, ttl, true);
    return this.#fill(options, (call) =>
      chain(swap(this.#driver, this.#at(key), "absent", lease, call), ({ swapped }) =>
        swapped ? lease.revision : undefined,
      ),
    );
  }

  async release(key: string, lease: Revision, options: CallOptions): Promise<void> {
    await this.#fill(options, (call) => swap(this.#driver, this.#at(key), lease, undefined, call));
  }

  #fill<T>(options: CallOptions, exchange: (call: OngoingCall) => MaybePromise<T>): Promise<T> {
    return this.exchange("fill", options, exchange, true);
  }

  #at(key: string) {
    return { collection: this.name, key };
  }
}

function recordOf(value: JsonValue, ttl: number | undefined, beside?: true): StoredRecord {
  const now = Date.now();
  // Whole milliseconds, as all that is stored.
  const expiresAt = ttl === undefined ? undefined : Math.ceil(now + ttl);
  return { value, createdAt: now, expiresAt, revision: newRevision(), ...(beside && { beside }) };
}
