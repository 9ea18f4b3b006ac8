/** cache-manager with Redis as its only tier, by @keyv/redis; it runs over node-redis. */
import { createKeyv } from "@keyv/redis";
import { createCache } from "cache-manager";
import type { Contender } from "../contender.ts";
import { cacheManagerRecords } from "./peers/cache-manager.ts";

export async function open(url: string): Promise<Contender> {
  const cache = createCache({ stores: [createKeyv(url)] });
  return { collection: (name) => cacheManagerRecords(cache, name), close: () => cache.disconnect() };
}
