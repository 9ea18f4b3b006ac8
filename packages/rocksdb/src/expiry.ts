/** The index of expiries: finds what has expired without looking at anything else. */
import { expiryRow, type Name, parseExpiryRow } from "@kv/core/driver";
import { dueOf, ROW_VALUE, recordKeyOf, rowKey, rowRange, withoutLetter } from "./format.ts";
import type { Key, Operation, Range } from "./native.ts";
import { expiryOfText } from "./records.ts";
import type { Turns } from "./turns.ts";

/** What the index needs of the folder. */
interface Store {
  readonly turns: Turns;
  read(key: Key): Promise<string | undefined>;
  write(operations: readonly Operation[]): Promise<void>;
  keys(range: Range, limit: number): Promise<Buffer[]>;
}

/** How many rows are looked at together. */
const STEP = 1000;
const NO_NAME = Buffer.alloc(0);

export class Expiry {
  readonly #store: Store;
  /**
   * Before this time there are no rows any more. To begin there spares RocksDB the way over all that was deleted, which it
   * keeps for a while.
   */
  #from = 0;
  /** The earliest row that was written while a step was under way. */
  #earliest = Number.POSITIVE_INFINITY;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The row for a record that expires then. When it is written, {@link noticed} is to be told its time. */
  row(expiresAt: number, name: Name): { readonly due: number; readonly operation: Operation } {
    const due = dueOf(expiresAt, Date.now());
    return { due, operation: { type: "put", key: rowKey(due, name), value: ROW_VALUE } };
  }

  noticed(due: number): void {
    this.#from = Math.min(this.#from, due);
    this.#earliest = Math.min(this.#earliest, due);
  }

  /** Deletes what has expired, some of it at a time. Answers with the time of the next row, `undefined` where there is none. */
  async reclaim(): Promise<number | undefined> {
    const now = Date.now();
    this.#earliest = Number.POSITIVE_INFINITY;
    const rows = await this.#due(expiryRow(this.#from, NO_NAME), now);
    await Promise.all(rows.map((row) => this.#reclaim(row)));
    const last = rows.length === STEP ? rows.at(-1) : undefined;
    this.#from = Math.min(last ? parseExpiryRow(last).time : now, this.#earliest);
    const [next] = await this.#store.keys(rowRange(expiryRow(this.#from, NO_NAME), LAST_TIME), 1);
    return next && parseExpiryRow(withoutLetter(next)).time;
  }

  /** The same for those records that are wanted. Answers with where to go on. */
  async cull(cursor: Buffer | undefined, wanted: (name: Buffer, text: string) => boolean): Promise<Buffer | undefined> {
    const rows = await this.#due(cursor ?? expiryRow(this.#from, NO_NAME), Date.now());
    await Promise.all(rows.map((row) => this.#reclaim(row, wanted)));
    const last = rows.length === STEP ? rows.at(-1) : undefined;
    return last && Buffer.concat([last, Buffer.of(0)]);
  }

  async #due(first: Buffer, now: number): Promise<Buffer[]> {
    return (await this.#store.keys(rowRange(first, now), STEP)).map(withoutLetter);
  }

  /** Deletes the row, and its record where that has expired; one that has not gets a row for later. */
  async #reclaim(row: Buffer, wanted?: (name: Buffer, text: string) => boolean): Promise<void> {
    const { time, name } = parseExpiryRow(row);
    const key = recordKeyOf(name);
    await this.#store.turns.take(key, async () => {
      const text = await this.#store.read(key);
      if (text !== undefined && wanted && !wanted(name, text)) return;
      const operations: Operation[] = [{ type: "del", key: rowKey(time, name) }];
      const expiresAt = text === undefined ? undefined : expiryOfText(text);
      if (expiresAt !== undefined && expiresAt > Date.now()) {
        const { due, operation } = this.row(expiresAt, name);
        await this.#store.write([...operations, operation]);
        this.noticed(due);
        return;
      }
      if (expiresAt !== undefined) operations.push({ type: "del", key });
      await this.#store.write(operations);
    });
  }
}

/** All times have six bytes; this one leaves room for the next. */
const LAST_TIME = 2 ** 48 - 2;
