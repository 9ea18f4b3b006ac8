/** Where an enumeration or a sweep stands. */
import type { Cursor } from "@kv/core/driver";
import type { Found, Item } from "./items.ts";

/** Never changed by a page that fails; `seen` grows with what has been handed out. */
export class Position {
  /** The key after which the next page of the table begins; absent: the first one. */
  readonly after: Item | undefined;
  /** Of the page before: records that are still to be dealt with. */
  readonly pending: readonly Found[];
  /** False once the last page was read. */
  readonly more: boolean;
  /** Collections that were handed out. */
  readonly seen: Set<string>;

  constructor(after: Item | undefined, pending: readonly Found[], more: boolean, seen: Set<string>) {
    this.after = after;
    this.pending = pending;
    this.more = more;
    this.seen = seen;
  }

  static of(cursor: Cursor | undefined): Position {
    return cursor instanceof Position ? cursor : new Position(undefined, [], true, new Set());
  }
}
