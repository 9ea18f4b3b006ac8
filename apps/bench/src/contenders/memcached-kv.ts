/** kv in memcached, with its defaults. */
import { memcachedStore } from "@kv/memcached";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const store = memcachedStore({ url });
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
