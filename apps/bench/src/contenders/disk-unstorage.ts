/** The file driver of unstorage, with its defaults: a file for each record, without sync. */
import { createStorage } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import type { Contender } from "../contender.ts";
import { unstorageRecords } from "./peers/unstorage.ts";

export async function open(folder: string): Promise<Contender> {
  const storage = createStorage({ driver: fsDriver({ base: folder }) });
  return {
    collection: (name) => unstorageRecords(storage, name),
    // The driver takes the option and forgets it.
    lacks: ["put with TTL"],
    close: () => storage.dispose(),
  };
}
