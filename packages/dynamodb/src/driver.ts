/** What a table does for each operation of a store. */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type Capabilities, KeyValueError, type Revision } from "@kv/core";
import {
  asKeyValueError,
  type Call,
  type Cursor,
  type Driver,
  isForeign,
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
import { groupsOf } from "./batches.ts";
import { absent, hasRevision, isOursOrNothing, isUnchanged } from "./conditions.ts";
import { Enumeration } from "./enumeration.ts";
import { explain } from "./errors.ts";
import { addressOf, decodeItem, encodeItem, ITEM_BYTES, type Item, isThere, keyOf, settled } from "./items.ts";
import {
  checkAttempts,
  type DynamodbDriverOptions,
  type Sender,
  type Settings,
  senderOf,
  settingsOf,
} from "./options.ts";
import { Requests } from "./requests.ts";
import { makeTable } from "./table.ts";

const CAPABILITIES = {
  write: true,
  atomic: true,
  enumerate: true,
  clear: true,
  durable: true,
  limits: { recordBytes: ITEM_BYTES, batch: { get: 100, put: 25, delete: 100 } },
} as const satisfies Capabilities;

/** The driver of one table. */
export class DynamodbDriver implements Driver {
  readonly name = "dynamodb";
  readonly capabilities: typeof CAPABILITIES = Object.freeze(CAPABILITIES);
  readonly stringifies = true;
  /** Only where something has to be seen to before the first request. */
  readonly open?: (call: Call) => Promise<void>;
  readonly #settings: Settings;
  readonly #sender: Sender;
  readonly #requests: Requests;
  readonly #enumeration: Enumeration;

  /** @throws InvalidArgumentError */
  constructor(options: DynamodbDriverOptions) {
    const settings = settingsOf(options);
    this.#settings = settings;
    this.#sender = senderOf(settings);
    this.#requests = new Requests(this.#sender, settings.table, settings.consistentReads);
    this.#enumeration = new Enumeration(this.#requests, settings.numbers);
    if (settings.client || settings.createTable) this.open = (call) => this.#open(call);
  }

  /** The SDK's client: the store's own, or the caller's. */
  get client(): DynamoDBClient {
    return this.#sender.client;
  }

  close(): void {
    this.#sender.destroy?.();
  }

  async ping(call: Call): Promise<void> {
    await this.#requests.get(keyOf({ collection: "ping", key: "ping" }), call);
  }

  async get(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const item = await this.#requests.get(keyOf(id), call);
    return item && this.#decode(id, item);
  }

  async put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    await this.#requests.put(encodeItem(id, record), call);
  }

  /** Also each of `deleteMany`: BatchWriteItem does not tell what was there, and to ask before would not be atomic. */
  async delete(id: RecordId, call: Call): Promise<boolean> {
    const item = await this.#requests.delete(keyOf(id), call);
    return item !== undefined && isThere(settled(() => this.#decode(id, item)));
  }

  async getMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<StoredRecord | undefined>[]> {
    const keys = ids.map(keyOf);
    const items = new Map<string, Item>();
    const undone = await this.#requests.getMany(keys, items, call);
    const failed = new Set(undone?.items.map(addressOf));
    return ids.map((id, at) => {
      const address = addressOf(keys[at] ?? {});
      if (undone && failed.has(address)) return undone.error;
      const item = items.get(address);
      return item && settled(() => this.#decode(id, item));
    });
  }

  async putMany(requests: readonly WriteRequest[], call: Call): Promise<readonly Settled<void>[]> {
    const items = requests.map(({ id, record }) => settled(() => encodeItem(id, record)));
    const groups = groupsOf(items.filter((item): item is Item => !(item instanceof KeyValueError)));
    const failures = new Map<string, KeyValueError>();
    let failure: KeyValueError | undefined;
    for (const group of groups) {
      // What follows a failure is not sent.
      const undone = failure
        ? { items: group, error: failure.copy("not-applied") }
        : await this.#requests.putMany(group, call).catch((error: unknown) => {
            if (group === groups[0]) throw error;
            return { items: group, error: asKeyValueError(error) };
          });
      for (const item of undone?.items ?? []) if (undone) failures.set(addressOf(item), undone.error);
      failure = undone?.error;
    }
    return items.map((item) => (item instanceof KeyValueError ? item : failures.get(addressOf(item))));
  }

  async swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): Promise<SwapResult> {
    const key = keyOf(id);
    const item = next && encodeItem(id, next);
    let condition = expected === "absent" ? absent() : hasRevision(expected);
    if (expected !== "absent" && isForeign(expected)) {
      // The revision of another program's record is a hash of its text, which DynamoDB cannot compute.
      const found = await this.#requests.look(key, call);
      const current = this.#live(id, found);
      if (!found || current?.revision !== expected) return { swapped: false, current };
      condition = isUnchanged(found);
    }
    const first = await this.#requests.writeIf(condition, key, item, call);
    if (first.held) return { swapped: true };
    const current = this.#live(id, first.item);
    if (expected !== "absent" || current || !first.item) return { swapped: false, current };
    // It has expired, but only just, or only by its text.
    const second = await this.#requests.writeIf(isUnchanged(first.item), key, item, call);
    return second.held ? { swapped: true } : { swapped: false, current: this.#live(id, second.item) };
  }

  async take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const key = keyOf(id);
    const { held, item } = await this.#requests.writeIf(isOursOrNothing(id), key, undefined, call);
    if (held) {
      const record = settled(() => this.#live(id, item));
      if (!(record instanceof KeyValueError)) return record;
      record.outcome = "unknown";
      throw record;
    }
    // Another program's record: it is read before it is deleted.
    for (let found = item; ; ) {
      const current = this.#live(id, found);
      if (!found || !current) return undefined;
      const next = await this.#requests.writeIf(isUnchanged(found), key, undefined, call);
      if (next.held) return current;
      found = next.item;
    }
  }

  list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    options: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    return this.#enumeration.list(scope, options, call);
  }

  collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    return this.#enumeration.collections(prefix, cursor, call);
  }

  clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.#enumeration.clear(scope, cursor, call);
  }

  cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.#enumeration.cull(scope, cursor, call);
  }

  async #open(call: Call): Promise<void> {
    const { client, createTable, table } = this.#settings;
    if (client) await checkAttempts(client);
    if (!createTable) return;
    await makeTable(this.client, table, call.signal).catch((error: unknown) => {
      throw explain(error, this.#sender.server);
    });
  }

  #decode(id: RecordId, item: Item): StoredRecord {
    return decodeItem(id, item, this.#settings.numbers);
  }

  #live(id: RecordId, item: Item | undefined): StoredRecord | undefined {
    const record = item && this.#decode(id, item);
    return record && isLive(record) ? record : undefined;
  }
}
