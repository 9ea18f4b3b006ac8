/** classic-level (LevelDB), with its defaults but for JSON: a sublevel for each collection, without sync. */
import type { JsonValue } from "@kv/core";
import { ClassicLevel } from "classic-level";
import type { Contender, Entry, Records } from "../contender.ts";

export async function open(folder: string): Promise<Contender> {
  const database = new ClassicLevel<string, JsonValue>(folder, { valueEncoding: "json" });
  const collection = (name: string): Records => {
    const level = database.sublevel<string, JsonValue>(name, { valueEncoding: "json" });
    return {
      get: (key: string): Promise<unknown> => level.get(key),
      put: (key: string, value: JsonValue): Promise<void> => level.put(key, value),
      delete: (key: string): Promise<void> => level.del(key),
      getMany: (keys: readonly string[]): Promise<readonly unknown[]> => level.getMany([...keys]),
      putMany: (entries: readonly Entry[]): Promise<void> =>
        level.batch(entries.map(({ key, value }) => ({ type: "put", key, value }))),
      keys: (): AsyncIterable<string> => level.keys(),
      clear: (): Promise<void> => level.clear(),
    };
  };
  return { collection, lacks: ["put with TTL"], close: () => database.close() };
}
