/** Keyv over @keyv/memcache, with its defaults; it runs over memjs. */
import { KeyvMemcache } from "@keyv/memcache";
import Keyv from "keyv";
import type { Contender } from "../contender.ts";
import { keyvRecords } from "./peers/keyv.ts";

export async function open(url: string): Promise<Contender> {
  const store = new KeyvMemcache(new URL(url).host);
  return {
    collection: (namespace) => keyvRecords(new Keyv({ store, namespace })),
    close: async () => store.client.close(),
  };
}
