/** Keyv's records. A TTL is in milliseconds there. */
import type { JsonValue } from "@kv/core";
import type { Keyv } from "keyv";
import type { Entry, Records } from "../../contender.ts";

export function keyvRecords(keyv: Keyv): Records {
  return {
    get: (key: string): Promise<unknown> => keyv.get(key),
    put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<unknown> =>
      keyv.set(key, value, options && options.ttl * 1000),
    delete: (key: string): Promise<boolean> => keyv.delete(key),
    getMany: (keys: readonly string[]): Promise<readonly unknown[]> => keyv.getMany([...keys]),
    putMany: (entries: readonly Entry[]): Promise<unknown> =>
      keyv.setMany(entries.map(({ key, value }) => ({ key, value }))),
    ...(keyv.iterator && {
      async *keys(): AsyncIterable<string> {
        for await (const [key] of keyv.iterator?.(undefined) ?? []) yield key;
      },
    }),
    clear: (): Promise<void> => keyv.clear(),
  };
}
