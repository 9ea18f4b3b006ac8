/** The Redis store of kv, over ioredis. */
import { createStore, type KeyValueStore, type StoreOptions } from "@kv/core";
import { RedisDriver } from "./driver.ts";
import type { RedisDriverOptions } from "./options.ts";

export { RedisDriver } from "./driver.ts";
export type { ConnectionOptions, RedisDriverOptions } from "./options.ts";

export type RedisStoreOptions = StoreOptions & RedisDriverOptions;
export type RedisStore = KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;

/**
 * A store in one Redis server. Nothing connects before the first operation.
 * @throws InvalidArgumentError
 */
export function redisStore(options: RedisStoreOptions = {}): RedisStore {
  const { defaultCollection, timeout, onEvent, ...rest } = options;
  return createStore(new RedisDriver(rest), { defaultCollection, timeout, onEvent });
}

/**
 * The store of a URL: `redis://user:password@host:6379/0`, `rediss://` for TLS. For `openStore`.
 * @throws InvalidArgumentError
 */
export function fromUrl(url: string, options: StoreOptions = {}): RedisStore {
  return redisStore({ ...options, url });
}
