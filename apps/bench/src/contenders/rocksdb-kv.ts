/** kv in RocksDB, with its defaults. */
import { rocksdbStore } from "@kv/rocksdb";
import type { Contender } from "../contender.ts";

export async function open(folder: string): Promise<Contender> {
  const store = rocksdbStore({ path: folder });
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
