/** The memory driver of unstorage, with its defaults. */
import { createStorage } from "unstorage";
import type { Contender } from "../contender.ts";
import { unstorageRecords } from "./peers/unstorage.ts";

export async function open(): Promise<Contender> {
  const storage = createStorage();
  return {
    collection: (name) => unstorageRecords(storage, name),
    // The driver takes the option and forgets it.
    lacks: ["put with TTL"],
    close: () => storage.dispose(),
  };
}
