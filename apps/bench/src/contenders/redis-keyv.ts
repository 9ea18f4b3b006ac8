/** Keyv over @keyv/redis, with its defaults; it runs over node-redis. */
import { createKeyv } from "@keyv/redis";
import type { Contender } from "../contender.ts";
import { keyvRecords } from "./peers/keyv.ts";

export async function open(url: string): Promise<Contender> {
  const opened: ReturnType<typeof createKeyv>[] = [];
  return {
    collection(namespace) {
      const keyv = createKeyv(url, { namespace });
      opened.push(keyv);
      return keyvRecords(keyv);
    },
    close: () => Promise.all(opened.map((keyv) => keyv.disconnect())),
  };
}
