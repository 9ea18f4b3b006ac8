/** kv in MongoDB, with its defaults. */
import { mongodbStore } from "@kv/mongodb";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const store = mongodbStore({ url });
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
