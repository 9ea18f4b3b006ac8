/** What is free on the disk that a folder is on. */
import { statfsSync } from "node:fs";
import { folderFull } from "./errors.ts";

/** How long an answer of the file system counts, in milliseconds. */
const VALID = 100;

export class FreeSpace {
  readonly #folder: string;
  readonly #reserve: number;
  #left = 0;
  #checkedAt = Number.NEGATIVE_INFINITY;

  /** @param reserve what is to stay free, in bytes */
  constructor(folder: string, reserve: number) {
    this.#folder = folder;
    this.#reserve = reserve;
  }

  /** How much there was beyond the reserve, in bytes, less what was taken since; below 0 where it is used up. */
  get left(): number {
    return this.#left;
  }

  /**
   * Takes so many bytes.
   * @param elsewhere what can be had without the disk, in bytes; asked only where the disk has too little
   * @throws StorageFullError
   */
  take(bytes: number, elsewhere?: () => number): void {
    if (bytes > this.#left || performance.now() - this.#checkedAt > VALID) this.#check();
    if (bytes > this.#left && (!elsewhere || bytes > elsewhere())) throw folderFull({ outcome: "not-applied" });
    this.#left -= bytes;
  }

  #check(): void {
    const { bavail, bsize } = statfsSync(this.#folder);
    this.#left = bavail * bsize - this.#reserve;
    this.#checkedAt = performance.now();
  }
}
