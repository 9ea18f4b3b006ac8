/** The Elasticsearch store of kv, over @elastic/elasticsearch. */
import { createStore, type KeyValueStore, type StoreOptions } from "@kv/core";
import { ElasticsearchDriver } from "./driver.ts";
import type { ElasticsearchDriverOptions } from "./options.ts";

export { ElasticsearchDriver } from "./driver.ts";
export type { NameScheme } from "./names.ts";
export type { ConnectionOptions, ElasticsearchDriverOptions } from "./options.ts";

export type ElasticsearchStoreOptions = StoreOptions & ElasticsearchDriverOptions;
export type ElasticsearchStore = KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;

/**
 * A store in an Elasticsearch cluster. Nothing connects before the first operation.
 * @throws InvalidArgumentError
 */
export function elasticsearchStore(options: ElasticsearchStoreOptions = {}): ElasticsearchStore {
  const { defaultCollection, timeout, onEvent, ...rest } = options;
  return createStore(new ElasticsearchDriver(rest), { defaultCollection, timeout, onEvent });
}

/**
 * The store of a URL: `elasticsearch://user:password@host:9200/prefix`, `elasticsearchs://` for TLS. For `openStore`.
 * @throws InvalidArgumentError
 */
export function fromUrl(url: string, options: StoreOptions = {}): ElasticsearchStore {
  return elasticsearchStore({ ...options, url });
}
