/** Where an enumeration by SCAN stands. */
import type { Cursor, RecordId } from "../driver.ts";

/** Never changed by a page that fails; `seen` grows with what has been handed out. */
export class Scan {
  /** The server's cursor; absent once all names have come. */
  readonly at: string | undefined;
  /** Where names have come that have not been looked at. */
  readonly pending: readonly RecordId[];
  /** Of keys or collections: SCAN may give a name more than once. */
  readonly seen: Set<string>;

  constructor(at: string | undefined, pending: readonly RecordId[], seen: Set<string>) {
    this.at = at;
    this.pending = pending;
    this.seen = seen;
  }

  static of(cursor: Cursor | undefined): Scan {
    return cursor instanceof Scan ? cursor : new Scan("0", [], new Set());
  }
}
