/** memjs as it comes, with JSON by hand. It has no batches: they are as many requests at once. */
import type { JsonValue } from "@kv/core";
import memjs from "memjs";
import type { Contender, Entry, Records } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const client = memjs.Client.create(new URL(url).host);
  const collection = (name: string): Records => {
    const prefix = `${name}:`;
    const get = async (key: string): Promise<unknown> => {
      const { value } = await client.get(prefix + key);
      return value === null ? undefined : JSON.parse(value.toString());
    };
    const put = (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<boolean> =>
      client.set(prefix + key, JSON.stringify(value), options === undefined ? {} : { expires: options.ttl });
    return {
      get,
      put,
      delete: (key: string): Promise<boolean> => client.delete(prefix + key),
      getMany: (keys: readonly string[]): Promise<unknown[]> => Promise.all(keys.map(get)),
      putMany: (entries: readonly Entry[]): Promise<unknown> =>
        Promise.all(entries.map(({ key, value }) => put(key, value))),
      putIfAbsent: (key: string, value: JsonValue): Promise<boolean> =>
        client.add(prefix + key, JSON.stringify(value), {}),
      increment: (key: string): Promise<unknown> => client.increment(prefix + key, 1, { initial: 1 }),
    };
  };
  return { collection, close: async () => client.close() };
}
