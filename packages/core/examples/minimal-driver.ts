/** The least driver: get, put and delete over a Map. The store does the rest: checks, copies, expiry, batches, deadlines. */
import { createStore, type StoreOptions } from "@kv/core";
import { type Driver, isLive, joinNames, type RecordId, type StoredRecord } from "@kv/core/driver";

export class MinimalDriver implements Driver {
  readonly name = "minimal";
  readonly capabilities = Object.freeze({ write: true, atomic: false, enumerate: false, clear: false, durable: true });
  readonly keepsReferences = true; // the store copies what goes in and comes out
  readonly #records = new Map<string, StoredRecord>();

  get({ collection, key }: RecordId): StoredRecord | undefined {
    return this.#records.get(joinNames(collection, key, "::"));
  }
  put({ collection, key }: RecordId, record: StoredRecord): void {
    this.#records.set(joinNames(collection, key, "::"), record);
  }
  delete({ collection, key }: RecordId): boolean {
    const record = this.get({ collection, key });
    this.#records.delete(joinNames(collection, key, "::"));
    return record !== undefined && isLive(record);
  }
}

export const minimalStore = (options?: StoreOptions) => createStore(new MinimalDriver(), options);
