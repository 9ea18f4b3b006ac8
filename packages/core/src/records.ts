/** The operations on single records and batches of them, which a store and its collections have in common. */
import { type Change, type KeyQueue, liveOrNone, modify, swap } from "./atomics.ts";
import { chunksOf, deleteMany, getMany, keysOf, putMany, runChunks, successes } from "./batch.ts";
import { storedKey, userKey } from "./beside.ts";
import {
  aborted,
  type CallOptions,
  type CallScope,
  type CallSubject,
  explain,
  OngoingCall,
  stillWanted,
} from "./call.ts";
import { type Capabilities, type Capability, type Has, requireCapabilities } from "./capabilities.ts";
import type { Connection } from "./connection.ts";
import {
  type Cursor,
  chain,
  type Driver,
  type MaybePromise,
  type Page,
  type RecordId,
  type Settled,
  type StoredRecord,
  type WriteRequest,
} from "./driver/driver.ts";
import { all, settle } from "./driver/layer.ts";
import { InvalidArgumentError, InvalidCounterError, KeyValueError } from "./errors.ts";
import { checkJson, cloneJson, copyJson, type Jsonable, type JsonValue } from "./json.ts";
import { checkName, type Duration, type Entry, type Expiry, expiryOf, kindOf, type Revision } from "./record.ts";
import { newRevision } from "./revision.ts";
import type { Shape } from "./schema.ts";

declare const capability: unique symbol;

export type PutOptions = CallOptions & Expiry;
/** One element of `putMany`. */
export type PutEntry<V> = { readonly key: string; readonly value: V } & Expiry;
export type UpdateOptions = CallOptions &
  (Expiry | { readonly keepTtl: true; readonly ttl?: undefined; readonly expiresAt?: undefined });
export type IncrementOptions = CallOptions & {
  /** Counts when the call creates the number; else the expiry stays as it is. */
  readonly ttl?: Duration | undefined;
};

export type GetOrSetOptions = CallOptions & {
  /** Of what the factory gives. Default: it never expires. */
  readonly ttl?: Duration | undefined;
  /** How long after its `ttl` a value may still be given while it is made anew. Default: not at all. */
  readonly staleFor?: Duration | undefined;
};
/** Makes the value. `signal` is aborted when nobody waits for it any more. */
export type Factory<V> = (context: { readonly signal: AbortSignal }) => MaybePromise<V>;

/** What a store and its collections share. */
export interface Context {
  readonly connection: Connection;
  /** What its calls belong to: the connection, or what stands for it. */
  readonly scope: CallScope;
  /** Whether a request is sent as soon as it is asked for: nothing has to be opened first, and no layer may hold it back. */
  readonly sentAtOnce: boolean;
  /** The outermost layer. Replaced where `getOrSet` begins to keep copies, so to be read for each call. */
  driver: Driver;
  readonly defaultCollection: string;
  readonly queue: KeyQueue;
}

/**
 * Every method rejects with a {@link KeyValueError}, never throws; each also with `StoreClosedError`, `TimeoutError`,
 * `AbortedError`, `StoreUnavailableError` and `InvalidNameError`, which are not repeated below.
 */
export abstract class Records<in C extends Capability, Out, In> {
  declare readonly [capability]: Has<C>;
  /** The collection's name. */
  readonly name: string;
  protected readonly context: Context;
  readonly #shape: Shape<Out>;

  /** @internal */
  constructor(context: Context, name: string, shape: Shape<Out>) {
    checkName(name, "collection");
    this.context = context;
    this.name = name;
    this.#shape = shape;
  }

  /** @internal */
  static contextOf(records: Records<never, JsonValue, never>): Context {
    return records.context;
  }

  /** What the store can do, through all its layers. */
  get capabilities(): Capabilities {
    return this.context.driver.capabilities;
  }

  /** The value, or `undefined` where there is none. @throws CorruptRecordError, SchemaError */
  get(key: string, options?: CallOptions): Promise<Out | undefined> {
    return this.#one("get", key, false, options, this.#get, this.#valueOf);
  }

  /** Whether there is a record. */
  has(key: string, options?: CallOptions): Promise<boolean> {
    return this.#one("has", key, false, options, this.#get, (record) => this.#live(record) !== undefined);
  }

  /** The values in the order of the keys, which may repeat. @throws BatchError */
  getMany(keys: Iterable<string>, options?: CallOptions): Promise<(Out | undefined)[]> {
    return this.#many("getMany", keys, options, this.#valueOf);
  }

  /** The value with what is known about it. @throws CorruptRecordError, SchemaError */
  getEntry(key: string, options?: CallOptions): Promise<Entry<Out> | undefined> {
    return this.#one("getEntry", key, false, options, this.#get, (record) => this.entryOf(key, record));
  }

  /** The entries in the order of the keys, which may repeat. @throws BatchError */
  getEntries(keys: Iterable<string>, options?: CallOptions): Promise<(Entry<Out> | undefined)[]> {
    return this.#many("getEntries", keys, options, (record, key) => this.entryOf(key, record));
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
    return this.#write("put", "write", key, value, options, this.#put);
  }

  /** Stores all entries; of several with one key the last. Nothing is sent where one is invalid. @throws as put, BatchError */
  async putMany<const E extends PutEntry<In>>(
    this: Records<"write", Out, In>,
    entries: Iterable<E & { readonly value: Jsonable<E["value"]> }>,
    options?: CallOptions,
  ): Promise<void> {
    const { driver } = this.context;
    const subject = this.#subject("putMany", true);
    const requests = await explaining(subject, async () => {
      this.#require("write", "putMany");
      const last = new Map<string, WriteRequest>();
      if (typeof entries?.[Symbol.iterator] !== "function") {
        throw new InvalidArgumentError("entries must be an iterable of { key, value }");
      }
      const now = Date.now();
      const checks: MaybePromise<unknown>[] = [];
      for (const entry of entries) {
        checkName(entry?.key, "key");
        try {
          const record = newRecord(copyJson(entry.value), now, expiryOf(entry, now));
          const explained = (error: unknown) => explain(error, { ...subject, key: entry.key });
          checks.push(settle(() => this.#check(record.value), explained));
          last.set(entry.key, { id: this.#id(entry.key), record });
        } catch (error) {
          throw explain(error, { ...subject, key: entry.key });
        }
      }
      for (const answer of await all(checks)) if (answer instanceof KeyValueError) throw answer;
      return [...last.values()];
    });
    const keyOf = ({ id }: WriteRequest): string => keyOfId(id);
    const write = (chunk: readonly WriteRequest[], call: OngoingCall) => putMany(driver, chunk, call);
    successes(subject, requests.map(keyOf), await this.#chunks("put", subject, requests, keyOf, options, write));
  }

  /** Whether there was a record. */
  delete(this: Records<"write", Out, In>, key: string, options?: CallOptions): Promise<boolean> {
    const { driver } = this.context;
    return this.#one(
      "delete",
      key,
      true,
      options,
      (id, call) => {
        this.#require("write", "delete");
        return driver.delete(id, call);
      },
      same,
    );
  }

  /** How many of the records there were. A key that repeats counts once. @throws BatchError */
  async deleteMany(this: Records<"write", Out, In>, keys: Iterable<string>, options?: CallOptions): Promise<number> {
    const { driver } = this.context;
    const subject = this.#subject("deleteMany", true);
    const unique = await explaining(subject, () => {
      this.#require("write", "deleteMany");
      return [...new Set(keysOf(keys))];
    });
    const ids = unique.map((key) => this.#id(key));
    const answers = await this.#chunks("delete", subject, ids, keyOfId, options, (chunk, call) =>
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
    return this.#write("putIfAbsent", "atomic", key, value, options, (id, record, call) =>
      this.#swap(id, "absent", record, call),
    );
  }

  /** Deletes the record and gives its value: of several callers, one gets it. @throws CorruptRecordError, SchemaError */
  take(this: Records<"atomic", Out, In>, key: string, options?: CallOptions): Promise<Out | undefined> {
    const { driver } = this.context;
    const { take } = driver;
    if (take && driver.capabilities.atomic && !this.#shape.checks) {
      return this.#one("take", key, true, options, (id, call) => take.call(driver, id, call), this.#valueOf);
    }
    let taken: Out | undefined;
    return this.#modify(
      "take",
      key,
      options,
      async (current) => {
        taken = await this.#valueOf(current);
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
    return this.#write("compareAndSwap", "atomic", key, value, options, (id, record, call) => {
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
    return this.#one(
      "compareAndDelete",
      key,
      true,
      options,
      (id, call) => {
        this.#require("atomic", "compareAndDelete");
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
    return this.#modify(
      "increment",
      key,
      options,
      async (current) => {
        const now = Date.now();
        sum = add(current ? current.value : 0, by);
        await this.#check(sum);
        const expiresAt = expiryOf({ ttl: options?.ttl }, now);
        return newRecord(sum, current?.createdAt ?? now, current ? current.expiresAt : expiresAt);
      },
      () => sum,
    );
  }

  /** Gives the record a new time to live, `null` for ever: whether there was one. @throws InvalidTtlError */
  touch(this: Records<"atomic", Out, In>, key: string, ttl: Duration | null, options?: CallOptions): Promise<boolean> {
    let found = false;
    return this.#modify(
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
    const attempt = this.#modify(
      "update",
      key,
      options,
      async (current) => {
        if (typeof change !== "function") {
          throw new InvalidArgumentError(`update takes a function, not ${kindOf(change)}`);
        }
        const before = await this.#valueOf(current);
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
        result = await this.#read(value);
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
    const check = (value: JsonValue): MaybePromise<unknown> => this.#check(value);
    const attempt = this.#one(
      "getOrSet",
      key,
      true,
      options,
      (id, call) => {
        this.#require("write", "getOrSet");
        return chain(machinery ?? loadMachinery(), (loaded) =>
          loaded.getOrSet({ context, id, call, factory, options: options ?? {}, check, fail }),
        );
      },
      this.#valueOf,
      // What it writes, it marks as sent itself.
      false,
    );
    return asThrown(attempt, () => thrown);
  }

  /** What users read of a record; `undefined` where it has expired. */
  protected entryOf(key: string, record: StoredRecord | undefined): MaybePromise<Entry<Out> | undefined> {
    const live = this.#live(record);
    if (live === undefined) return undefined;
    const { createdAt, expiresAt, revision } = live;
    return chain(this.#read(live.value), (value) => ({
      key,
      value,
      ...(createdAt !== undefined && { createdAt: new Date(createdAt) }),
      ...(expiresAt !== undefined && {
        expiresAt: new Date(expiresAt),
        // More than 0 also where the backend's clock, which decides, is behind this one.
        ttl: Math.max(1, expiresAt - Date.now()) / 1000,
      }),
      revision,
    }));
  }

  /** The entry of a record that was listed, or its error. */
  protected async listedEntry(key: string, record: Settled<StoredRecord> | undefined): Promise<Entry<Out> | undefined> {
    try {
      if (record instanceof KeyValueError) throw record;
      return await this.entryOf(key, record);
    } catch (error) {
      throw explain(error, { ...this.#subject("entries"), key });
    }
  }

  /** One exchange that is no record's own: a page of an enumeration, a ping. */
  protected exchange<T>(
    operation: string,
    options: CallOptions | undefined,
    exchange: (call: OngoingCall) => MaybePromise<T>,
    writes = false,
  ): Promise<T> {
    return this.#call(this.#subject(operation, writes), options, exchange, same);
  }

  /** What is listed, page after page as the loop asks; each page is a call of its own. */
  protected async *pages<T>(
    operation: string,
    options: CallOptions | undefined,
    page: (cursor: Cursor | undefined, call: OngoingCall) => MaybePromise<Page<T>>,
  ): AsyncGenerator<T, void, undefined> {
    let cursor: Cursor | undefined;
    do {
      const { items, next } = await this.exchange(operation, options, (call) => {
        this.#require("enumerate", operation);
        return page(cursor, call);
      });
      for (const item of items) {
        if (options?.signal?.aborted) throw explain(aborted(options.signal), this.#subject(operation));
        yield item;
      }
      cursor = next;
    } while (cursor !== undefined);
  }

  /** All steps of `clear` or `cull`. */
  protected async sweep(
    operation: string,
    options: CallOptions | undefined,
    step: (cursor: Cursor | undefined, call: OngoingCall) => MaybePromise<Cursor | undefined>,
  ): Promise<void> {
    let cursor: Cursor | undefined;
    do {
      cursor = await this.exchange(
        operation,
        options,
        (call) => {
          this.#require("clear", operation);
          return step(cursor, call);
        },
        true,
      );
    } while (cursor !== undefined);
  }

  #subject(operation: string, writes = false): CallSubject {
    return { operation, collection: this.name, writes };
  }

  /** Where the record of a key lies. */
  #id(key: string): RecordId {
    return { collection: this.name, key: storedKey(key) };
  }

  #require(wanted: Capability, operation: string): void {
    if (!this.capabilities[wanted]) requireCapabilities(this.capabilities, [wanted], operation);
  }

  readonly #get = (id: RecordId, call: OngoingCall): MaybePromise<StoredRecord | undefined> =>
    this.context.driver.get(id, call);

  readonly #put = (id: RecordId, record: StoredRecord, call: OngoingCall): MaybePromise<void> =>
    this.context.driver.put(id, record, call);

  readonly #valueOf = (record: StoredRecord | undefined): MaybePromise<Out | undefined> => {
    const live = this.#live(record);
    return live === undefined ? undefined : this.#read(live.value);
  };

  #live(record: StoredRecord | undefined): StoredRecord | undefined {
    return liveOrNone(this.context.driver, record);
  }

  /** The caller's own copy, by the schema. */
  #read(value: JsonValue): MaybePromise<Out> {
    return this.#shape.read(this.context.driver.keepsReferences ? cloneJson(value) : value);
  }

  #check(value: JsonValue): MaybePromise<unknown> {
    return this.#shape.checks ? this.#shape.read(value) : undefined;
  }

  /** The value checked, and copied where anyone could see it later than at once, as an asynchronous schema does. */
  #accept(value: unknown): JsonValue {
    const { driver, connection } = this.context;
    if (driver === connection.driver && connection.ready && !driver.keepsReferences && !this.#shape.checks) {
      checkJson(value, !connection.base.stringifies);
      return value;
    }
    return copyJson(value);
  }

  #swap(id: RecordId, expected: Revision | "absent", next: StoredRecord, call: OngoingCall) {
    return chain(swap(this.context.driver, id, expected, next, call), ({ swapped }) =>
      swapped ? next.revision : undefined,
    );
  }

  #call<T, R>(
    subject: CallSubject,
    options: CallOptions | undefined,
    exchange: (call: OngoingCall) => MaybePromise<T>,
    finish: (answer: T) => R | Promise<R>,
  ): Promise<R> {
    let call: OngoingCall | undefined;
    try {
      call = new OngoingCall(this.context.scope, subject, options, this.context.sentAtOnce);
      return call.settle(exchange(call), finish);
    } catch (error) {
      return Promise.reject(call ? call.fail(error) : explain(error, subject));
    }
  }

  /** As {@link #call}, of one record; written out again since each closure would cost where all calls pass. */
  #one<T, R>(
    operation: string,
    key: string,
    writes: boolean,
    options: CallOptions | undefined,
    exchange: (id: RecordId, call: OngoingCall) => MaybePromise<T>,
    finish: (answer: T) => R | Promise<R>,
    sentAtOnce = this.context.sentAtOnce,
  ): Promise<R> {
    const subject = { operation, collection: this.name, key, writes };
    let call: OngoingCall | undefined;
    try {
      checkName(key, "key");
      call = new OngoingCall(this.context.scope, subject, options, sentAtOnce);
      return call.settle(exchange(placeOf(subject), call), finish);
    } catch (error) {
      return Promise.reject(call ? call.fail(error) : explain(error, subject));
    }
  }

  #write<R>(
    operation: string,
    needed: Capability,
    key: string,
    value: unknown,
    options: PutOptions | undefined,
    exchange: (id: RecordId, record: StoredRecord, call: OngoingCall) => MaybePromise<R>,
  ): Promise<R> {
    const subject = { operation, collection: this.name, key, writes: true };
    let call: OngoingCall | undefined;
    try {
      checkName(key, "key");
      const begun = new OngoingCall(this.context.scope, subject, options, this.context.sentAtOnce);
      call = begun;
      this.#require(needed, operation);
      const now = Date.now();
      const record = newRecord(this.#accept(value), now, expiryOf(options, now));
      const id = placeOf(subject);
      const answer = this.#shape.checks
        ? chain(this.#shape.read(record.value), () => {
            stillWanted(begun);
            return exchange(id, record, begun);
          })
        : exchange(id, record, begun);
      return begun.settle(answer, same);
    } catch (error) {
      return Promise.reject(call ? call.fail(error) : explain(error, subject));
    }
  }

  /** A read-modify-write, after those of this process on the same key that came before. */
  #modify<R>(
    operation: string,
    key: string,
    options: CallOptions | undefined,
    change: Change,
    result: () => R,
  ): Promise<R> {
    const { driver, queue } = this.context;
    return this.#one(
      operation,
      key,
      true,
      options,
      (id, call) => {
        this.#require("atomic", operation);
        return chain(queue.turn(id, call), () => modify(driver, id, call, change));
      },
      result,
    );
  }

  /** All chunks of a batch, each a call of its own; an error of one record names it. */
  async #chunks<T, R>(
    kind: "get" | "put" | "delete",
    subject: CallSubject,
    items: readonly T[],
    keyOf: (item: T) => string,
    options: CallOptions | undefined,
    exchange: (chunk: readonly T[], call: OngoingCall) => MaybePromise<readonly Settled<R>[]>,
  ): Promise<Settled<R>[]> {
    if (items.length === 0) return this.#call(subject, options, () => [], same);
    const answers = await runChunks(chunksOf(this.context.driver, kind, items), (chunk) => {
      let current: OngoingCall | undefined;
      return this.#call(
        subject,
        options,
        (call) => {
          current = call;
          return exchange(chunk, call);
        },
        (answers) =>
          answers.map((answer, at) =>
            current && answer instanceof KeyValueError ? current.explain(answer, keyOf(chunk[at] as T)) : answer,
          ),
      );
    });
    // What failed a chunk as a whole is each record's own failure.
    return answers.map((answer, at) => {
      const key = keyOf(items[at] as T);
      return answer instanceof KeyValueError && answer.key !== key ? explain(answer, { ...subject, key }) : answer;
    });
  }

  async #many<R>(
    operation: string,
    keys: Iterable<string>,
    options: CallOptions | undefined,
    finish: (record: StoredRecord | undefined, key: string) => MaybePromise<R>,
  ): Promise<R[]> {
    const { driver } = this.context;
    const subject = this.#subject(operation);
    const wanted = await explaining(subject, () => keysOf(keys));
    const unique = [...new Set(wanted)];
    const ids = unique.map((key) => this.#id(key));
    const records = await this.#chunks("get", subject, ids, keyOfId, options, (chunk, call) =>
      getMany(driver, chunk, call),
    );
    const position = unique.length === wanted.length ? undefined : new Map(unique.map((key, at) => [key, at]));
    const answers = wanted.map((key, at) => {
      const record = records[position?.get(key) ?? at];
      if (record instanceof KeyValueError) return record;
      // Where keys repeat, each of their places gets a copy of its own.
      return settle(
        () => finish(position && record ? withOwnValue(record) : record, key),
        (error) => explain(error, { ...subject, key }),
      );
    });
    return successes(subject, wanted, await all(answers));
  }
}

interface Thrown {
  readonly error: unknown;
}

/** What the caller's own function has thrown stays what it is. */
function asThrown<T>(attempt: Promise<T>, thrown: () => Thrown | undefined): Promise<T> {
  return attempt.catch((error: unknown) => {
    throw (thrown() ?? { error }).error;
  });
}

type Machinery = typeof import("./later.ts");
let machinery: Machinery | undefined;

/** Of most programs, none needs it. */
async function loadMachinery(): Promise<Machinery> {
  machinery = await import("./later.ts");
  return machinery;
}

const same = <T>(answer: T): T => answer;

/** Where the record of a call lies; nearly always under its own key, which costs nothing then. */
function placeOf(subject: RecordId): RecordId {
  const key = storedKey(subject.key);
  return key === subject.key ? subject : { collection: subject.collection, key };
}

const keyOfId = (id: RecordId): string => userKey(id.key);

function newRecord(value: JsonValue, createdAt: number | undefined, expiresAt: number | undefined): StoredRecord {
  return { value, createdAt, expiresAt, revision: newRevision() };
}

/** A driver's record may have its properties from a class, which spreading would lose. */
function withOwnValue({ value, createdAt, expiresAt, revision }: StoredRecord): StoredRecord {
  return { value: cloneJson(value), createdAt, expiresAt, revision };
}

/** What is checked before the first exchange of a call with several. */
async function explaining<T>(subject: CallSubject, prepare: () => MaybePromise<T>): Promise<T> {
  try {
    return await prepare();
  } catch (error) {
    throw error instanceof KeyValueError && error.operation !== undefined ? error : explain(error, subject);
  }
}

function checkRevision(revision: unknown): void {
  if (typeof revision === "string" && revision !== "" && revision !== "absent") return;
  throw new InvalidArgumentError("a revision must be one that a store has given");
}

function add(current: JsonValue, by: unknown): number {
  if (typeof by !== "number" || !Number.isFinite(by)) {
    throw new InvalidArgumentError(`a counter changes by a finite number, not by ${kindOf(by)}`);
  }
  if (typeof current !== "number") throw new InvalidCounterError("the stored value is not a number");
  const sum = current + by;
  const exact = Number.isInteger(current) && Number.isInteger(by) ? Number.isSafeInteger(sum) : Number.isFinite(sum);
  if (!exact) throw new InvalidCounterError("the sum would leave the range of exact numbers");
  return sum + 0;
}
