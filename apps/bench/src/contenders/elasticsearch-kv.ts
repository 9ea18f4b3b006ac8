/** kv in Elasticsearch, with its defaults. */
import { elasticsearchStore } from "@kv/elasticsearch";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const store = elasticsearchStore({ url, prefix: "kv" });
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
