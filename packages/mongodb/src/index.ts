/** The MongoDB store of kv. */
import { createStore, type KeyValueStore, type StoreOptions } from "@kv/core";
import { MongodbDriver } from "./driver.ts";
import type { MongodbDriverOptions } from "./options.ts";

export { MongodbDriver } from "./driver.ts";
export type { Names } from "./names.ts";
export type { ConnectionOptions, MongodbDriverOptions } from "./options.ts";

export type MongodbStoreOptions = StoreOptions & MongodbDriverOptions;
export type MongodbStore = KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;

/**
 * A store in one database of a MongoDB server, replica set or sharded cluster. Nothing connects before the first operation.
 * @throws InvalidArgumentError
 */
export function mongodbStore(options: MongodbStoreOptions = {}): MongodbStore {
  const { defaultCollection, timeout, onEvent, ...rest } = options;
  return createStore(new MongodbDriver(rest), { defaultCollection, timeout, onEvent });
}

/**
 * The store of a URL: `mongodb://user:password@host:27017/database`, `mongodb+srv://host/database`. For `openStore`.
 * @throws InvalidArgumentError
 */
export function fromUrl(url: string, options: StoreOptions = {}): MongodbStore {
  return mongodbStore({ ...options, url });
}
