/** kv on disk, where a write resolves when the operating system has it, as a peer's that writes files does. */
import { diskStore } from "@kv/disk";
import type { Contender } from "../contender.ts";

export async function open(folder: string): Promise<Contender> {
  const store = diskStore({ path: folder, sync: false });
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
