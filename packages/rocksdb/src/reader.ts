/** Reads. Those that are asked for while one is under way go to RocksDB together, which is much quicker. */
import type { KeyValueError } from "@kv/core";
import type { Settled } from "@kv/core/driver";
import { asRocksError } from "./errors.ts";
import type { Handle } from "./handle.ts";
import { type Key, readMany } from "./native.ts";

interface Waiting {
  readonly key: Key;
  readonly resolve: (text: string | undefined) => void;
  readonly reject: (error: KeyValueError) => void;
}

/** How many are read by one thread of Node.js' pool, of which there are four, at least. */
const PART = 64;
const THREADS = 4;

export class Reader {
  readonly #handle: Handle;
  #waiting: Waiting[] = [];

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  read(key: Key): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      // Runs when all callers that were answered in this turn of the event loop have had theirs.
      if (this.#waiting.length === 0) process.nextTick(() => this.#flush());
      this.#waiting.push({ key, resolve, reject });
    });
  }

  /** In their order; what cannot be read has its error in its place. */
  async readMany(keys: readonly Key[]): Promise<Settled<string | undefined>[]> {
    const size = Math.max(PART, Math.ceil(keys.length / THREADS));
    if (keys.length <= size) return this.#readPart(keys);
    const parts: Promise<Settled<string | undefined>[]>[] = [];
    for (let start = 0; start < keys.length; start += size) parts.push(this.#readPart(keys.slice(start, start + size)));
    return (await Promise.all(parts)).flat();
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const texts = await this.readMany(waiting.map(({ key }) => key));
    for (const [at, { resolve, reject }] of waiting.entries()) {
      const text = texts[at];
      if (typeof text === "object") reject(text);
      else resolve(text);
    }
  }

  async #readPart(keys: readonly Key[]): Promise<Settled<string | undefined>[]> {
    try {
      return await this.#handle.use((database) => readMany(database, keys));
    } catch (error) {
      if (keys.length === 1) return [asRocksError(error)];
      // None is to fail for another.
      return (await Promise.all(keys.map((key) => this.#readPart([key])))).flat();
    }
  }
}
