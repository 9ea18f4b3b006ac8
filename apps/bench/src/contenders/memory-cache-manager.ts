/** cache-manager in memory, with its defaults. */
import { createCache } from "cache-manager";
import type { Contender } from "../contender.ts";
import { cacheManagerRecords } from "./peers/cache-manager.ts";

export async function open(): Promise<Contender> {
  const cache = createCache();
  return { collection: (name) => cacheManagerRecords(cache, name), close: () => cache.disconnect() };
}
