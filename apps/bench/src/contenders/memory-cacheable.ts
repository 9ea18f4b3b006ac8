/** Cacheable in memory, with its defaults. */
import { Cacheable } from "cacheable";
import type { Contender } from "../contender.ts";
import { cacheableRecords } from "./peers/cacheable.ts";

export async function open(): Promise<Contender> {
  const cache = new Cacheable();
  return { collection: (name) => cacheableRecords(cache, name), close: () => cache.disconnect() };
}
