/** A Map with JSON by hand, behind async functions: what a user without a library would write, isolated as kv is. */
import type { JsonValue } from "@kv/core";
import type { Contender } from "../contender.ts";

export async function open(): Promise<Contender> {
  const texts = new Map<string, string>();
  return {
    records: {
      async get(key: string): Promise<unknown> {
        const text = texts.get(key);
        return text === undefined ? undefined : JSON.parse(text);
      },
      async put(key: string, value: JsonValue): Promise<void> {
        texts.set(key, JSON.stringify(value));
      },
      async delete(key: string): Promise<boolean> {
        return texts.delete(key);
      },
    },
    async close() {},
  };
}
