/** The operations on single records and batches of them, which a store and its collections have in common. */
import { sumOf, swap } from "./atomics.ts";
import { batchSize, deleteMany, keysOf, putMany, successes } from "./batch.ts";
import { asThrown, type CallOptions, explain, explaining, type OngoingCall, type Thrown } from "./call.ts";
import type { Capability, Has } from "./capabilities.ts";
import {
  chain,
  isPromise,
  type MaybePromise,
  type RecordId,
  type StoredRecord,
  type WriteRequest,
} from "./driver/driver.ts";
import { all, settle } from "./driver/layer.ts";
import { InvalidArgumentError, KeyValueError } from "./errors.ts";
import { copyJson, type Jsonable, type JsonValue } from "./json.ts";
import { type Context, keyOfId, newRecord, Operations, same } from "./operations.ts";
import type { Factory, GetOrSetOptions, IncrementOptions, PutEntry, PutOptions, UpdateOptions } from "./options.ts";
import { checkName, type Duration, type Entry, expiryOf, kindOf, type Revision } from "./record.ts";
import { checkRevision } from "./revision.ts";

declare const capability: unique symbol;

/**
 * Every method rejects with a {@link KeyValueError}, never throws; each also with `StoreClosedError`, `TimeoutError`,
 * `AbortedError`, `StoreUnavailableError` and `InvalidNameError`, which are not repeated below.
 */
export abstract class Records<in C extends Capability, Out, In> extends Operations<Out> {
  declare readonly [capability]: Has<C>;

  /** @internal */
  static contextOf(records: Records<never, JsonValue, never>): Context {
    return records.context;
  }

  /** The value, or `undefined` where there is none. @throws CorruptRecordError, SchemaError */
  get(key: string, options?: CallOptions): Promise<Out | undefined> {
    return this.one("get", key, false, options, this.#get, this.outputOf);
  }

  /** Whether there is a record. */
  has(key: string, options?: CallOptions): Promise<boolean> {
    return this.one("has", key, false, options, this.#get, (record) => this.live(record) !== undefined);
  }

  /** The values in the order of the keys, which may repeat. @throws BatchError */
  getMany(keys: Iterable<string>, options?: CallOptions): Promise<(Out | undefined)[]> {
    return this.many("getMany", keys, options, this.outputOf);
  }

  /** The value with what is known about it. @throws CorruptRecordError, SchemaError */
  getEntry(key: string, options?: CallOptions): Promise<Entry<Out> | undefined> {
    return this.one("getEntry", key, false, options, this.#get, (record) => this.entryOf(key, record));
  }

  /** The entries in the order of the keys, which may repeat. @throws BatchError */
  getEntries(keys: Iterable<string>, options?: CallOptions): Promise<(Entry<Out> | undefined)[]> {
    return this.many("getEntries", keys, options, (record, key) => this.entryOf(key, record));
  }

  /**
   * Stores the value in place of what was there, its expiry too.
   * @throws InvalidValueError, InvalidTtlError, SchemaError, ValueTooLargeError
   */
  put<const V extends In>(
    this: Records<"write", Out, In>,
    key: string,
    value: V & Jsonable<V>,
    options?: PutOptions,
  ): Promise<void> {
    return this.write("put", "write", key, value, options, this.#put);
  }

  /** Stores all entries; of several with one key the last. Nothing is sent where one is invalid. @throws as put, BatchError */
  async putMany<const E extends PutEntry<In>>(
    this: Records<"write", Out, In>,
    entries: Iterable<E & { readonly value: Jsonable<E["value"]> }>,
    options?: CallOptions,
  ): Promise<void> {
    const { driver } = this.context;
    const subject = this.subjectOf("putMany", true);
    const prepared = explaining(subject, () => {
      this.require("write", "putMany");
      if (typeof entries?.[Symbol.iterator] !== "function") {
        throw new InvalidArgumentError("entries must be an iterable of { key, value }");
      }
      const list = [...entries];
      const atOnce = driver.putMany !== undefined && list.length <= batchSize(driver, "put");
      const last = new Map<string, WriteRequest>();
      const now = Date.now();
      const checks: MaybePromise<unknown>[] = [];
      for (const entry of list) {
        checkName(entry?.key, "key");
        const explained = (error: unknown) => explain(error, { ...subject, key: entry.key });
        try {
          const record = newRecord(this.accept(entry.value, atOnce), now, expiryOf(entry, now));
          if (this.shape.checks) checks.push(settle(() => this.check(record.value), explained));
          last.set(entry.key, { id: this.idOf(entry.key), record });
        } catch (error) {
          throw explained(error);
        }
      }
      return chain(all(checks), (answers) => {
        for (const answer of answers) if (answer instanceof KeyValueError) throw answer;
        return [...last.values()];
      });
    });
    const requests = isPromise(prepared) ? await prepared : prepared;
    const keyOf = ({ id }: WriteRequest): string => keyOfId(id);
    const write = (chunk: readonly WriteRequest[], call: OngoingCall) => putMany(driver, chunk, call);
    successes(subject, requests.map(keyOf), await this.chunks("put", subject, requests, keyOf, options, write));
  }

  /** Whether there was a record. */
  delete(this: Records<"write", Out, In>, key: string, options?: CallOptions): Promise<boolean> {
    const { driver } = this.context;
    return this.one(
      "delete",
      key,
      true,
      options,
      (id, call) => {
        this.require("write", "delete");
        return driver.delete(id, call);
      },
      same,
    );
  }

  /** How many of the records there were. A key that repeats counts once. @throws BatchError */
  async deleteMany(this: Records<"write", Out, In>, keys: Iterable<string>, options?: CallOptions): Promise<number> {
    const { driver } = this.context;
    const subject = this.subjectOf("deleteMany", true);
    const unique = await explaining(subject, () => {
      this.require("write", "deleteMany");
      return [...new Set(keysOf(keys))];
    });
    const ids = unique.map((key) => this.idOf(key));
    const answers = await this.chunks("delete", subject, ids, keyOfId, options, (chunk, call) =>
      deleteMany(driver, chunk, call),
    );
    return successes(subject, unique, answers).filter(Boolean).length;
  }

  /**
   * Stores the value only where there is no record: the new revision; `undefined` where there is one.
   * @throws as put
   */
  putIfAbsent<const V extends In>(
    this: Records<"atomic", Out, In>,
    key: string,
    value: V & Jsonable<V>,
    options?: PutOptions,
  ): Promise<Revision | undefined> {
    return this.write("putIfAbsent", "atomic", key, value, options, (id, record, call) =>
      this.#swap(id, "absent", record, call),
    );
  }

  /** Deletes the record and gives its value: of several callers, one gets it. @throws CorruptRecordError, SchemaError */
  take(this: Records<"atomic", Out, In>, key: string, options?: CallOptions): Promise<Out | undefined> {
    const { driver } = this.context;
    const { take } = driver;
    if (take && driver.capabilities.atomic && !this.shape.checks) {
      return this.one("take", key, true, options, (id, call) => take.call(driver, id, call), this.outputOf);
    }
    let taken: Out | undefined;
    return this.modify(
      "take",
      key,
      options,
      async (current) => {
        taken = await this.outputOf(current);
        return undefined;
      },
      () => taken,
    );
  }

  /**
   * Stores the value only where the record still has this revision (see `getEntry`): the new revision; `undefined`
   * where someone else changed or deleted it. @throws as put
   */
  compareAndSwap<const V extends In>(
    this: Records<"atomic", Out, In>,
    key: string,
    revision: Revision,
    value: V & Jsonable<V>,
    options?: PutOptions,
  ): Promise<Revision | undefined> {
    return this.write("compareAndSwap", "atomic", key, value, options, (id, record, call) => {
      checkRevision(revision);
      return this.#swap(id, revision, record, call);
    });
  }

  /** Deletes the record only where it still has this revision: whether it did. */
  compareAndDelete(
    this: Records<"atomic", Out, In>,
    key: string,
    revision: Revision,
    options?: CallOptions,
  ): Promise<boolean> {
    return this.one(
      "compareAndDelete",
      key,
      true,
      options,
      (id, call) => {
        this.require("atomic", "compareAndDelete");
        checkRevision(revision);
        return swap(this.context.driver, id, revision, undefined, call);
      },
      ({ swapped }) => swapped,
    );
  }

  /**
   * Adds `by` to the number, which begins at 0: the sum.
   * @throws InvalidCounterError where the value is no number, or the sum is neither a safe integer nor a finite float
   */
  increment(this: Records<"atomic", Out, In>, key: string, by = 1, options?: IncrementOptions): Promise<number> {
    let sum = 0;
    return this.modify(
      "increment",
      key,
      options,
      async (current) => {
        const now = Date.now();
        sum = sumOf(current ? current.value : 0, by);
        await this.check(sum);
        const expiresAt = expiryOf({ ttl: options?.ttl }, now);
        return newRecord(sum, current?.createdAt ?? now, current ? current.expiresAt : expiresAt);
      },
      () => sum,
    );
  }

  /** Gives the record a new time to live, `null` for ever: whether there was one. @throws InvalidTtlError */
  touch(this: Records<"atomic", Out, In>, key: string, ttl: Duration | null, options?: CallOptions): Promise<boolean> {
    let found = false;
    return this.modify(
      "touch",
      key,
      options,
      (current) => {
        const expiresAt = ttl === null ? undefined : expiryOf({ ttl: ttl ?? Number.NaN }, Date.now());
        found = current !== undefined;
        return current && newRecord(current.value, current.createdAt, expiresAt);
      },
      () => found,
    );
  }

  /**
   * Replaces the value by what `change` makes of it; `undefined` deletes. `change` runs again where another process
   * was faster, so it should do nothing else. Resolves to the new value.
   * @throws as put
   */
  update<const V extends In | undefined>(
    this: Records<"atomic", Out, In>,
    key: string,
    // The second type only checks, so that the first alone is inferred from, also where it is a union.
    change: ((current: Out | undefined) => MaybePromise<V>) & ((current: Out | undefined) => MaybePromise<Jsonable<V>>),
    options?: UpdateOptions,
  ): Promise<Out | undefined> {
    let result: Out | undefined;
    let thrown: Thrown | undefined;
    const attempt = this.modify(
      "update",
      key,
      options,
      async (current) => {
        if (typeof change !== "function") {
          throw new InvalidArgumentError(`update takes a function, not ${kindOf(change)}`);
        }
        const before = await this.outputOf(current);
        const changed = await Promise.resolve(before)
          .then(change)
          .catch((error: unknown) => {
            thrown = { error };
            throw error;
          });
        if (changed === undefined) {
          result = undefined;
          return undefined;
        }
        const value = copyJson(changed);
        result = await this.read(value);
        const now = Date.now();
        const keepsTtl = options !== undefined && "keepTtl" in options && options.keepTtl;
        return newRecord(value, current?.createdAt ?? now, keepsTtl ? current?.expiresAt : expiryOf(options, now));
      },
      () => result,
    );
    return asThrown(attempt, () => thrown);
  }

  /**
   * The value; where there is none, what `factory` makes is stored and given, unless that is `undefined`. All callers of
   * this process that come meanwhile wait for the same call of the factory; on a store that is `atomic`, those of other
   * processes too: by a lease, which ends with the call's timeout. The options of the first caller count.
   *
   * With `staleFor` an expired value is given at once and made anew beside the call; where that fails, `onEvent` is told.
   * It has to be given with a `ttl`, and by all callers that are to have stale values. A value that was deleted or
   * overwritten is never given.
   *
   * Rejects with what the factory throws. `timeout` bounds the wait, the factory included; `signal` ends it for this
   * caller only. What it keeps lies in the same collection, apart from all keys of the user's, and is not enumerated.
   * @throws as get and put
   */
  getOrSet<const V extends In | undefined>(
    this: Records<"write", Out, In>,
    key: string,
    factory: Factory<V> & Factory<Jsonable<V>>,
    options?: GetOrSetOptions,
  ): Promise<Out | Extract<V, undefined>>;
  getOrSet(
    this: Records<"write", Out, In>,
    key: string,
    factory: Factory<unknown>,
    options?: GetOrSetOptions,
  ): Promise<Out | undefined> {
    const { context } = this;
    let thrown: Thrown | undefined;
    const fail = (error: unknown): never => {
      thrown = { error };
      throw error;
    };
    const check = (value: JsonValue): MaybePromise<unknown> => this.check(value);
    const attempt = this.one(
      "getOrSet",
      key,
      true,
      options,
      (id, call) => {
        this.require("write", "getOrSet");
        return chain(machinery ?? loadMachinery(), (loaded) =>
          loaded.getOrSet({ context, id, call, factory, options: options ?? {}, check, fail }),
        );
      },
      this.outputOf,
      // What it writes, it marks as sent itself.
      false,
    );
    return asThrown(attempt, () => thrown);
  }

  readonly #get = (id: RecordId, call: OngoingCall): MaybePromise<StoredRecord | undefined> =>
    this.context.driver.get(id, call);

  readonly #put = (id: RecordId, record: StoredRecord, call: OngoingCall): MaybePromise<void> =>
    this.context.driver.put(id, record, call);

  #swap(id: RecordId, expected: Revision | "absent", next: StoredRecord, call: OngoingCall) {
    return chain(swap(this.context.driver, id, expected, next, call), ({ swapped }) =>
      swapped ? next.revision : undefined,
    );
  }
}

type Machinery = typeof import("./later.ts");
let machinery: Machinery | undefined;

/** Of most programs, none needs it. */
async function loadMachinery(): Promise<Machinery> {
  machinery = await import("./later.ts");
  return machinery;
}
