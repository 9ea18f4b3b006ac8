/** Cacheable with Redis as its only tier, by @keyv/redis; it runs over node-redis. */
import { createKeyv } from "@keyv/redis";
import { Cacheable } from "cacheable";
import type { Contender } from "../contender.ts";
import { cacheableRecords } from "./peers/cacheable.ts";

export async function open(url: string): Promise<Contender> {
  const cache = new Cacheable({ primary: createKeyv(url) });
  return { collection: (name) => cacheableRecords(cache, name), close: () => cache.disconnect() };
}
