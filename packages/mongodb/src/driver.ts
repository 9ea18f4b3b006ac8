/** The store's driver: its connection, and its operations as calls on that. */
import { type Capabilities, KeyValueError, StoreUnavailableError } from "@kv/core";
import {
  type Call,
  type Cursor,
  type Driver,
  type Listed,
  type Page,
  type RecordId,
  type Report,
  type Scope,
  type Settled,
  type StoredRecord,
  type SwapResult,
  settled,
  type WriteRequest,
} from "@kv/core/driver";
import type { MongoClient } from "mongodb";
import { inParts } from "./batch.ts";
import { encode, RECORD_BYTES } from "./documents.ts";
import { list, listCollections, sweep } from "./enumeration.ts";
import { type MongodbDriverOptions, type Settings, settingsOf } from "./options.ts";
import { Places } from "./places.ts";
import { Records } from "./records.ts";
import { Session } from "./session.ts";
import type { Context } from "./statements.ts";

const CAPABILITIES = {
  write: true,
  atomic: true,
  enumerate: true,
  clear: true,
  durable: true,
  limits: { recordBytes: RECORD_BYTES, batch: { get: 500, put: 500, delete: 500 } },
} as const satisfies Capabilities;

/** The driver of one database. */
export class MongodbDriver implements Driver {
  readonly name = "mongodb";
  readonly capabilities: typeof CAPABILITIES = Object.freeze(CAPABILITIES);
  readonly #settings: Settings;
  readonly #places: Places;
  #session: Session | undefined;
  /** Of sessions that are being closed. */
  readonly #closing = new Set<Promise<void>>();
  #report: Report = () => {};

  /** @throws InvalidArgumentError */
  constructor(options: MongodbDriverOptions = {}) {
    this.#settings = settingsOf(options);
    this.#places = new Places(this.#settings.database, this.#settings.names);
  }

  /** The driver's client: the caller's, or the store's own while it has one, which is another one after each connecting. */
  get client(): MongoClient | undefined {
    return this.#settings.client ?? this.#session?.client;
  }

  get ready(): boolean {
    return this.#session?.usable === true;
  }

  async open(call: Call, report: Report): Promise<void> {
    this.#report = report;
    this.#leave();
    const { client, clientFor, database } = this.#settings;
    const patience = Math.ceil(call.deadline - performance.now());
    const onLost = (error: unknown): void => this.#report({ type: "connection-lost", error });
    const session = new Session(clientFor(patience), database, client ? undefined : patience, onLost);
    this.#session = session;
    try {
      await session.connect(call);
    } catch (error) {
      this.#leave();
      throw error;
    }
    report({ type: "connected" });
  }

  async close(): Promise<void> {
    this.#report = () => {};
    this.#leave();
    await Promise.all(this.#closing);
  }

  async ping(call: Call): Promise<void> {
    await this.#context.session.run({ ping: 1 }, call);
  }

  async get(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    return this.#records.get(id, call);
  }

  async put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    const [answer] = await this.#records.putAll(id.collection, [encode(id, record)], call);
    if (answer instanceof KeyValueError) throw answer;
  }

  async delete(id: RecordId, call: Call): Promise<boolean> {
    return this.#records.delete(id, call);
  }

  async getMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<StoredRecord | undefined>[]> {
    return inParts(ids.map(itemOf), call, (collection, items) =>
      this.#records.getAll(collection, items.map(keyOf), call),
    );
  }

  async putMany(requests: readonly WriteRequest[], call: Call): Promise<readonly Settled<void>[]> {
    const encoded = requests.map(({ id, record }) => settled(() => encode(id, record)));
    const items = encoded.flatMap((one) =>
      one instanceof KeyValueError ? [] : [{ collection: one.names.collection, bytes: one.bytes, one }],
    );
    const answers = await inParts(items, call, (collection, part) =>
      this.#records.putAll(
        collection,
        part.map(({ one }) => one),
        call,
      ),
    );
    return encoded.map((one) => (one instanceof KeyValueError ? one : answers.shift()));
  }

  async deleteMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<boolean>[]> {
    return inParts(ids.map(itemOf), call, (collection, items) =>
      this.#records.deleteAll(collection, items.map(keyOf), call),
    );
  }

  async swap(
    id: RecordId,
    expected: StoredRecord["revision"] | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): Promise<SwapResult> {
    return this.#records.swap(id, expected, next && encode(id, next), call);
  }

  async take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    return this.#records.take(id, call);
  }

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    options: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    return list(this.#context, scope, options.values, options.cursor, call);
  }

  async collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    return listCollections(this.#context, prefix, cursor, call);
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return sweep(this.#context, scope, false, cursor, call);
  }

  async cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return sweep(this.#context, scope, true, cursor, call);
  }

  get #context(): Context {
    const session = this.#session;
    if (!session) throw new StoreUnavailableError("there is no connection to MongoDB", { outcome: "not-applied" });
    return { settings: this.#settings, places: this.#places, session, report: this.#report };
  }

  get #records(): Records {
    return new Records(this.#context);
  }

  /** Done with the connection there was; a client of our own is closed as soon as nothing is in flight on it. */
  #leave(): void {
    if (!this.#session) return;
    const closing = this.#session.retire().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    this.#session = undefined;
  }
}

/** An item of a batch that names a record and nothing else. */
function itemOf({ collection, key }: RecordId) {
  return { collection, key, bytes: 3 * key.length + 20 };
}

function keyOf({ key }: { readonly key: string }): string {
  return key;
}
