/** The records of unstorage. A TTL is in seconds there, for the drivers that know it. */
import type { JsonValue } from "@kv/core";
import { prefixStorage, type Storage } from "unstorage";
import type { Entry, Records } from "../../contender.ts";

export function unstorageRecords(storage: Storage, collection: string): Records {
  const records = prefixStorage(storage, collection);
  return {
    get: (key: string): Promise<unknown> => records.getItem(key),
    put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<void> =>
      records.setItem(key, value, options),
    delete: (key: string): Promise<void> => records.removeItem(key),
    getMany: async (keys: readonly string[]): Promise<readonly unknown[]> =>
      (await storage.getItems(keys.map((key) => `${collection}:${key}`))).map(({ value }) => value),
    putMany: (entries: readonly Entry[]): Promise<void> =>
      storage.setItems(entries.map(({ key, value }) => ({ key: `${collection}:${key}`, value }))),
    async *keys(): AsyncIterable<string> {
      yield* await records.getKeys();
    },
    clear: (): Promise<void> => records.clear(),
  };
}
