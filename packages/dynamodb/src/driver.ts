/** What a table does for each operation of a store. */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type Capabilities, KeyValueError, type Revision } from "@kv/core";
import {
  asKeyValueError,
  type Call,
  type Cursor,
  type Driver,
  isForeign,
  isInScope,
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
import { allOf, groupsOf } from "./batches.ts";
import { absent, type Condition, expired, hasRevision, isOursOrNothing, isUnchanged } from "./conditions.ts";
import { explain } from "./errors.ts";
import {
  addressOf,
  decodeItem,
  encodeItem,
  type Found,
  ITEM_BYTES,
  type Item,
  isThere,
  keyOf,
  recognize,
  settled,
} from "./items.ts";
import {
  checkAttempts,
  type DynamodbDriverOptions,
  type Sender,
  type Settings,
  senderOf,
  settingsOf,
} from "./options.ts";
import { Position } from "./position.ts";
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

/** How many records one step of a sweep deletes. */
const STEP = 250;

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

  /** @throws InvalidArgumentError */
  constructor(options: DynamodbDriverOptions) {
    const settings = settingsOf(options);
    this.#settings = settings;
    this.#sender = senderOf(settings);
    this.#requests = new Requests(this.#sender, settings.table, settings.consistentReads);
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

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    options: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    const { found, next } = await this.#page(scope, Position.of(options.cursor), undefined, call);
    return {
      items: found
        .filter((one) => isThere(one.record))
        .map(({ id, record }) => ({ key: id.key, record: options.values ? record : undefined })),
      next,
    };
  }

  async collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    const position = Position.of(cursor);
    const { found, next } = await this.#page({ collectionPrefix: prefix }, position, undefined, call);
    const names = new Set(found.filter(({ record }) => isThere(record)).map(({ id }) => id.collection));
    const items = [...names].filter((name) => !position.seen.has(name));
    // From here to the caller nothing can fail, so that what is marked as seen has been seen.
    for (const name of items) position.seen.add(name);
    return { items, next };
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const { found, next } = await this.#page(scope, Position.of(cursor), undefined, call, STEP);
    await allOf(call, groupsOf(found.map(({ id }) => keyOf(id))), async (keys) => {
      const undone = await this.#requests.deleteMany(keys, call);
      if (undone) throw undone.error;
    });
    return next;
  }

  /** What was overwritten since it was read is left alone. DynamoDB itself deletes what has expired only within days. */
  async cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const { found, next } = await this.#page(scope, Position.of(cursor), expired(), call, STEP);
    await allOf(call, found, ({ id }) => this.#requests.writeIf(expired(), keyOf(id), undefined, call));
    return next;
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

  /** The next records of the scope, expired ones too; no more than so many, where that is given. */
  async #page(
    scope: Scope,
    position: Position,
    filter: Condition | undefined,
    call: Call,
    most = Number.POSITIVE_INFINITY,
  ): Promise<{ readonly found: readonly Found[]; readonly next: Position | undefined }> {
    let { after, pending, more } = position;
    if (pending.length === 0) {
      const { items, last } = await this.#requests.page(scope, after, filter, call);
      pending = items.flatMap((item) => recognize(item, this.#settings.numbers) ?? []);
      pending = pending.filter(({ id }) => isInScope(id, scope));
      after = last;
      more = last !== undefined;
    }
    const rest = pending.slice(most);
    const next = rest.length > 0 || more ? new Position(after, rest, more, position.seen) : undefined;
    return { found: pending.slice(0, most), next };
  }
}
