/** `getOrSet`: who asks for a value that is not there waits for one call of the factory, in this process and among all. */
import { liveOrNone } from "./atomics.ts";
import { copyKey } from "./beside.ts";
import { type OngoingCall, stillWanted } from "./call.ts";
import type { Driver, RecordId, StoredRecord } from "./driver/driver.ts";
import { CorruptRecordError, InvalidArgumentError } from "./errors.ts";
import { flightsOf } from "./flights.ts";
import { cloneJson, type JsonValue } from "./json.ts";
import type { Context } from "./operations.ts";
import type { Factory, GetOrSetOptions } from "./options.ts";
import { expiryOf, kindOf, timeoutOf } from "./record.ts";
import { newRevision } from "./revision.ts";

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
export interface Terms {
  readonly ttl: number | undefined;
  readonly staleFor: number | undefined;
  readonly timeout: number;
}

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
    flights.recovered(id);
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
