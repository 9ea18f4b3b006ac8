/** Reads. Those that are asked for while one is under way go to RocksDB together, which is much quicker. */
import type { KeyValueError } from "@kv/core";
import type { Settled } from "@kv/core/driver";
import { asRocksError } from "./errors.ts";
import type { Handle } from "./handle.ts";
import { type Key, readMany } from "./native.ts";

type Texts = readonly Settled<string | undefined>[];

interface Waiting {
  readonly key: Key;
  readonly resolve: (text: string | undefined) => void;
  readonly reject: (error: KeyValueError) => void;
}

/** How many are read by one thread of Node.js' pool, of which there are four, at least. */
const PART = 128;
const THREADS = 4;

export class Reader {
  readonly #handle: Handle;
  #waiting: Waiting[] = [];
  #underWay = 0;

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  read(key: Key): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const one = { key, resolve, reject };
      if (this.#underWay === 0 && this.#waiting.length === 0) return this.#readAll([one]);
      // Runs when all callers that were answered in this turn of the event loop have had theirs.
      if (this.#waiting.length === 0) process.nextTick(() => this.#readAll(this.#waiting.splice(0)));
      this.#waiting.push(one);
    });
  }

  /** In their order; what cannot be read has its error in its place. */
  async readMany(keys: readonly Key[]): Promise<Texts> {
    const size = Math.max(PART, Math.ceil(keys.length / THREADS));
    if (keys.length <= size) return this.#readPart(keys);
    const parts: Promise<Texts>[] = [];
    for (let start = 0; start < keys.length; start += size) parts.push(this.#readPart(keys.slice(start, start + size)));
    return (await Promise.all(parts)).flat();
  }

  #readAll(some: readonly Waiting[]): void {
    const keys = some.map(({ key }) => key);
    this.#start(keys, (texts) => {
      for (const [at, { resolve, reject }] of some.entries()) {
        const text = texts[at];
        if (typeof text === "object") reject(text);
        else resolve(text);
      }
    });
  }

  #readPart(keys: readonly Key[]): Promise<Texts> {
    return new Promise((resolve) => this.#start(keys, resolve));
  }

  /** Without promises: of single reads they would be a good part of the cost. */
  #start(keys: readonly Key[], done: (texts: Texts) => void): void {
    const database = this.#handle.acquire();
    if (!database) {
      this.#handle.available().then(
        () => this.#start(keys, done),
        (error) => done(keys.map(() => asRocksError(error))),
      );
      return;
    }
    this.#underWay++;
    readMany(database, keys, (error, texts) => {
      this.#underWay--;
      this.#handle.release();
      if (!error) done(texts);
      else if (keys.length === 1) done([asRocksError(error)]);
      // None is to fail for another.
      else Promise.all(keys.map((key) => this.#readPart([key]))).then((parts) => done(parts.flat()));
    });
  }
}
