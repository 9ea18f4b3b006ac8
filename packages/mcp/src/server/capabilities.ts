/** Which stores are good for what must happen once. */
import { type Capability, type KeyValueStore, UnsupportedOperationError } from "@kv/core";

/** For what must happen once, or never be lost: an evicted mark is a replay let through. */
export type OnceStore = KeyValueStore<"write" | "atomic" | "durable">;

/**
 * @param subject what needs them, as its users write it
 * @throws UnsupportedOperationError which also says which stores have them
 */
export function requireOnce(store: KeyValueStore<never>, subject: string): void {
  require(store, ["atomic", "durable"], subject);
}

/** @throws UnsupportedOperationError */
export function require(store: KeyValueStore<never>, needed: readonly Capability[], subject: string): void {
  const missing = needed.filter((one) => !store.capabilities[one]);
  if (missing.length === 0) return;
  const list = missing.map((one) => `"${one}"`).join(" and ");
  throw new UnsupportedOperationError(
    `${subject} needs a store that is ${list}, which this one is not: @kv/disk, @kv/rocksdb, @kv/redis, @kv/valkey, ` +
      "@kv/dynamodb, @kv/mongodb and @kv/elasticsearch are atomic and durable, and so is @kv/memory without maxEntries; " +
      "@kv/memcached evicts",
  );
}
