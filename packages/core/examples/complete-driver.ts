/** A driver with all capabilities, over a Map of Maps. */
import { createStore, type Revision, type StoreOptions } from "@kv/core";
import {
  type Cursor,
  type Driver,
  isLive,
  type Listed,
  type Page,
  type RecordId,
  type Scope,
  type StoredRecord,
  type SwapResult,
} from "@kv/core/driver";

const PAGE = 100;

export class CompleteDriver implements Driver {
  readonly name: string = "complete";
  readonly capabilities = Object.freeze({ write: true, atomic: true, enumerate: true, clear: true, durable: true });
  readonly keepsReferences: boolean = true; // the store copies what goes in and comes out
  readonly #collections = new Map<string, Map<string, StoredRecord>>();

  get({ collection, key }: RecordId): StoredRecord | undefined {
    return this.#collections.get(collection)?.get(key);
  }

  put({ collection, key }: RecordId, record: StoredRecord): void {
    const records = this.#collections.get(collection) ?? new Map<string, StoredRecord>();
    this.#collections.set(collection, records.set(key, record));
  }

  delete(id: RecordId): boolean {
    const found = this.#live(id) !== undefined;
    this.#remove(id.collection, id.key);
    return found;
  }

  /** Atomic, since nothing else runs between the comparison and the change. */
  swap(id: RecordId, expected: Revision | "absent", next: StoredRecord | undefined): SwapResult {
    const current = this.#live(id);
    if ((current?.revision ?? "absent") !== expected) return { swapped: false, current };
    if (next) this.put(id, next);
    else this.#remove(id.collection, id.key);
    return { swapped: true };
  }

  /** In the order of the names, so that the last name of a page is all that the next one has to know. */
  list(
    { collection, keyPrefix }: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
  ): Page<Listed> {
    const records = this.#collections.get(collection) ?? new Map<string, StoredRecord>();
    const keys = [...records]
      .filter(([key, record]) => key.startsWith(keyPrefix) && isLive(record))
      .map(([key]) => key);
    const { items, next } = pageOf(keys, cursor);
    return { items: items.map((key) => (values ? { key, record: records.get(key) } : { key })), next };
  }

  collections(prefix: string, cursor: Cursor | undefined): Page<string> {
    const names = [...this.#collections].filter(([, records]) => [...records.values()].some((one) => isLive(one)));
    return pageOf(
      names.map(([name]) => name).filter((name) => name.startsWith(prefix)),
      cursor,
    );
  }

  clear(scope: Scope): undefined {
    for (const { collection, key } of this.#within(scope)) this.#remove(collection, key);
  }

  cull(scope: Scope): undefined {
    for (const { collection, key, record } of this.#within(scope)) if (!isLive(record)) this.#remove(collection, key);
  }

  *#within(scope: Scope): Iterable<RecordId & { readonly record: StoredRecord }> {
    for (const [collection, records] of this.#collections) {
      const inside =
        "collection" in scope ? collection === scope.collection : collection.startsWith(scope.collectionPrefix);
      const keyPrefix = "collection" in scope ? scope.keyPrefix : "";
      if (!inside) continue;
      for (const [key, record] of records) if (key.startsWith(keyPrefix)) yield { collection, key, record };
    }
  }

  #live(id: RecordId): StoredRecord | undefined {
    const record = this.get(id);
    return record && isLive(record) ? record : undefined;
  }

  #remove(collection: string, key: string): void {
    const records = this.#collections.get(collection);
    records?.delete(key);
    if (records?.size === 0) this.#collections.delete(collection);
  }
}

/** The first names after the cursor. */
function pageOf(names: readonly string[], cursor: Cursor | undefined): Page<string> {
  const after = names.filter((name) => typeof cursor !== "string" || name > cursor).sort();
  const items = after.slice(0, PAGE);
  return after.length > PAGE ? { items, next: items.at(-1) } : { items };
}

export const completeStore = (options?: StoreOptions) => createStore(new CompleteDriver(), options);
