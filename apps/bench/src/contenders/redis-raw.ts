/** ioredis as it comes, with JSON by hand. */
import type { JsonValue } from "@kv/core";
import { Redis } from "ioredis-6";
import type { Contender, Entry, Records } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const client = new Redis(url);
  // What fails rejects; without a listener the client prints it as well.
  client.on("error", () => {});
  const collection = (name: string): Records => {
    const prefix = `${name}:`;
    const pages = (): AsyncIterable<string[]> => client.scanStream({ match: `${prefix}*`, count: 1000 });
    return {
      get: async (key: string): Promise<unknown> => parsed(await client.get(prefix + key)),
      put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<unknown> =>
        options === undefined
          ? client.set(prefix + key, JSON.stringify(value))
          : client.set(prefix + key, JSON.stringify(value), "EX", options.ttl),
      delete: (key: string): Promise<number> => client.del(prefix + key),
      getMany: async (keys: readonly string[]): Promise<unknown[]> =>
        (await client.mget(keys.map((key) => prefix + key))).map(parsed),
      putMany: (entries: readonly Entry[]): Promise<unknown> =>
        client.mset(entries.flatMap(({ key, value }) => [prefix + key, JSON.stringify(value)])),
      putIfAbsent: (key: string, value: JsonValue): Promise<unknown> =>
        client.set(prefix + key, JSON.stringify(value), "NX"),
      increment: (key: string): Promise<number> => client.incr(prefix + key),
      async *keys(): AsyncIterable<string> {
        for await (const page of pages()) for (const name of page) yield name.slice(prefix.length);
      },
      async clear(): Promise<void> {
        for await (const page of pages()) if (page.length > 0) await client.unlink(page);
      },
    };
  };
  return { collection, close: () => client.quit() };
}

function parsed(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text);
}
