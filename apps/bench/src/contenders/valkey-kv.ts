/** kv in Valkey, with its defaults. */
import { valkeyStore } from "@kv/valkey";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const store = valkeyStore({ url });
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
