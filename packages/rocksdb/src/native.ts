/** What is used of the package `rocksdb`, which has no types of its own. */
import { UnsupportedOperationError } from "@kv/core";

/** Text is written as UTF-8. Never empty. */
export type Key = string | Buffer;

export type Operation =
  | { readonly type: "put"; readonly key: Key; readonly value: string }
  | { readonly type: "del"; readonly key: Key };

type Callback<T> = (error: Error | null | undefined, answer: T) => void;

export interface OpenOptions {
  /** Bytes. */
  readonly cacheSize: number;
  readonly compression: boolean;
  /** Bytes. */
  readonly writeBufferSize: number;
  readonly maxOpenFiles: number;
}

interface AsText {
  readonly asBuffer: false;
}

interface WriteOptions {
  readonly sync: boolean;
}

export interface Range {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

/** RocksDB's own database. After it was closed, using it ends the process. */
export interface Database {
  open(options: OpenOptions, callback: Callback<void>): void;
  close(callback: Callback<void>): void;
  /** Fails with "NotFound" where there is none. */
  get(key: Key, options: AsText, callback: Callback<string | undefined>): void;
  getMany(keys: readonly Key[], options: AsText, callback: Callback<(string | undefined)[] | undefined>): void;
  put(key: Key, value: string, options: WriteOptions, callback: Callback<void>): void;
  del(key: Key, options: WriteOptions, callback: Callback<void>): void;
  batch(operations: readonly Operation[], options: WriteOptions, callback: Callback<void>): void;
  iterator(
    options: Range & { readonly limit: number; readonly values: false; readonly highWaterMark: number },
  ): Iterator;
  compactRange(start: Key, end: Key, callback: Callback<void>): void;
}

/** Holds a snapshot until it has ended, which it has to before the database closes. */
export interface Iterator {
  /** Without a key: there is none left. */
  next(callback: (error: Error | null | undefined, key?: Buffer) => void): void;
  end(callback: Callback<void>): void;
}

/** From this major version of Node.js on, loading the prebuilt binary of rocksdb 5.2.1 ends the process. */
const CRASHES_FROM = 22;

/** A database that is still to be opened. @throws UnsupportedOperationError where the package would end the process */
export async function newDatabase(folder: string): Promise<Database> {
  if (Number.parseInt(process.versions.node, 10) >= CRASHES_FROM) {
    throw new UnsupportedOperationError(
      `the package rocksdb works on Node.js 20 only, not on ${process.versions.node}: take @kv/disk there`,
    );
  }
  // @ts-expect-error: it has no types.
  const { default: rocksdb } = await import("rocksdb");
  return rocksdb(folder);
}

export function promised<T>(start: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, answer) => {
      if (error) reject(error);
      else resolve(answer);
    });
  });
}
