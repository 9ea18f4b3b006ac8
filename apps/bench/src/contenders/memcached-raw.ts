/** memjs as it comes, with JSON by hand. */
import type { JsonValue } from "@kv/core";
import memjs from "memjs";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  const client = memjs.Client.create(new URL(url).host);
  return {
    records: {
      async get(key: string): Promise<unknown> {
        const { value } = await client.get(key);
        return value === null ? undefined : JSON.parse(value.toString());
      },
      put: (key: string, value: JsonValue): Promise<unknown> => client.set(key, JSON.stringify(value), {}),
      delete: (key: string): Promise<boolean> => client.delete(key),
    },
    close: async () => client.close(),
  };
}
