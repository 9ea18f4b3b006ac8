/** valkey-glide as it comes, with JSON by hand. */
import type { JsonValue } from "@kv/core";
import { GlideClient, type GlideString, TimeUnit } from "@valkey/valkey-glide";
import type { Contender, Entry, Records } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const { hostname, port, pathname } = new URL(url);
  const client = await GlideClient.createClient({
    addresses: [{ host: hostname, port: Number(port) }],
    databaseId: Number(pathname.slice(1)),
  });
  const collection = (name: string): Records => {
    const prefix = `${name}:`;
    const pages = async function* (): AsyncIterable<string[]> {
      let cursor: GlideString = "0";
      do {
        const [next, names]: [GlideString, GlideString[]] = await client.scan(cursor, {
          match: `${prefix}*`,
          count: 1000,
        });
        yield names.map(String);
        cursor = next;
      } while (String(cursor) !== "0");
    };
    return {
      get: async (key: string): Promise<unknown> => parsed(await client.get(prefix + key)),
      put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<unknown> =>
        options === undefined
          ? client.set(prefix + key, JSON.stringify(value))
          : client.set(prefix + key, JSON.stringify(value), {
              expiry: { type: TimeUnit.Seconds, count: options.ttl },
            }),
      delete: (key: string): Promise<number> => client.del([prefix + key]),
      getMany: async (keys: readonly string[]): Promise<unknown[]> =>
        (await client.mget(keys.map((key) => prefix + key))).map(parsed),
      putMany: (entries: readonly Entry[]): Promise<unknown> =>
        client.mset(entries.map(({ key, value }) => ({ key: prefix + key, value: JSON.stringify(value) }))),
      putIfAbsent: (key: string, value: JsonValue): Promise<unknown> =>
        client.set(prefix + key, JSON.stringify(value), { conditionalSet: "onlyIfDoesNotExist" }),
      increment: (key: string): Promise<number> => client.incr(prefix + key),
      async *keys(): AsyncIterable<string> {
        for await (const page of pages()) for (const name of page) yield name.slice(prefix.length);
      },
      async clear(): Promise<void> {
        for await (const page of pages()) if (page.length > 0) await client.unlink(page);
      },
    };
  };
  return { collection, close: async () => client.close() };
}

function parsed(text: GlideString | null): unknown {
  return text === null ? undefined : JSON.parse(String(text));
}
