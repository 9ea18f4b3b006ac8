/** lmdb with JSON by hand, and the settings that @kv/disk has: a write resolves when the disk has it. */
import type { JsonValue } from "@kv/core";
import { open as openDatabase } from "lmdb";
import type { Contender, Entry, Records } from "../contender.ts";

export async function open(folder: string): Promise<Contender> {
  const database = openDatabase<string, string>({
    path: folder,
    encoding: "string",
    noSubdir: false,
    overlappingSync: false,
    noSync: false,
    eventTurnBatching: false,
  });
  const collection = (name: string): Records => {
    const prefix = `${name}:`;
    const all = { start: prefix, end: `${name};` };
    const read = (key: string): unknown => {
      const text = database.get(prefix + key);
      return text === undefined ? undefined : JSON.parse(text);
    };
    const write = (key: string, value: JsonValue): Promise<boolean> =>
      database.put(prefix + key, JSON.stringify(value));
    return {
      get: async (key: string): Promise<unknown> => read(key),
      put: write,
      delete: (key: string): Promise<boolean> => database.remove(prefix + key),
      getMany: async (keys: readonly string[]): Promise<unknown[]> => keys.map(read),
      putMany: (entries: readonly Entry[]): Promise<unknown> =>
        Promise.all(entries.map(({ key, value }) => write(key, value))),
      putIfAbsent: (key: string, value: JsonValue): Promise<boolean> =>
        database.ifNoExists(prefix + key, () => void write(key, value)),
      increment: (key: string): Promise<number> =>
        database.transaction(() => {
          const number = Number(database.get(prefix + key) ?? 0) + 1;
          void database.put(prefix + key, String(number));
          return number;
        }),
      async *keys(): AsyncIterable<string> {
        for (const key of database.getKeys(all)) yield key.slice(prefix.length);
      },
      clear: (): Promise<unknown> => Promise.all([...database.getKeys(all)].map((key) => database.remove(key))),
    };
  };
  return { collection, lacks: ["put with TTL"], close: () => database.close() };
}
