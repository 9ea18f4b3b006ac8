/** Whether a write still fits on the disk: RocksDB needs room also after a write has been told to be done. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FreeSpace } from "@kv/core/driver";
import { asRocksError } from "./errors.ts";

/**
 * What is to stay free, in bytes. RocksDB sorts up to twice 64 MiB in memory before it writes them in order, and sets aside 70
 * for each new log.
 */
const RESERVE = 200_000_000;

export class Room {
  readonly #folder: string;
  readonly #space: FreeSpace;

  /** @param folder in which there may be another file */
  constructor(folder: string) {
    this.#folder = folder;
    this.#space = new FreeSpace(folder, RESERVE);
  }

  /** Takes room for a record of so many bytes. @throws StorageFullError */
  take(bytes: number): void {
    // Once in the log, and once in order.
    this.#space.take(2 * bytes);
  }

  /** Whether RocksDB can still put in order what it has in memory. To let it fail there could keep it from ever closing. */
  get enoughToCompact(): boolean {
    return this.#space.left > -RESERVE / 2;
  }

  /** Writes as much as opening the folder may. @throws StorageFullError, AccessDeniedError … */
  async probe(): Promise<void> {
    const file = join(this.#folder, "probe");
    try {
      await writeFile(file, zeros(RESERVE / 2), { mode: 0o600 });
    } catch (error) {
      throw asRocksError(error, { outcome: "not-applied" });
    } finally {
      await rm(file, { force: true });
    }
  }
}

function* zeros(bytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(1_000_000);
  for (let left = bytes; left > 0; left -= chunk.length) yield chunk;
}
