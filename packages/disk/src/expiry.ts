/** The index of expiries: finds what has expired without looking at anything else. */
import { after, type Call, type Cursor, expiryRow, goesWith, parseExpiryRow, type Scope } from "@kv/core/driver";
import type { Changes } from "./changes.ts";
import type { Environment } from "./environment.ts";
import { idOf } from "./format.ts";

/** How many rows are looked at together. */
const STEP = 1000;
/** The first of all rows. */
const FIRST_ROW = Buffer.of(0);
const NO_NAME = Buffer.alloc(0);

export class Expiry {
  readonly #use: () => Environment;
  readonly #changes: Changes;

  /** @param use throws where the folder is no longer open */
  constructor(use: () => Environment, changes: Changes) {
    this.#use = use;
    this.#changes = changes;
  }

  /** Deletes what has expired, some of it at a time. Answers with the time of the next row, `undefined` where there is none. */
  async reclaim(): Promise<number | undefined> {
    await Promise.all(this.#expired(FIRST_ROW).map((row) => this.#reclaim(row)));
    const { expiry } = this.#use();
    expiry.resetReadTxn();
    const [first] = expiry.getKeys({ start: FIRST_ROW, limit: 1 });
    return first && parseExpiryRow(first).time;
  }

  /** The same for the records of a scope. Answers with where to go on. */
  async cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const rows = this.#expired(cursor instanceof Buffer ? after(cursor) : FIRST_ROW);
    await Promise.all(rows.map((row) => this.#reclaim(row, scope, call)));
    return rows.length === STEP ? rows.at(-1) : undefined;
  }

  #expired(start: Buffer): Buffer[] {
    const { expiry } = this.#use();
    expiry.resetReadTxn();
    return [...expiry.getKeys({ start, end: expiryRow(Date.now() + 1, NO_NAME), limit: STEP })];
  }

  /** Deletes the record of a row, unless it has been given more time. */
  #reclaim(row: Buffer, scope?: Scope, call?: Call): Promise<void> {
    const { time, name } = parseExpiryRow(row);
    return this.#changes.change(name, call, (bytes, header) => {
      if (scope && bytes && !goesWith(scope, () => idOf(name, bytes))) return { answer: undefined };
      if (header?.expiresAt === time) {
        return { answer: undefined, write: () => this.#changes.replace(name, header, undefined) };
      }
      return { answer: undefined, write: () => this.#use().expiry.remove(row) };
    });
  }
}
