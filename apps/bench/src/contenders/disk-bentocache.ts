/** Bentocache's file driver alone, with its defaults: a file for each record, without sync. */
import { BentoCache, bentostore } from "bentocache";
import { fileDriver } from "bentocache/drivers/file";
import type { Contender } from "../contender.ts";
import { bentocacheRecords } from "./peers/bentocache.ts";

export async function open(folder: string): Promise<Contender> {
  const driver = fileDriver({ directory: folder, pruneInterval: false });
  const cache = new BentoCache({ default: "one", stores: { one: bentostore().useL2Layer(driver) } });
  return { collection: (name) => bentocacheRecords(cache.namespace(name)), close: () => cache.disconnectAll() };
}
