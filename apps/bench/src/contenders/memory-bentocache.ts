/** Bentocache's first tier alone, with its defaults but for the bound on the number of entries. */
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import type { Contender } from "../contender.ts";
import { bentocacheRecords } from "./peers/bentocache.ts";

export async function open(): Promise<Contender> {
  const driver = memoryDriver({ maxItems: 1_000_000 });
  const cache = new BentoCache({ default: "one", stores: { one: bentostore().useL1Layer(driver) } });
  return { collection: (name) => bentocacheRecords(cache.namespace(name)), close: () => cache.disconnectAll() };
}
