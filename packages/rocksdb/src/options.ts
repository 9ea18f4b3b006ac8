/** What a store in RocksDB is told, and how a URL tells it. */
import { InvalidArgumentError } from "@kv/core";
import { absolutePath } from "@kv/core/driver";
import type { Tuning } from "./folder.ts";

export interface RocksdbDriverOptions {
  /** The folder, created as needed. What is relative is so to the current folder at the time of this call. */
  readonly path: string;
  /**
   * Whether a write resolves when the disk has it, so that it also survives a power cut: the default. Without, it
   * resolves when the operating system has it: it survives the death of the process, but a power cut or a crash of the
   * system may undo the last writes, never one that came before another that stayed.
   */
  readonly sync?: boolean | undefined;
  /** How many bytes of what was read RocksDB keeps in memory, uncompressed: 33,554,432 by default. 0: none. */
  readonly cacheBytes?: number | undefined;
  /** Whether RocksDB compresses what it writes in order (Zstandard): the default. What is there stays readable either way. */
  readonly compression?: boolean | undefined;
}

export interface Options extends Tuning {
  readonly path: string;
  readonly sync: boolean;
}

/** What RocksDB's package takes is 32 bits. */
const MOST_BYTES = 2 ** 32 - 1;

/** @throws InvalidArgumentError */
export function checkOptions(options: RocksdbDriverOptions): Options {
  const { path, sync = true, cacheBytes = 2 ** 25, compression = true } = options;
  for (const [name, value] of Object.entries({ sync, compression })) {
    if (typeof value !== "boolean") throw new InvalidArgumentError(`${name} must be true or false`);
  }
  if (!Number.isInteger(cacheBytes) || cacheBytes < 0 || cacheBytes > MOST_BYTES) {
    throw new InvalidArgumentError(`cacheBytes must be a whole number from 0 to ${MOST_BYTES}`);
  }
  return { path: absolutePath(path), sync, cacheBytes, compression };
}

/** @throws InvalidArgumentError */
export function optionsOf(parameters: URLSearchParams): Omit<RocksdbDriverOptions, "path"> {
  const options: { sync?: boolean; cacheBytes?: number; compression?: boolean } = {};
  for (const [name, value] of parameters) {
    if ((name === "sync" || name === "compression") && (value === "true" || value === "false")) {
      options[name] = value === "true";
    } else if (name === "cacheBytes" && /^\d+$/.test(value)) {
      options.cacheBytes = Number(value);
    } else {
      throw new InvalidArgumentError(
        'the URL of a rocksdb store takes the parameters sync and compression, "true" or "false", and cacheBytes, a number',
      );
    }
  }
  return options;
}
