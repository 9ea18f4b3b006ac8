/**
 * What is used of the package `@nxtedition/rocksdb`, which has no types of its own. Some of it are inner functions of that
 * package, since the public ones lose errors, memory, or `sync`: so its version is pinned.
 */
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
}

export interface Range {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

/** RocksDB's own database, an `abstract-level` of version 1. */
export interface Database {
  open(options: OpenOptions & { readonly createIfMissing: true }): Promise<void>;
  close(): Promise<void>;
  batch(): Batch;
  iterator(options: IteratorOptions): Iterator;
  /** Of RocksDB's properties the one of this name; empty where there is none. */
  getProperty(name: string): string;
  _getMany(keys: readonly Key[], options: AsText, callback: Callback<(string | undefined)[]>): void;
  /** Ends the process where the database is not open. */
  _getManySync(keys: readonly Buffer[], options: AsText): (string | undefined)[];
}

interface AsText {
  readonly valueEncoding: "utf8";
}

/** Part of the database until it is written or closed. */
interface Batch {
  _put(key: Key, value: string): void;
  _del(key: Key): void;
  write(options: { readonly sync: boolean }, callback: Callback<void>): void;
}

interface IteratorOptions extends Range {
  readonly limit: number;
  readonly keyEncoding: "buffer";
  readonly values: false;
  /** What it reads ahead, in bytes. */
  readonly highWaterMarkBytes: number;
}

/** Holds a snapshot until it is closed. */
interface Iterator {
  /** The next keys, so many at most; none: there is none left. */
  nextv(size: number): Promise<(readonly [key: Buffer, value: undefined])[]>;
  close(): Promise<void>;
}

const AS_TEXT: AsText = { valueEncoding: "utf8" };
const READ_AHEAD = 256_000;

/** @throws UnsupportedOperationError where there is no binary for this system, and what RocksDB says */
export async function openDatabase(folder: string, options: OpenOptions): Promise<Database> {
  const RocksLevel = await importRocksLevel();
  const database = new RocksLevel(folder);
  try {
    await database.open({ ...options, createIfMissing: true });
  } catch (error) {
    // What wraps it says only that it is not open.
    throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
  }
  return database;
}

async function importRocksLevel(): Promise<new (folder: string) => Database> {
  try {
    // @ts-expect-error: it has no types.
    return (await import("@nxtedition/rocksdb")).RocksLevel;
  } catch (error) {
    throw new UnsupportedOperationError(
      `the package @nxtedition/rocksdb has no binary that loads on this system, ${process.platform}-${process.arch}: it has ` +
        "those for Linux on x64 with glibc 2.34 or newer, and for macOS on arm64; take @kv/disk here, or compile that package",
      { cause: error },
    );
  }
}

/** In their order, `undefined` for what is not there; an error where one of them cannot be read. */
export function readMany(
  database: Database,
  keys: readonly Key[],
  done: (error: unknown, texts: readonly (string | undefined)[]) => void,
): void {
  database._getMany(keys, AS_TEXT, (error, texts) => {
    if (error || !texts.includes(undefined)) return done(error, texts);
    let all: readonly (string | undefined)[] = [];
    let failure: unknown;
    try {
      all = withMissing(database, keys, texts);
    } catch (error) {
      failure = error;
    }
    done(failure, all);
  });
}

/**
 * What could not be read is missing in `texts`, too. It is asked for again in a way that tells, mostly without the disk, since
 * RocksDB's filters say what is in no table.
 */
function withMissing(
  database: Database,
  keys: readonly Key[],
  texts: readonly (string | undefined)[],
): readonly (string | undefined)[] {
  const missing = keys.filter((_, at) => texts[at] === undefined);
  const found = database._getManySync(missing.map(bytesOf), AS_TEXT).values();
  return texts.map((text) => text ?? found.next().value);
}

/** All of it or nothing. */
export function write(database: Database, operations: readonly Operation[], sync: boolean): Promise<void> {
  return promised((done) => {
    // The database's own `batch(operations)` keeps all that was written in memory, and its `put` knows no `sync`.
    const batch = database.batch();
    for (const one of operations) {
      if (one.type === "put") batch._put(one.key, one.value);
      else batch._del(one.key);
    }
    batch.write({ sync }, done);
  });
}

/** The first keys of the range. */
export async function keysOf(database: Database, range: Range, limit: number): Promise<Buffer[]> {
  const options = { ...range, limit, keyEncoding: "buffer", values: false, highWaterMarkBytes: READ_AHEAD } as const;
  const iterator = database.iterator(options);
  try {
    const keys: Buffer[] = [];
    for (;;) {
      const some = await iterator.nextv(limit - keys.length);
      for (const [key] of some) keys.push(key);
      if (some.length === 0 || keys.length === limit) return keys;
    }
  } finally {
    await iterator.close();
  }
}

function bytesOf(key: Key): Buffer {
  return typeof key === "string" ? Buffer.from(key) : key;
}

function promised<T>(start: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, answer) => {
      if (error) reject(error);
      else resolve(answer);
    });
  });
}
