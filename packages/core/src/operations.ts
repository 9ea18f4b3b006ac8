/** How every operation runs: names and values are checked, calls bounded by their deadlines, answers copied, errors explained. */
import { type Change, type KeyQueue, liveOrNone, modify } from "./atomics.ts";
import { chunksOf, getMany, keysOf, runChunks, successes } from "./batch.ts";
import { storedKey, userKey } from "./beside.ts";
import {
  aborted,
  type CallOptions,
  type CallScope,
  type CallSubject,
  explain,
  explaining,
  OngoingCall,
  stillWanted,
} from "./call.ts";
import { type Capabilities, type Capability, requireCapabilities } from "./capabilities.ts";
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
} from "./driver/driver.ts";
import { all, settle } from "./driver/layer.ts";
import { KeyValueError } from "./errors.ts";
import { checkJson, cloneJson, copyJson, type JsonValue } from "./json.ts";
import type { PutOptions } from "./options.ts";
import { checkName, type Entry, expiryOf } from "./record.ts";
import { newRevision } from "./revision.ts";
import type { Shape } from "./schema.ts";

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

/** What {@link Records} are made of. Of a store, the operations on its default collection. */
export abstract class Operations<Out> {
  /** The collection's name. */
  readonly name: string;
  protected readonly context: Context;
  protected readonly shape: Shape<Out>;

  /** @internal */
  constructor(context: Context, name: string, shape: Shape<Out>) {
    checkName(name, "collection");
    this.context = context;
    this.name = name;
    this.shape = shape;
  }

  /** What the store can do, through all its layers. */
  get capabilities(): Capabilities {
    return this.context.driver.capabilities;
  }

  /** What users read of a record; `undefined` where it has expired. */
  protected entryOf(key: string, record: StoredRecord | undefined): MaybePromise<Entry<Out> | undefined> {
    const live = this.live(record);
    if (live === undefined) return undefined;
    const { createdAt, expiresAt, revision } = live;
    return chain(this.read(live.value), (value) => ({
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
      throw explain(error, { ...this.subjectOf("entries"), key });
    }
  }

  /** One exchange that is no record's own: a page of an enumeration, a ping. */
  protected exchange<T>(
    operation: string,
    options: CallOptions | undefined,
    exchange: (call: OngoingCall) => MaybePromise<T>,
    writes = false,
  ): Promise<T> {
    return this.#run(this.subjectOf(operation, writes), options, exchange, same);
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
        this.require("enumerate", operation);
        return page(cursor, call);
      });
      for (const item of items) {
        if (options?.signal?.aborted) throw explain(aborted(options.signal), this.subjectOf(operation));
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
          this.require("clear", operation);
          return step(cursor, call);
        },
        true,
      );
    } while (cursor !== undefined);
  }

  protected subjectOf(operation: string, writes = false): CallSubject {
    return { operation, collection: this.name, writes };
  }

  /** Where the record of a key lies. */
  protected idOf(key: string): RecordId {
    return { collection: this.name, key: storedKey(key) };
  }

  protected require(wanted: Capability, operation: string): void {
    if (!this.capabilities[wanted]) requireCapabilities(this.capabilities, [wanted], operation);
  }

  protected readonly outputOf = (record: StoredRecord | undefined): MaybePromise<Out | undefined> => {
    const live = this.live(record);
    return live === undefined ? undefined : this.read(live.value);
  };

  protected live(record: StoredRecord | undefined): StoredRecord | undefined {
    return liveOrNone(this.context.driver, record);
  }

  /** The caller's own copy, by the schema. */
  protected read(value: JsonValue): MaybePromise<Out> {
    return this.shape.read(this.context.driver.keepsReferences ? cloneJson(value) : value);
  }

  protected check(value: JsonValue): MaybePromise<unknown> {
    return this.shape.checks ? this.shape.read(value) : undefined;
  }

  /**
   * The value checked, and copied where anyone could see it later than at once, as an asynchronous schema does.
   * @param atOnce whether it is handed to the driver before the caller's method returns
   */
  protected accept(value: unknown, atOnce = true): JsonValue {
    const { driver, connection } = this.context;
    if (atOnce && driver === connection.driver && connection.ready && !driver.keepsReferences && !this.shape.checks) {
      checkJson(value, !connection.base.stringifies);
      return value;
    }
    return copyJson(value);
  }

  #run<T, R>(
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

  /** As {@link #run}, of one record; written out again since each closure would cost where all calls pass. */
  protected one<T, R>(
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

  protected write<R>(
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
      this.require(needed, operation);
      const now = Date.now();
      const record = newRecord(this.accept(value), now, expiryOf(options, now));
      const id = placeOf(subject);
      const answer = this.shape.checks
        ? chain(this.shape.read(record.value), () => {
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
  protected modify<R>(
    operation: string,
    key: string,
    options: CallOptions | undefined,
    change: Change,
    result: () => R,
  ): Promise<R> {
    const { driver, queue, sentAtOnce } = this.context;
    return this.one(
      operation,
      key,
      true,
      options,
      (id, call) => {
        this.require("atomic", operation);
        return chain(queue.turn(id, call), () => modify(driver, id, call, change, sentAtOnce));
      },
      result,
      // What it reads first is no write.
      false,
    );
  }

  /** All chunks of a batch, each a call of its own; an error of one record names it. */
  protected async chunks<T, R>(
    kind: "get" | "put" | "delete",
    subject: CallSubject,
    items: readonly T[],
    keyOf: (item: T) => string,
    options: CallOptions | undefined,
    exchange: (chunk: readonly T[], call: OngoingCall) => MaybePromise<readonly Settled<R>[]>,
  ): Promise<Settled<R>[]> {
    if (items.length === 0) return this.#run(subject, options, () => [], same);
    const answers = await runChunks(chunksOf(this.context.driver, kind, items), (chunk) => {
      let current: OngoingCall | undefined;
      return this.#run(
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

  protected async many<R>(
    operation: string,
    keys: Iterable<string>,
    options: CallOptions | undefined,
    finish: (record: StoredRecord | undefined, key: string) => MaybePromise<R>,
  ): Promise<R[]> {
    const { driver } = this.context;
    const subject = this.subjectOf(operation);
    const wanted = await explaining(subject, () => keysOf(keys));
    const unique = [...new Set(wanted)];
    const ids = unique.map((key) => this.idOf(key));
    const records = await this.chunks("get", subject, ids, keyOfId, options, (chunk, call) =>
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

export const same = <T>(answer: T): T => answer;
export const keyOfId = (id: RecordId): string => userKey(id.key);

/** Where the record of a call lies; nearly always under its own key, which costs nothing then. */
function placeOf(subject: RecordId): RecordId {
  const key = storedKey(subject.key);
  return key === subject.key ? subject : { collection: subject.collection, key };
}

export function newRecord(
  value: JsonValue,
  createdAt: number | undefined,
  expiresAt: number | undefined,
): StoredRecord {
  return { value, createdAt, expiresAt, revision: newRevision() };
}

/** A driver's record may have its properties from a class, which spreading would lose. */
function withOwnValue({ value, createdAt, expiresAt, revision }: StoredRecord): StoredRecord {
  return { value: cloneJson(value), createdAt, expiresAt, revision };
}
