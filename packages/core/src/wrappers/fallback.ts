/** A second store for what cannot be read from or written to the first one while that is down. */
import { getMany } from "../batch.ts";
import { stillWanted } from "../call.ts";
import { type Capability, requireCapabilities } from "../capabilities.ts";
import {
  type Call,
  type Driver,
  isLive,
  type MaybePromise,
  type Operation,
  type RecordId,
  type Settled,
  type StoredRecord,
} from "../driver/driver.ts";
import { defineLayer, forward, type Layer, settle } from "../driver/layer.ts";
import { asKeyValueError, InvalidArgumentError, KeyValueError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import { type Revision, timeoutOf } from "../record.ts";
import { KeyValueStore } from "../store.ts";
import { callHook, checkOptions, functionOf } from "./options.ts";
import { timeout } from "./timeout.ts";

export interface FallbackOptions {
  /** How long an exchange with the first store may take: less than the calls' own timeout. Default: 1 s. */
  readonly timeout?: number | string | undefined;
  /** Tells which store it was: told whenever the second store answers, and of each record that is replayed. What it throws is ignored. */
  readonly onEvent?: ((event: FallbackEvent) => void) | undefined;
}

export type FallbackEvent =
  /** The second store answered, since the first one failed by this error. */
  | { readonly type: "fallback"; readonly operation: Operation; readonly error: KeyValueError }
  /** What was written in an outage is in the first store again; `kept`: what is there is newer, and stayed. */
  | { readonly type: "replayed"; readonly id: RecordId; readonly kept: boolean };

export interface Replayed {
  /** Records that were written, or deleted, in the first store. */
  readonly applied: number;
  /** Those of which the first store has a newer one, which stayed. */
  readonly kept: number;
}

export interface Fallback<W extends Capability> extends Layer<"write", W> {
  /**
   * Brings what was written in an outage to the first store; where the second one can `enumerate`, what other processes
   * have left there as well. Each record also goes by itself before the store is next asked for it.
   * Rejects where a store fails: what is left stays where it is.
   */
  replay(): Promise<Replayed>;
}

/**
 * Where the first store is down (`UNAVAILABLE`, `TIMEOUT`; no other error), `put` goes to the second one, unless it may have
 * been applied; so do reads and deletions of what was written there. Of what the second store does not know, nobody can
 * tell whether there is a record: then the error is the first one's. Atomic operations, enumerations and clearing are for
 * the first store alone.
 *
 * A record of an outage replaces what is in the first store by compare-and-swap (where that is `atomic`), unless what is
 * there was created later. The second store is for this alone, is not closed with the first one, and where it is not
 * `durable`, the whole is not.
 * @throws InvalidArgumentError, UnsupportedOperationError where the second store cannot write
 */
export function fallback<C extends Capability>(
  secondary: KeyValueStore<C>,
  options?: FallbackOptions,
): Fallback<"durable" extends C ? never : "durable">;
export function fallback(secondary: KeyValueStore<never>, options: FallbackOptions = {}): Fallback<"durable"> {
  checkOptions(options, "fallback");
  if (!(secondary instanceof KeyValueStore)) throw new InvalidArgumentError("fallback takes a store, to be the second");
  if (!secondary.can("write")) {
    requireCapabilities(secondary.capabilities, ["write"], "the second store of a fallback");
    throw new TypeError("can() and the capabilities of the store contradict each other");
  }
  const bound = timeoutOf(options.timeout ?? "1s");
  const onEvent = functionOf(options.onEvent, "onEvent");
  let outage: Outage | undefined;
  const layer = defineLayer<"write", "durable">(
    "fallback",
    (inner) => {
      if (outage) throw new InvalidArgumentError("a fallback belongs to one store: make another for the next");
      outage = new Outage(timeout(bound).apply(inner), secondary, onEvent);
      return fallen(outage);
    },
    { needs: ["write"], withdraws: secondary.capabilities.durable ? [] : ["durable"] },
  );
  return {
    ...layer,
    async replay() {
      if (!outage) throw new InvalidArgumentError("this fallback is on no store");
      return outage.replayAll(() => new ReplayCall(bound));
    },
  };
}

function fallen(outage: Outage): Driver {
  const { primary } = outage;
  const { putMany, deleteMany, swap, take, list, collections, clear } = forward(primary, {});

  /** From the first store, after what it lacks of these records. */
  const first = async <T>(ids: Iterable<RecordId>, call: Call, exchange: () => MaybePromise<T>): Promise<T> => {
    await outage.settle(ids, call);
    return exchange();
  };

  /** A batch to the first store; its records that failed, each by `otherwise`. */
  async function batch<T>(
    ids: readonly RecordId[],
    call: Call,
    exchange: () => MaybePromise<readonly Settled<T>[]>,
    otherwise: (at: number, failure: KeyValueError) => Promise<T>,
  ): Promise<readonly Settled<T>[]> {
    const whole = await settle(() => first(ids, call, exchange));
    const answers = whole instanceof KeyValueError ? ids.map(() => whole) : whole;
    return Promise.all(
      answers.map((answer, at) => (answer instanceof KeyValueError ? settle(() => otherwise(at, answer)) : answer)),
    );
  }

  const at = <T>(items: readonly T[], index: number): T => items[index] as T;

  return forward(primary, {
    get: (id, call) =>
      first([id], call, () => primary.get(id, call)).catch((error) => outage.read("get", id, call, error)),
    getMany: (ids, call) =>
      batch(
        ids,
        call,
        () => getMany(primary, ids, call),
        (index, failure) => outage.read("getMany", at(ids, index), call, failure),
      ),
    put: (id, record, call) =>
      first([id], call, () => primary.put(id, record, call)).catch((error) =>
        outage.put("put", { id, record }, call, error),
      ),
    putMany:
      putMany &&
      ((requests, call) =>
        batch(
          requests.map(({ id }) => id),
          call,
          () => putMany(requests, call),
          (index, failure) => outage.put("putMany", at(requests, index), call, failure),
        )),
    delete: (id, call) =>
      first([id], call, () => primary.delete(id, call)).catch((error) => outage.delete("delete", id, call, error)),
    deleteMany:
      deleteMany &&
      ((ids, call) =>
        batch(
          ids,
          call,
          () => deleteMany(ids, call),
          (index, failure) => outage.delete("deleteMany", at(ids, index), call, failure),
        )),
    swap: swap && ((id, expected, next, call) => first([id], call, () => swap(id, expected, next, call))),
    take: take && ((id, call) => first([id], call, () => take(id, call))),
    list: list && ((scope, options, call) => first(outage.left, call, () => list(scope, options, call))),
    collections:
      collections && ((prefix, cursor, call) => first(outage.left, call, () => collections(prefix, cursor, call))),
    clear: clear && ((scope, cursor, call) => first(outage.left, call, () => clear(scope, cursor, call))),
  });
}

/** What lies in the second store of a record. Times are milliseconds since the epoch. */
interface Left {
  readonly written_at: number;
  /** Absent: it was deleted. */
  readonly record?: {
    readonly value: JsonValue;
    readonly created_at?: number | undefined;
    readonly expires_at?: number | undefined;
    readonly revision: string;
  };
}

/** The second store, and what it has that the first one lacks. */
class Outage {
  readonly primary: Driver;
  readonly #secondary: KeyValueStore<"write">;
  readonly #onEvent: FallbackOptions["onEvent"];
  /** What this process has left in the second store, by name. */
  readonly #left = new Map<string, RecordId>();
  /** The last step under way of each name: they are taken one after the other. */
  readonly #steps = new Map<string, Promise<unknown>>();

  constructor(primary: Driver, secondary: KeyValueStore<"write">, onEvent: FallbackOptions["onEvent"]) {
    this.primary = primary;
    this.#secondary = secondary;
    this.#onEvent = onEvent;
  }

  get left(): Iterable<RecordId> {
    return this.#left.values();
  }

  /** @throws the failure where the second store knows nothing of the record, either */
  async read(operation: Operation, id: RecordId, call: Call, failure: unknown): Promise<StoredRecord | undefined> {
    const error = outageOf(failure);
    stillWanted(call);
    const found = await settle(() => this.#records(id).get(id.key));
    if (!isLeft(found)) throw error;
    callHook(this.#onEvent, { type: "fallback", operation, error });
    return recordOf(found);
  }

  /** @throws the failure where the first store may have the record */
  async put(
    operation: Operation,
    { id, record }: { id: RecordId; record: StoredRecord },
    call: Call,
    failure: unknown,
  ) {
    const error = outageOf(failure, "not-applied");
    await this.#step(id, () => {
      stillWanted(call);
      return this.#leave(id, record);
    });
    callHook(this.#onEvent, { type: "fallback", operation, error });
  }

  /** @throws the failure where nobody can tell whether there is a record, or it may have been deleted */
  async delete(operation: Operation, id: RecordId, call: Call, failure: unknown): Promise<boolean> {
    const error = outageOf(failure, "not-applied");
    const found = await this.#step(id, async () => {
      stillWanted(call);
      const left = await settle(() => this.#records(id).get(id.key));
      if (!isLeft(left)) throw error;
      const there = recordOf(left) !== undefined;
      if (there) await this.#leave(id, undefined);
      return there;
    });
    callHook(this.#onEvent, { type: "fallback", operation, error });
    return found;
  }

  /** Brings what there is left of these records to the first store. @throws where that fails still */
  async settle(ids: Iterable<RecordId>, call: Call): Promise<void> {
    if (this.#left.size === 0) return;
    try {
      for (const id of [...ids]) if (this.#left.has(nameOf(id))) await this.#replay(id, call);
    } catch (error) {
      // What it is for has not begun.
      throw asKeyValueError(error).copy("not-applied");
    }
  }

  async replayAll(newCall: () => Call): Promise<Replayed> {
    const all = new Map(this.#left);
    const secondary: KeyValueStore<never> = this.#secondary;
    if (secondary.can("enumerate")) {
      for await (const collection of secondary.collections()) {
        for await (const key of secondary.collection(collection).keys()) {
          const id = { collection, key };
          all.set(nameOf(id), id);
        }
      }
    }
    const counts = { applied: 0, kept: 0 };
    for (const id of all.values()) {
      const done = await this.#replay(id, newCall());
      if (done) counts[done]++;
    }
    return counts;
  }

  #replay(id: RecordId, call: Call): Promise<keyof Replayed | undefined> {
    return this.#step(id, async () => {
      const entry = await this.#records(id).getEntry(id.key);
      const left = entry?.value;
      let done: keyof Replayed | undefined;
      if (isLeft(left)) {
        done = await this.#write(id, left, call);
        await this.#records(id).delete(id.key);
        callHook(this.#onEvent, { type: "replayed", id, kept: done === "kept" });
      }
      this.#left.delete(nameOf(id));
      return done;
    });
  }

  async #write(id: RecordId, left: Left, call: Call): Promise<keyof Replayed> {
    const { primary } = this;
    const record = recordOf(left);
    let current = await primary.get(id, call);
    for (;;) {
      stillWanted(call);
      if (current && !primary.capabilities.nativeExpiry && !isLive(current)) current = undefined;
      // An earlier attempt, whose answer was lost.
      if (current?.revision === record?.revision) return "applied";
      if (current && (current.createdAt ?? 0) > left.written_at) return "kept";
      if (!primary.swap) {
        if (record) await primary.put(id, record, call);
        else await primary.delete(id, call);
        return "applied";
      }
      const result = await primary.swap(id, current?.revision ?? "absent", record, call);
      if (result.swapped) return "applied";
      current = result.current;
    }
  }

  async #leave(id: RecordId, record: StoredRecord | undefined): Promise<void> {
    // Without its expiry: when it ends, the older record in the first store must not come back.
    await this.#records(id).put(id.key, leftOf(record));
    this.#left.set(nameOf(id), id);
  }

  #records(id: RecordId) {
    return this.#secondary.collection(id.collection);
  }

  /** One after the other, of one record. */
  #step<T>(id: RecordId, run: () => Promise<T>): Promise<T> {
    const name = nameOf(id);
    const step = (this.#steps.get(name) ?? Promise.resolve()).then(run, run);
    this.#steps.set(name, step);
    const end = (): void => {
      if (this.#steps.get(name) === step) this.#steps.delete(name);
    };
    step.then(end, end);
    return step;
  }
}

/** The error of an outage. @throws any other, and one of a write that may have been applied */
function outageOf(failure: unknown, outcome?: "not-applied"): KeyValueError {
  const error = asKeyValueError(failure);
  const isOutage = error.code === "UNAVAILABLE" || error.code === "TIMEOUT";
  if (!isOutage || (outcome && error.outcome !== outcome)) throw error;
  return error;
}

function nameOf({ collection, key }: RecordId): string {
  return `${collection.length} ${collection}${key}`;
}

function leftOf(record: StoredRecord | undefined) {
  const left = { written_at: Date.now() };
  if (!record) return left;
  const { value, createdAt, expiresAt, revision } = record;
  return { ...left, record: { value, created_at: createdAt, expires_at: expiresAt, revision } };
}

function isLeft(value: JsonValue | KeyValueError | undefined): value is JsonValue & Left {
  return typeof value === "object" && value !== null && "written_at" in value && typeof value.written_at === "number";
}

/** The record, unless it was deleted or has expired. */
function recordOf({ record }: Left): StoredRecord | undefined {
  if (!record || !isLive({ expiresAt: record.expires_at })) return undefined;
  const { value, created_at: createdAt, expires_at: expiresAt, revision } = record;
  return { value, createdAt, expiresAt, revision: revision as Revision };
}

/** The call of a replay, which is no call of a user's. */
class ReplayCall implements Call {
  readonly operation = "replay";
  readonly deadline: number;
  readonly signal: AbortSignal;

  constructor(milliseconds: number) {
    this.deadline = performance.now() + milliseconds;
    this.signal = AbortSignal.timeout(milliseconds);
  }

  get ended(): boolean {
    return this.signal.aborted;
  }

  markSent(): void {}
}
