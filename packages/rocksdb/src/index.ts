/** The public surface of `@kv/rocksdb`. */
import { createStore, type KeyValueStore, type StoreOptions } from "@kv/core";
import { parseFolderUrl } from "@kv/core/driver";
import { RocksdbDriver } from "./driver.ts";
import { optionsOf, type RocksdbDriverOptions } from "./options.ts";

export { RocksdbDriver, type RocksdbDriverOptions };

export type RocksdbStoreOptions = StoreOptions & RocksdbDriverOptions;
export type RocksdbStore = KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;

/**
 * A store in a folder, which one process at a time may have open, with as many stores as it likes.
 * @throws InvalidArgumentError
 */
export function rocksdbStore(options: RocksdbStoreOptions): RocksdbStore {
  return createStore(new RocksdbDriver(options), options);
}

/**
 * `rocksdb:./folder`, `rocksdb:/absolute/folder` or `rocksdb:///absolute/folder`, percent-encoded where need be;
 * `?sync=false&cacheBytes=100000000&compression=false` as the options.
 * @throws InvalidArgumentError
 */
export function fromUrl(url: string, options: StoreOptions = {}): RocksdbStore {
  const { path, parameters } = parseFolderUrl(url, "rocksdb");
  return rocksdbStore({ ...options, path, ...optionsOf(parameters) });
}
