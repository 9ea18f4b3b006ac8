/** kv on disk, with its defaults. */
import { diskStore } from "@kv/disk";
import type { Contender } from "../contender.ts";

export async function open(folder: string): Promise<Contender> {
  const store = diskStore({ path: folder });
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
