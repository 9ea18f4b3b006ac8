/** @nxtedition/rocksdb with JSON by hand, and the settings that @kv/rocksdb has: a write resolves when the disk has it. */
import type { JsonValue } from "@kv/core";
// @ts-expect-error: it has no types.
import { RocksLevel } from "@nxtedition/rocksdb";
import type { Contender } from "../contender.ts";

interface Database {
  open(options: { readonly createIfMissing: true; readonly cacheSize: number }): Promise<void>;
  get(key: string): Promise<string>;
  batch(): Batch;
  close(): Promise<void>;
}

/** The database's own `put` does not wait for the disk, and its `batch(operations)` keeps all that was written in memory. */
interface Batch {
  put(key: string, value: string): Batch;
  del(key: string): Batch;
  write(options: { readonly sync: true }): Promise<void>;
}

export async function open(folder: string): Promise<Contender> {
  const database: Database = new RocksLevel(folder);
  await database.open({ createIfMissing: true, cacheSize: 2 ** 25 });
  return {
    collection: () => ({
      get: async (key: string): Promise<unknown> => JSON.parse(await database.get(key)),
      put: (key: string, value: JsonValue): Promise<void> =>
        database.batch().put(key, JSON.stringify(value)).write({ sync: true }),
      delete: (key: string): Promise<void> => database.batch().del(key).write({ sync: true }),
    }),
    // What is not there is an error of the package's.
    lacks: ["get miss", "put with TTL"],
    close: () => database.close(),
  };
}
