/** rocksdb with JSON by hand, and the settings that @kv/rocksdb has: a write resolves when the disk has it. */
import { mkdirSync } from "node:fs";
import type { JsonValue } from "@kv/core";
// @ts-expect-error: it has no types.
import rocksdb from "rocksdb";
import type { Contender } from "../contender.ts";

type Callback<T> = (error: Error | null | undefined, answer: T) => void;

interface Database {
  open(options: object, callback: Callback<void>): void;
  get(key: string, options: { readonly asBuffer: false }, callback: Callback<string>): void;
  put(key: string, value: string, options: { readonly sync: true }, callback: Callback<void>): void;
  del(key: string, options: { readonly sync: true }, callback: Callback<void>): void;
  close(callback: Callback<void>): void;
}

export async function open(folder: string): Promise<Contender> {
  mkdirSync(folder, { recursive: true });
  const database: Database = rocksdb(folder);
  await promised<void>((done) =>
    database.open({ cacheSize: 2 ** 25, writeBufferSize: 16_000_000, maxOpenFiles: 500 }, done),
  );
  return {
    collection: () => ({
      async get(key: string): Promise<unknown> {
        return JSON.parse(await promised<string>((done) => database.get(key, { asBuffer: false }, done)));
      },
      put: (key: string, value: JsonValue): Promise<void> =>
        promised<void>((done) => database.put(key, JSON.stringify(value), { sync: true }, done)),
      delete: (key: string): Promise<void> => promised<void>((done) => database.del(key, { sync: true }, done)),
    }),
    // What is not there is an error of the package's.
    lacks: ["get miss", "put with TTL"],
    close: () => promised<void>((done) => database.close(done)),
  };
}

function promised<T>(start: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, answer) => {
      if (error) reject(error);
      else resolve(answer);
    });
  });
}
