/**
 * Whether a write still fits on the disk. lmdb is never let into a full one: where a write fails there, its message
 * overruns its own buffer, and the process may die.
 */
import { FreeSpace } from "@kv/core/driver";
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

export class Room {
  readonly #space: FreeSpace;
  readonly #trees: readonly Tree[];

  /** The databases of the environment at `path`, without its main one. */
  constructor(path: string, trees: readonly Tree[]) {
    this.#space = new FreeSpace(path, RESERVE);
    this.#trees = trees;
  }

  /** Takes room for a record of so many bytes. @throws StorageFullError */
  take(bytes: number): void {
    // Whole pages, in a tree that may split.
    this.#space.take(2 * bytes + 16_384, () => this.#leftInside());
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
