/** Reads. Those that are asked for while one is under way go to RocksDB together, which is much quicker. */
import { asRocksError } from "./errors.ts";
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
const AS_BUFFER = { asBuffer: true } as const;

export class Reader {
  readonly #handle: Handle;
  #waiting: Waiting[] = [];
  #underWay = 0;

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  read(key: Key): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      const one = { key, resolve, reject };
      if (this.#underWay === 0 && this.#waiting.length === 0) return this.#readOne(one);
      // Runs when all callers that were answered in this turn of the event loop have had theirs.
      if (this.#waiting.length === 0) process.nextTick(() => this.#flush());
      this.#waiting.push(one);
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const size = Math.max(PART, Math.ceil(waiting.length / THREADS));
    for (let start = 0; start < waiting.length; start += size) void this.#readMany(waiting.slice(start, start + size));
  }

  async #readMany(part: readonly Waiting[]): Promise<void> {
    this.#underWay++;
    try {
      const keys = part.map(({ key }) => key);
      const values = await this.#handle.use((database) =>
        promised<(Buffer | undefined)[] | undefined>((done) => database.getMany(keys, AS_BUFFER, done)),
      );
      for (const [at, { resolve }] of part.entries()) resolve(values?.[at]);
    } catch {
      // None is to fail for another.
      for (const one of part) this.#readOne(one);
    } finally {
      this.#underWay--;
    }
  }

  #readOne(one: Waiting): void {
    const database = this.#handle.acquire();
    if (!database) {
      this.#handle.available().then(() => this.#readOne(one), one.reject);
      return;
    }
    this.#underWay++;
    // Without promises: of single reads they would be a good part of the cost.
    database.get(one.key, AS_BUFFER, (error, value) => {
      this.#underWay--;
      this.#handle.release();
      if (!error) one.resolve(value);
      else if (error.message.startsWith("NotFound")) one.resolve(undefined);
      else one.reject(asRocksError(error));
    });
  }
}
