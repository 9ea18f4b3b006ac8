/** The public surface of `@kv/memory`. */
import { createStore, InvalidArgumentError, type KeyValueStore, type StoreOptions } from "@kv/core";
import { MemoryDriver, type MemoryLimits } from "./driver.ts";

export { MemoryDriver, type MemoryLimits };

export interface UnboundedOptions extends StoreOptions {
  readonly maxEntries?: undefined;
  readonly maxBytes?: undefined;
}
export interface BoundedOptions extends StoreOptions, MemoryLimits {}

/**
 * A store in this process' memory, empty when made, gone with the process. With `maxEntries` or `maxBytes` the least
 * recently used records leave first, so that the store is not `durable`.
 * @throws InvalidArgumentError
 */
export function memoryStore(
  options?: UnboundedOptions,
): KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;
export function memoryStore(options: BoundedOptions): KeyValueStore<"write" | "atomic" | "enumerate" | "clear">;
export function memoryStore(options: BoundedOptions = {}): KeyValueStore<"write" | "atomic" | "enumerate" | "clear"> {
  return createStore(new MemoryDriver(options), options);
}

/**
 * `memory:`, or with bounds `memory:?maxEntries=1000&maxBytes=1000000`.
 * @throws InvalidArgumentError
 */
export function fromUrl(url: string, options: StoreOptions = {}) {
  const match = /^memory:(?:\/\/)?(?:\?(.*))?$/i.exec(url);
  if (!match) throw new InvalidArgumentError('the URL of a store in memory is "memory:"');
  const bounds: { maxEntries?: number; maxBytes?: number } = {};
  for (const [name, value] of new URLSearchParams(match[1])) {
    if (name !== "maxEntries" && name !== "maxBytes") {
      throw new InvalidArgumentError('a "memory:" URL takes the parameters maxEntries and maxBytes only');
    }
    bounds[name] = Number(value);
  }
  return memoryStore({ ...options, ...bounds });
}
