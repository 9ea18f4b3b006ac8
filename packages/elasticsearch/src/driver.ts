/** The Elasticsearch driver: each operation as the requests that it takes. */
import type { Client } from "@elastic/elasticsearch";
import { BackendError, type Capabilities, KeyValueError, type Revision, ValueTooLargeError } from "@kv/core";
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
import { byIndex, settled, unsent } from "./batches.ts";
import { decode, encode, type Layout, NAMES_AND_EXPIRY } from "./documents.ts";
import { Enumeration } from "./enumeration.ts";
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
import { safeExpiryOf } from "./searches.ts";
import { Server } from "./server.ts";
import { type Write, Writes, type Written } from "./writes.ts";

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
  readonly #enumeration: Enumeration;

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
    this.#enumeration = new Enumeration(server, this.#writes, this.#names, this.#settings.numbers);
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
    const [answer] = await this.#reads.read(this.#names.indexOf("ping"), ["ping"], call, ["key"]);
    if (answer instanceof KeyValueError) throw answer;
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
    return byIndex(ids, this.#indexOf, async (index, some) => {
      const documents = await this.#reads.read(index, this.#idsOf(some), call);
      return documents.map((document, nth) =>
        document instanceof KeyValueError
          ? document
          : settled(() => document && this.#decode(some[nth] as RecordId, document)),
      );
    });
  }

  putMany(requests: readonly WriteRequest[], call: Call): Promise<readonly Settled<void>[]> {
    const writes = requests.map(({ id, record }) => ({ id, write: this.#putting(id, record) }));
    return byIndex(
      writes,
      ({ id }) => this.#indexOf(id),
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
    return byIndex(ids, this.#indexOf, async (index, some) => {
      const ids = this.#idsOf(some);
      const documents = await unsent(this.#reads.read(index, ids, call, NAMES_AND_EXPIRY));
      const answers: Settled<boolean>[] = documents.map((one) => (one instanceof KeyValueError ? one : false));
      const live = documents.flatMap((one, nth) =>
        one && !(one instanceof KeyValueError) && isLive({ expiresAt: safeExpiryOf(one.source) }) ? [nth] : [],
      );
      if (live.length === 0) return answers;
      const writes = live.map((nth): Write => ({ action: "delete", id: ids[nth] as string }));
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
    const document = next && this.#encoded(id, next);
    if (document instanceof KeyValueError) throw document;
    if (expected === "absent" && document) {
      const creation = { action: "create", id: this.#names.idOf(id.key), document } as const;
      if ((await this.#write(id, creation, call)) === "done") return { swapped: true };
    }
    for (;;) {
      const found = await unsent(this.#find(id, call));
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
      const document = await unsent(this.#find(id, call));
      const record = document && this.#decode(id, document);
      if (!document || !record || !isLive(record)) return undefined;
      const write: Write = { action: "delete", id: this.#names.idOf(id.key), position: document.position };
      if ((await this.#write(id, write, call)) === "done") return record;
    }
  }

  list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    return this.#enumeration.list(scope, values, cursor, call);
  }

  collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    return this.#enumeration.collections(prefix, cursor, call);
  }

  clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.#enumeration.sweep(scope, cursor, call, false);
  }

  cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.#enumeration.sweep(scope, cursor, call, true);
  }

  readonly #indexOf = ({ collection }: RecordId): string => this.#names.indexOf(collection);

  #idsOf(ids: readonly RecordId[]): string[] {
    return ids.map(({ key }) => this.#names.idOf(key));
  }

  /** The document of a record, or why there is none. */
  #encoded(id: RecordId, record: StoredRecord): Settled<(layout: Layout) => string> {
    const document = settled(() => encode(id, record));
    if (document instanceof KeyValueError) return document;
    const size = Buffer.byteLength(document("flattened"));
    const limit = recordBytesOf(this.#settings);
    return size > limit ? new ValueTooLargeError(size, limit) : document;
  }

  #putting(id: RecordId, record: StoredRecord): Write {
    return { action: "index", id: this.#names.idOf(id.key), document: this.#encoded(id, record) };
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

  #decode(id: RecordId, document: Document): StoredRecord {
    return decode(id, document.source, document.text, this.#settings.numbers);
  }
}

function failed(result: Settled<Written>): KeyValueError {
  return result instanceof KeyValueError ? result : new BackendError(`the record was not stored: ${result}`);
}
