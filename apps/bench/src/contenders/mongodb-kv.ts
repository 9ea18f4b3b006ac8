/** kv in MongoDB, with its defaults. */
import { mongodbStore } from "@kv/mongodb";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const store = mongodbStore({ url });
  return { records: store.collection("bench"), close: () => store.close() };
}
