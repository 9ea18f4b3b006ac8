/** The records of cache-manager. A TTL is in milliseconds there. */
import type { JsonValue } from "@kv/core";
import type { Cache } from "cache-manager";
import type { Entry, Records } from "../../contender.ts";

export function cacheManagerRecords(cache: Cache, collection: string): Records {
  const prefix = `${collection}:`;
  return {
    get: (key: string): Promise<unknown> => cache.get(prefix + key),
    put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<unknown> =>
      cache.set(prefix + key, value, options && options.ttl * 1000),
    delete: (key: string): Promise<boolean> => cache.del(prefix + key),
    getMany: (keys: readonly string[]): Promise<readonly unknown[]> => cache.mget(keys.map((key) => prefix + key)),
    putMany: (entries: readonly Entry[]): Promise<unknown> =>
      cache.mset(entries.map(({ key, value }) => ({ key: prefix + key, value }))),
  };
}
