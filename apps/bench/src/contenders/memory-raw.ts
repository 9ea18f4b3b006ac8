/** A Map with JSON by hand, behind async functions: what a user without a library would write, isolated as kv is. */
import type { JsonValue } from "@kv/core";
import type { Contender, Entry, Records } from "../contender.ts";

export async function open(): Promise<Contender> {
  const collections = new Map<string, Records>();
  return {
    collection(name: string): Records {
      const known = collections.get(name);
      if (known) return known;
      const made = recordsIn(new Map());
      collections.set(name, made);
      return made;
    },
    // It would take an object for each record, and a look at the clock for each read.
    lacks: ["put with TTL"],
    async close() {},
  };
}

function recordsIn(texts: Map<string, string>): Records {
  const read = (key: string): unknown => {
    const text = texts.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  };
  return {
    async get(key: string): Promise<unknown> {
      return read(key);
    },
    async put(key: string, value: JsonValue): Promise<void> {
      texts.set(key, JSON.stringify(value));
    },
    async delete(key: string): Promise<boolean> {
      return texts.delete(key);
    },
    async getMany(keys: readonly string[]): Promise<unknown[]> {
      return keys.map(read);
    },
    async putMany(entries: readonly Entry[]): Promise<void> {
      for (const { key, value } of entries) texts.set(key, JSON.stringify(value));
    },
    async putIfAbsent(key: string, value: JsonValue): Promise<boolean> {
      if (texts.has(key)) return false;
      texts.set(key, JSON.stringify(value));
      return true;
    },
    async increment(key: string): Promise<number> {
      const number = Number(texts.get(key) ?? 0) + 1;
      texts.set(key, String(number));
      return number;
    },
    async *keys(): AsyncIterable<string> {
      yield* texts.keys();
    },
    async clear(): Promise<void> {
      texts.clear();
    },
  };
}
