/** The records of bentocache, which has no batches. A TTL is in milliseconds there. */
import type { JsonValue } from "@kv/core";
import type { CacheProvider } from "bentocache/types";
import type { Records } from "../../contender.ts";

export function bentocacheRecords(cache: CacheProvider): Records {
  return {
    get: (key: string): Promise<unknown> => cache.get({ key }),
    // Without a time it would be half an hour, which nothing asked for.
    put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<boolean> =>
      options === undefined ? cache.setForever({ key, value }) : cache.set({ key, value, ttl: options.ttl * 1000 }),
    delete: (key: string): Promise<boolean> => cache.delete({ key }),
  };
}
