/** kv in memory, with its defaults. */
import { memoryStore } from "@kv/memory";
import type { Contender } from "../contender.ts";

export async function open(): Promise<Contender> {
  const store = memoryStore();
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
