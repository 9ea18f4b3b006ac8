/** What who can read a store sees. */
import type { KeyValueStore } from "@kv/core";

/** All that can be read in a store. */
export async function dumpOf(store: KeyValueStore<"enumerate">): Promise<string> {
  let dump = "";
  for await (const collection of store.collections()) {
    dump += `${collection}\n`;
    for await (const entry of store.collection(collection).entries()) dump += `${JSON.stringify(entry)}\n`;
  }
  return dump;
}
