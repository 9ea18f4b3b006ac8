/** Elasticsearch's own client, with documents that are only kept, as kv's are. */
import { Client } from "@elastic/elasticsearch";
import type { JsonValue } from "@kv/core";
import type { Contender, Entry, Records } from "../contender.ts";

const index = "raw-bench";

export async function open(url: string): Promise<Contender> {
  // Media types that servers of version 8 know, too.
  const headers = { accept: "application/json", "content-type": "application/json" };
  const client = new Client({ node: `http://${new URL(url).host}`, headers });
  const mappings = { properties: { value: { type: "object", enabled: false } } } as const;
  if (!(await client.indices.exists({ index }))) await client.indices.create({ index, mappings });
  const collection = (name: string): Records => {
    const idOf = (key: string): string => `${name}:${key}`;
    return {
      async get(key: string): Promise<unknown> {
        // A document that is not there is an error of the client's; without `ignore` it would be thrown.
        const { _source } = await client.get<{ value: JsonValue }>({ index, id: idOf(key) }, { ignore: [404] });
        return _source?.value;
      },
      put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<unknown> => {
        const document = options === undefined ? { value } : { value, expires_at: Date.now() + options.ttl * 1000 };
        return client.index({ index, id: idOf(key), document });
      },
      delete: (key: string): Promise<unknown> => client.delete({ index, id: idOf(key) }, { ignore: [404] }),
      async getMany(keys: readonly string[]): Promise<unknown[]> {
        const { docs } = await client.mget<{ value: JsonValue }>({ index, ids: keys.map(idOf) });
        return docs.map((one) => ("_source" in one ? one._source?.value : undefined));
      },
      putMany: (entries: readonly Entry[]): Promise<unknown> =>
        client.bulk({
          index,
          operations: entries.flatMap(({ key, value }) => [{ index: { _id: idOf(key) } }, { value }]),
        }),
      async putIfAbsent(key: string, value: JsonValue): Promise<boolean> {
        const made = await client.create({ index, id: idOf(key), document: { value } }, { ignore: [409], meta: true });
        return made.statusCode === 201;
      },
    };
  };
  return { collection, close: () => client.close() };
}
