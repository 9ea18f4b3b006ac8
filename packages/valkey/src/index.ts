/** The Valkey store of kv, over valkey-glide. */
import { createStore, type KeyValueStore, type StoreOptions } from "@kv/core";
import { ValkeyDriver } from "./driver.ts";
import type { ValkeyDriverOptions } from "./options.ts";

export { ValkeyDriver } from "./driver.ts";
export type { Client, ConnectionOptions, ValkeyDriverOptions } from "./options.ts";

export type ValkeyStoreOptions = StoreOptions & ValkeyDriverOptions;
export type ValkeyStore = KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;

/**
 * A store in a Valkey server or cluster. Nothing connects before the first operation.
 * @throws InvalidArgumentError
 */
export function valkeyStore(options: ValkeyStoreOptions = {}): ValkeyStore {
  const { defaultCollection, timeout, onEvent, ...rest } = options;
  return createStore(new ValkeyDriver(rest), { defaultCollection, timeout, onEvent });
}

/**
 * The store of a URL: `valkey://user:password@host:6379/0`, `valkeys://` for TLS, `valkey+cluster://host:6379,host:6379`
 * and `valkeys+cluster://` for clusters. For `openStore`.
 * @throws InvalidArgumentError
 */
export function fromUrl(url: string, options: StoreOptions = {}): ValkeyStore {
  return valkeyStore({ ...options, url });
}
