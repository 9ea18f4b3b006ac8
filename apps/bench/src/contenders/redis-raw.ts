/** ioredis as it comes, with JSON by hand. */
import type { JsonValue } from "@kv/core";
import { Redis } from "ioredis";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const client = new Redis(url);
  // What fails rejects; without a listener the client prints it as well.
  client.on("error", () => {});
  return {
    records: {
      async get(key: string): Promise<unknown> {
        const text = await client.get(key);
        return text === null ? undefined : JSON.parse(text);
      },
      put: (key: string, value: JsonValue): Promise<unknown> => client.set(key, JSON.stringify(value)),
      delete: (key: string): Promise<number> => client.del(key),
    },
    close: () => client.quit(),
  };
}
