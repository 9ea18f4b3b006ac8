/** lmdb with JSON by hand, and the settings that @kv/disk has: a write resolves when the disk has it. */
import type { JsonValue } from "@kv/core";
import { open as openDatabase } from "lmdb";
import type { Contender } from "../contender.ts";

export async function open(folder: string): Promise<Contender> {
  const database = openDatabase<string, string>({
    path: folder,
    encoding: "string",
    noSubdir: false,
    overlappingSync: false,
    noSync: false,
    eventTurnBatching: false,
  });
  return {
    records: {
      async get(key: string): Promise<unknown> {
        const text = database.get(key);
        return text === undefined ? undefined : JSON.parse(text);
      },
      put: (key: string, value: JsonValue): Promise<boolean> => database.put(key, JSON.stringify(value)),
      delete: (key: string): Promise<boolean> => database.remove(key),
    },
    close: () => database.close(),
  };
}
