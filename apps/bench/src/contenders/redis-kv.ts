/** kv in Redis, with its defaults. */
import { redisStore } from "@kv/redis";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const store = redisStore({ url });
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
