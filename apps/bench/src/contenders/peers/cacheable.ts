/** The records of cacheable. A TTL is in milliseconds there. */
import type { JsonValue } from "@kv/core";
import type { Cacheable } from "cacheable";
import type { Entry, Records } from "../../contender.ts";

export function cacheableRecords(cache: Cacheable, collection: string): Records {
  const prefix = `${collection}:`;
  return {
    get: (key: string): Promise<unknown> => cache.get(prefix + key),
    put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<boolean> =>
      cache.set(prefix + key, value, options && options.ttl * 1000),
    delete: (key: string): Promise<boolean> => cache.delete(prefix + key),
    getMany: (keys: readonly string[]): Promise<readonly unknown[]> => cache.getMany(keys.map((key) => prefix + key)),
    putMany: (entries: readonly Entry[]): Promise<boolean> =>
      cache.setMany(entries.map(({ key, value }) => ({ key: prefix + key, value }))),
  };
}
