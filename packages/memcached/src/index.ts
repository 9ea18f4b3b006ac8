/** The Memcached store of kv, over memjs. */
import { createStore, type KeyValueStore, type StoreOptions } from "@kv/core";
import { MemcachedDriver } from "./driver.ts";
import type { MemcachedDriverOptions } from "./options.ts";

export { MemcachedDriver } from "./driver.ts";
export type { Naming } from "./names.ts";
export type { ConnectionOptions, MemcachedDriverOptions, MemjsClient } from "./options.ts";

export type MemcachedStoreOptions = StoreOptions & MemcachedDriverOptions;
export type MemcachedStore = KeyValueStore<"write" | "atomic">;

/**
 * A store in one memcached server, or distributed among several. Nothing connects before the first operation.
 * @throws InvalidArgumentError
 */
export function memcachedStore(options: MemcachedStoreOptions = {}): MemcachedStore {
  const { defaultCollection, timeout, onEvent, ...rest } = options;
  return createStore(new MemcachedDriver(rest), { defaultCollection, timeout, onEvent });
}

/**
 * The store of a URL: `memcached://user:password@host:11211,host:11211`, `memcacheds://` for TLS. For `openStore`.
 * @throws InvalidArgumentError
 */
export function fromUrl(url: string, options: StoreOptions = {}): MemcachedStore {
  return memcachedStore({ ...options, url });
}
