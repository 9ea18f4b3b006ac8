/** Keyv over @keyv/mongo, with its defaults. */
import { KeyvMongo } from "@keyv/mongo";
import Keyv from "keyv";
import type { Contender } from "../contender.ts";
import { keyvRecords } from "./peers/keyv.ts";

export async function open(url: string): Promise<Contender> {
  const opened: KeyvMongo[] = [];
  return {
    collection(namespace) {
      const store = new KeyvMongo({ url, db: "bench_keyv", collection: namespace });
      opened.push(store);
      return keyvRecords(new Keyv({ store, namespace }));
    },
    close: () => Promise.all(opened.map((store) => store.disconnect())),
  };
}
