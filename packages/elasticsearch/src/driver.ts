/** The Elasticsearch driver: each operation as the requests that it takes. */
import type { Client } from "@elastic/elasticsearch";
import { BackendError, type Capabilities, KeyValueError, type Revision } from "@kv/core";
import {
  type Call,
  type Cursor,
  type Driver,
  isLive,
  type Listed,
  type Page,
  type RecordId,
  type Scope,
  type Settled,
  type StoredRecord,
  type SwapResult,
  type WriteRequest,
} from "@kv/core/driver";
import { decode, encode, NAMES_AND_EXPIRY } from "./documents.ts";
import { Names } from "./names.ts";
import {
  checkClient,
  type ElasticsearchDriverOptions,
  newClient,
  recordBytesOf,
  type Settings,
  settingsOf,
} from "./options.ts";
import { type Document, Reads } from "./reads.ts";
import { Searches, safeExpiryOf } from "./searches.ts";
import { Server } from "./server.ts";
import { type Write, Writes, type Written } from "./writes.ts";

/** The indices that are yet to be gone through, the first one from `after` on. */
class Progress {
  readonly indices: readonly string[];
  readonly after: string | undefined;

  constructor(indices: readonly string[], after?: string) {
    this.indices = indices;
    this.after = after;
  }
}

export class ElasticsearchDriver implements Driver {
  readonly name = "elasticsearch";
  readonly capabilities: Capabilities & {
    readonly [K in "write" | "atomic" | "enumerate" | "clear" | "durable"]: true;
  };
  readonly stringifies = true;
  /** The store's own, which only the store closes, or the caller's. */
  readonly client: Client;
  readonly #own: boolean;
  readonly #settings: Settings;
  readonly #names: Names;
  readonly #writes: Writes;
  readonly #reads: Reads;
  readonly #searches: Searches;

  /** @throws InvalidArgumentError */
  constructor(options: ElasticsearchDriverOptions = {}) {
    this.#settings = settingsOf(options);
    this.#own = options.client === undefined;
    if (options.client !== undefined) checkClient(options.client, options);
    this.client = options.client ?? newClient(options);
    const recordBytes = recordBytesOf(this.#settings);
    this.#names = new Names(this.#settings.prefix, this.#settings.names);
    const server = new Server(this.client);
    this.#reads = new Reads(server);
    this.#writes = new Writes(server, this.#reads, this.#settings.refresh, recordBytes);
    this.#searches = new Searches(server, this.#names);
    this.capabilities = Object.freeze({
      write: true,
      atomic: true,
      enumerate: true,
      clear: true,
      durable: true,
      limits: { recordBytes, batch: { get: 500, put: 500, delete: 500 } },
    });
  }

  async close(): Promise<void> {
    if (this.#own) await this.client.close();
  }

  /** Reads what is not there: the permission to read is all that it takes. */
  async ping(call: Call): Promise<void> {
    await this.#reads.read(this.#names.indexOf("ping"), ["ping"], call, ["key"]);
  }

  async get(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const document = await this.#find(id, call);
    return document && this.#decode(id, document);
  }

  async put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    await this.#write(id, this.#putting(id, record), call);
  }

  async delete(id: RecordId, call: Call): Promise<boolean> {
    const [there] = await this.deleteMany([id], call);
    if (there instanceof KeyValueError) throw there;
    return there === true;
  }

  getMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<StoredRecord | undefined>[]> {
    return this.#byIndex(ids, same, async (index, some) => {
      const documents = await this.#reads.read(
        index,
        some.map(({ key }) => this.#names.idOf(key)),
        call,
      );
      return documents.map((document, nth) =>
        document instanceof KeyValueError
          ? document
          : settled(() => document && this.#decode(some[nth] as RecordId, document)),
      );
    });
  }

  putMany(requests: readonly WriteRequest[], call: Call): Promise<readonly Settled<void>[]> {
    const writes = requests.map(({ id, record }) => ({ id, write: this.#putting(id, record) }));
    return this.#byIndex(
      writes,
      ({ id }) => id,
      async (index, some) => {
        const results = await this.#writes.write(
          index,
          some.map(({ write }) => write),
          call,
        );
        return results.map((result) => (result === "done" ? undefined : failed(result)));
      },
    );
  }

  deleteMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<boolean>[]> {
    return this.#byIndex(ids, same, async (index, some) => {
      const documents = await this.#reads.read(
        index,
        some.map(({ key }) => this.#names.idOf(key)),
        call,
        NAMES_AND_EXPIRY,
      );
      const answers: Settled<boolean>[] = documents.map((one) => (one instanceof KeyValueError ? one : false));
      const live = documents.flatMap((one, nth) =>
        one && !(one instanceof KeyValueError) && isLive({ expiresAt: safeExpiryOf(one.source) }) ? [nth] : [],
      );
      if (live.length === 0) return answers;
      const writes = live.map(
        (nth): Write => ({ action: "delete", id: this.#names.idOf((some[nth] as RecordId).key) }),
      );
      const results = await this.#writes.write(index, writes, call);
      for (const [at, nth] of live.entries()) {
        const result = results[at];
        answers[nth] = result instanceof KeyValueError ? result : result === "done";
      }
      return answers;
    });
  }

  async swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): Promise<SwapResult> {
    // Encoded at once, since the value may be changed once the call has returned.
    const document = next && encoded(id, next);
    if (expected === "absent" && document) {
      const creation = { action: "create", id: this.#names.idOf(id.key), document } as const;
      if ((await this.#write(id, creation, call)) === "done") return { swapped: true };
    }
    for (;;) {
      const found = await this.#findFirst(id, call);
      const record = found && this.#decode(id, found);
      const current = record && isLive(record) ? record : undefined;
      // Elasticsearch itself repeats a write when a node fails, and then takes its own for another's.
      if (next && current?.revision === next.revision) return { swapped: true };
      if ((current?.revision ?? "absent") !== expected) return { swapped: false, current };
      if (!found && !document) return { swapped: true };
      const place = { id: this.#names.idOf(id.key), position: found?.position };
      const write: Write = document
        ? { ...place, action: found ? "index" : "create", document }
        : { ...place, action: "delete" };
      if ((await this.#write(id, write, call)) === "done") return { swapped: true };
    }
  }

  async take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    for (;;) {
      const document = await this.#findFirst(id, call);
      const record = document && this.#decode(id, document);
      if (!document || !record || !isLive(record)) return undefined;
      const write: Write = { action: "delete", id: this.#names.idOf(id.key), position: document.position };
      if ((await this.#write(id, write, call)) === "done") return record;
    }
  }

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    const { indices, after } = await this.#progress(scope, cursor, call);
    const [index = ""] = indices;
    const { found, next } = await this.#searches.page({ index, scope, after, values }, call);
    const live = found.filter(({ source }) => isLive({ expiresAt: safeExpiryOf(source) }));
    const items = live.map((one) => ({
      key: one.id.key,
      record: values ? settled(() => this.#decode(one.id, one)) : undefined,
    }));
    return { items, next: next === undefined ? undefined : new Progress(indices, next) };
  }

  async collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    const scope = { collectionPrefix: prefix };
    const { indices } = await this.#progress(scope, cursor, call);
    if (indices.length === 0) return { items: [] };
    const { names, rest } = await this.#searches.collections(indices, scope, call);
    return { items: names, next: rest.length > 0 ? new Progress(rest) : undefined };
  }

  clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.#sweep(scope, cursor, call, false);
  }

  cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.#sweep(scope, cursor, call, true);
  }

  /** Deletes a page of what is found, unless it has been rewritten since. */
  async #sweep(scope: Scope, cursor: Cursor | undefined, call: Call, expired: boolean): Promise<Cursor | undefined> {
    const { indices, after } = await this.#progress(scope, cursor, call);
    const [index, ...rest] = indices;
    if (index === undefined) return undefined;
    const { found, next } = await this.#searches.page({ index, scope, after, expired }, call);
    const writes = found
      .filter(({ source }) => !expired || !isLive({ expiresAt: safeExpiryOf(source) }))
      .map(({ id, position }): Write => ({ action: "delete", id: this.#names.idOf(id.key), position }));
    if (writes.length > 0) {
      const results = await this.#writes.write(index, writes, call);
      for (const result of results) if (result instanceof KeyValueError) throw result;
    }
    if (next !== undefined) return new Progress(indices, next);
    return rest.length > 0 ? new Progress(rest) : undefined;
  }

  async #progress(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Progress> {
    return cursor instanceof Progress ? cursor : new Progress(await this.#searches.indices(scope, call));
  }

  #putting(id: RecordId, record: StoredRecord): Write {
    return { action: "index", id: this.#names.idOf(id.key), document: encoded(id, record) };
  }

  async #write({ collection }: RecordId, write: Write, call: Call): Promise<Written> {
    const [result = "not-found"] = await this.#writes.write(this.#names.indexOf(collection), [write], call);
    if (result instanceof KeyValueError) throw result;
    return result;
  }

  async #find({ collection, key }: RecordId, call: Call): Promise<Document | undefined> {
    const [document] = await this.#reads.read(this.#names.indexOf(collection), [this.#names.idOf(key)], call);
    if (document instanceof KeyValueError) throw document;
    return document;
  }

  /** As {@link #find}, for a write that is yet to be sent. */
  async #findFirst(id: RecordId, call: Call): Promise<Document | undefined> {
    try {
      return await this.#find(id, call);
    } catch (error) {
      if (error instanceof KeyValueError) error.outcome = "not-applied";
      throw error;
    }
  }

  #decode(id: RecordId, document: Document): StoredRecord {
    return decode(id, document.source, document.text, this.#settings.numbers);
  }

  /** A batch may hold records of several collections; most hold those of one. */
  async #byIndex<T, R>(
    items: readonly T[],
    idOf: (item: T) => RecordId,
    run: (index: string, some: readonly T[]) => Promise<readonly Settled<R>[]>,
  ): Promise<readonly Settled<R>[]> {
    const groups = new Map<string, number[]>();
    for (const [nth, item] of items.entries()) {
      const index = this.#names.indexOf(idOf(item).collection);
      const group = groups.get(index);
      if (group) group.push(nth);
      else groups.set(index, [nth]);
    }
    const answers: Settled<R>[] = [];
    for (const [index, places] of groups) {
      const attempt = run(
        index,
        places.map((nth) => items[nth] as T),
      );
      // What fails as a whole is not to hide what became of the others.
      const some = await (groups.size === 1 ? attempt : attempt.catch(errorOfEach(places)));
      for (const [at, nth] of places.entries()) answers[nth] = some[at] as Settled<R>;
    }
    return answers;
  }
}

function encoded(id: RecordId, record: StoredRecord) {
  return settled(() => encode(id, record));
}

const same = <T>(item: T): T => item;

function settled<T>(attempt: () => T): Settled<T> {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof KeyValueError) return error;
    throw error;
  }
}

function errorOfEach(places: readonly unknown[]) {
  return (error: unknown): KeyValueError[] => {
    if (error instanceof KeyValueError) return places.map(() => error);
    throw error;
  };
}

function failed(result: Settled<Written>): KeyValueError {
  return result instanceof KeyValueError ? result : new BackendError(`the record was not stored: ${result}`);
}
