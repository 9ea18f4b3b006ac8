/** Elasticsearch's own client, with documents that are only kept, as kv's are. */
import { Client } from "@elastic/elasticsearch";
import type { JsonValue } from "@kv/core";
import type { Contender } from "../contender.ts";

const index = "raw-bench";

export async function open(url: string): Promise<Contender> {
  // Media types that servers of version 8 know, too.
  const headers = { accept: "application/json", "content-type": "application/json" };
  const client = new Client({ node: `http://${new URL(url).host}`, headers });
  const mappings = { properties: { value: { type: "object", enabled: false } } } as const;
  if (!(await client.indices.exists({ index }))) await client.indices.create({ index, mappings });
  return {
    records: {
      async get(id: string): Promise<unknown> {
        const { _source } = await client.get<{ value: JsonValue }>({ index, id });
        return _source?.value;
      },
      put: (id: string, value: JsonValue): Promise<unknown> => client.index({ index, id, document: { value } }),
      delete: (id: string): Promise<unknown> => client.delete({ index, id }),
    },
    close: () => client.close(),
  };
}
