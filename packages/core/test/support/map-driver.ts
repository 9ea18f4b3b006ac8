/** A complete and correct driver over a `Map`: instances over the same data see the same records. */
import {
  type Call,
  type Cursor,
  type Driver,
  isLive,
  type Listed,
  type MaybePromise,
  type Page,
  type RecordId,
  type Scope,
  type StoredRecord,
  type SwapResult,
} from "../../src/driver/index.ts";
import type { Revision } from "../../src/index.ts";

/** Records by key by collection. */
export type Data = Map<string, Map<string, StoredRecord>>;

const PAGE = 100;

export class MapDriver implements Driver {
  readonly name = "map";
  readonly capabilities = Object.freeze({ write: true, atomic: true, enumerate: true, clear: true, durable: true });
  readonly keepsReferences: boolean = true;
  readonly data: Data;

  constructor(data: Data = new Map()) {
    this.data = data;
  }

  get(id: RecordId, _call: Call): MaybePromise<StoredRecord | undefined> {
    return this.live(id);
  }

  put(id: RecordId, record: StoredRecord, _call: Call): MaybePromise<void> {
    this.store(id, record);
  }

  delete(id: RecordId, _call: Call): MaybePromise<boolean> {
    const found = this.live(id) !== undefined;
    this.remove(id);
    return found;
  }

  swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    _call: Call,
  ): MaybePromise<SwapResult> {
    const current = this.live(id);
    if ((current?.revision ?? "absent") !== expected) return { swapped: false, current };
    if (next) this.store(id, next);
    else this.remove(id);
    return { swapped: true };
  }

  list(
    { collection, keyPrefix }: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
    _call: Call,
  ): MaybePromise<Page<Listed>> {
    const after = typeof cursor === "string" ? cursor : "";
    const live = [...(this.data.get(collection) ?? [])]
      .filter(([key, record]) => key > after && key.startsWith(keyPrefix) && this.lives(record))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const items = live.slice(0, PAGE).map(([key, record]) => (values ? { key, record } : { key }));
    return { items, next: live.length > PAGE ? items.at(-1)?.key : undefined };
  }

  collections(prefix: string, _cursor: Cursor | undefined, _call: Call): MaybePromise<Page<string>> {
    const names = [...this.data].filter(
      ([name, records]) => name.startsWith(prefix) && [...records.values()].some((record) => this.lives(record)),
    );
    return { items: names.map(([name]) => name) };
  }

  /** What lies there, expired or not. */
  find({ collection, key }: RecordId): StoredRecord | undefined {
    return this.data.get(collection)?.get(key);
  }

  live(id: RecordId): StoredRecord | undefined {
    const record = this.find(id);
    return record && this.lives(record) ? record : undefined;
  }

  lives(record: StoredRecord): boolean {
    return isLive(record);
  }

  store({ collection, key }: RecordId, record: StoredRecord): void {
    const records = this.data.get(collection) ?? new Map<string, StoredRecord>();
    this.data.set(collection, records.set(key, record));
  }

  remove({ collection, key }: RecordId): void {
    this.data.get(collection)?.delete(key);
  }

  clear(scope: Scope, _cursor: Cursor | undefined, _call: Call): MaybePromise<Cursor | undefined> {
    this.sweep(scope, () => true);
    return undefined;
  }

  cull(scope: Scope, _cursor: Cursor | undefined, _call: Call): MaybePromise<Cursor | undefined> {
    this.sweep(scope, (record) => !this.lives(record));
    return undefined;
  }

  sweep(scope: Scope, ends: (record: StoredRecord) => boolean): void {
    for (const [name, records] of this.data) {
      if ("collection" in scope ? name !== scope.collection : !name.startsWith(scope.collectionPrefix)) continue;
      for (const [key, record] of records) {
        if (("collection" in scope ? key.startsWith(scope.keyPrefix) : true) && ends(record)) records.delete(key);
      }
    }
  }
}
