/** Where an enumeration by SCAN stands. */
import type { Cursor, RecordId } from "../driver.ts";
import type { Layout } from "./layout.ts";

/** Never changed by a page that fails; `seen` grows with what has been handed out. */
export class Scan {
  /** As it was when this pass over the servers began; absent before the first. */
  readonly layout: Layout | undefined;
  /** How many passes went over all servers before this one. */
  readonly passes: number;
  /** Whether the layout was the same throughout the pass before. */
  readonly steady: boolean;
  /** The servers that have not given all their names; the first one is being asked. */
  readonly servers: readonly string[];
  /** The cursor of the first of them. */
  readonly at: string;
  /** Where names have come that have not been looked at. */
  readonly pending: readonly RecordId[];
  /** Of keys or collections: a name may come more than once. */
  readonly seen: Set<string>;

  private constructor(scan: Omit<Scan, "over" | "after" | "holding">) {
    this.layout = scan.layout;
    this.passes = scan.passes;
    this.steady = scan.steady;
    this.servers = scan.servers;
    this.at = scan.at;
    this.pending = scan.pending;
    this.seen = scan.seen;
  }

  static of(cursor: Cursor | undefined): Scan {
    if (cursor instanceof Scan) return cursor;
    const start = { layout: undefined, passes: 0, steady: false, servers: [], at: "0", pending: [] };
    return new Scan({ ...start, seen: new Set() });
  }

  /** At the beginning of a pass. */
  over(layout: Layout, passes: number, steady: boolean): Scan {
    return new Scan({ ...this, layout, passes, steady, servers: layout.servers, at: "0", pending: [] });
  }

  /** After a reply of the first server, whose next cursor is `at`. */
  after(at: string): Scan {
    return new Scan({ ...this, ...(at === "0" ? { servers: this.servers.slice(1), at: "0" } : { at }), pending: [] });
  }

  holding(pending: readonly RecordId[]): Scan {
    return new Scan({ ...this, pending });
  }
}
