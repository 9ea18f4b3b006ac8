/** kv in Valkey, with its defaults. */
import { valkeyStore } from "@kv/valkey";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const store = valkeyStore({ url });
  return { records: store.collection("bench"), close: () => store.close() };
}
