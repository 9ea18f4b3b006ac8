/**
 * Whether a write still fits on the disk. lmdb is never let into a full one: where a write fails there, its message
 * overruns its own buffer, and the process may die.
 */
import { statfsSync } from "node:fs";
import { StorageFullError } from "@kv/core";
import type * as lmdb from "lmdb";

interface TreeStats {
  readonly treeBranchPageCount?: number;
  readonly treeLeafPageCount?: number;
  readonly overflowPages?: number;
}
interface Stats extends TreeStats {
  readonly pageSize?: number;
  readonly lastPageNumber?: number;
  readonly root?: TreeStats;
  readonly free?: TreeStats;
}

type Tree = Pick<lmdb.Database, "getStats">;

/** What a transaction rewrites beside its records, in bytes, and what others may take of the disk meanwhile. */
const RESERVE = 512 * 1024;
/** How long an answer of the file system counts, in milliseconds. */
const VALID = 100;

export class Room {
  readonly #path: string;
  readonly #trees: readonly Tree[];
  #left = 0;
  #checkedAt = Number.NEGATIVE_INFINITY;

  /** The databases of the environment at `path`, without its main one. */
  constructor(path: string, trees: readonly Tree[]) {
    this.#path = path;
    this.#trees = trees;
  }

  /** Takes room for a record of so many bytes. @throws StorageFullError */
  take(bytes: number): void {
    // Whole pages, in a tree that may split.
    const needed = 2 * bytes + 16_384;
    if (needed > this.#left || performance.now() - this.#checkedAt > VALID) this.#check();
    if (needed > this.#left && needed > this.#leftInside()) {
      throw new StorageFullError("there is no room left for the store's folder", { outcome: "not-applied" });
    }
    this.#left -= needed;
  }

  #check(): void {
    const { bavail, bsize } = statfsSync(this.#path);
    this.#left = bavail * bsize - RESERVE;
    this.#checkedAt = performance.now();
  }

  /** Room in the file itself, left by what was deleted. */
  #leftInside(): number {
    const stats: readonly Stats[] = this.#trees.map((tree) => tree.getStats());
    const { pageSize = 0, lastPageNumber = 0, root = {}, free = {} } = stats[0] ?? {};
    const used = [...stats, root, free].reduce((sum, tree) => sum + pagesOf(tree), 2);
    return (lastPageNumber + 1 - used) * pageSize - RESERVE;
  }
}

function pagesOf({ treeBranchPageCount = 0, treeLeafPageCount = 0, overflowPages = 0 }: TreeStats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages;
}
