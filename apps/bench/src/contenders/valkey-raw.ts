/** valkey-glide as it comes, with JSON by hand. */
import type { JsonValue } from "@kv/core";
import { GlideClient } from "@valkey/valkey-glide";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const { hostname, port } = new URL(url);
  const client = await GlideClient.createClient({ addresses: [{ host: hostname, port: Number(port) }] });
  return {
    records: {
      async get(key: string): Promise<unknown> {
        const text = await client.get(key);
        return text === null ? undefined : JSON.parse(String(text));
      },
      put: (key: string, value: JsonValue): Promise<unknown> => client.set(key, JSON.stringify(value)),
      delete: (key: string): Promise<number> => client.del([key]),
    },
    close: async () => client.close(),
  };
}
