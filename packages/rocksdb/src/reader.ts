/** Reads: those that are asked for in one turn of the event loop go to RocksDB together, which is much quicker. */
import type { Handle } from "./handle.ts";
import { type Key, promised } from "./native.ts";

interface Waiting {
  readonly key: Key;
  readonly resolve: (value: Buffer | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** How many are read by one thread of Node.js' pool, of which there are four, at least. */
const PART = 32;
const THREADS = 4;

export class Reader {
  readonly #handle: Handle;
  #waiting: Waiting[] = [];

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  read(key: Key): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      // Runs when all callers that were answered in this turn have had theirs.
      if (this.#waiting.length === 0) process.nextTick(() => this.#flush());
      this.#waiting.push({ key, resolve, reject });
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const size = Math.max(PART, Math.ceil(waiting.length / THREADS));
    for (let start = 0; start < waiting.length; start += size) void this.#readAll(waiting.slice(start, start + size));
  }

  async #readAll(part: readonly Waiting[]): Promise<void> {
    try {
      const keys = part.map(({ key }) => key);
      const values = await this.#handle.use((database) =>
        promised<(Buffer | undefined)[] | undefined>((done) => database.getMany(keys, { asBuffer: true }, done)),
      );
      for (const [at, { resolve }] of part.entries()) resolve(values?.[at]);
    } catch (error) {
      // The others are not to fail for one of them.
      if (part.length > 1) for (const one of part) void this.#readAll([one]);
      else for (const { reject } of part) reject(error);
    }
  }
}
