/** Reads that see every write that was finished before, of other processes too. */
import type { Name } from "@kv/core/driver";
import * as lmdb from "lmdb";

export type Records = lmdb.Database<Buffer, Name>;

/**
 * By itself lmdb-js lets all reads of a millisecond or more see one snapshot, so that a process could be told of
 * another's write and then not find it. Here a snapshot lasts until this process next listens to the world (the end of
 * its turn in the event loop), and at most a millisecond, should it wait for another process without that. What gives
 * it up is a function of lmdb's native part; without it the common one is renewed, which takes some microseconds more.
 */
export class Reader {
  readonly #records: Records;
  readonly #transaction: lmdb.Transaction;
  readonly #reset: () => void;
  readonly #options: lmdb.GetOptions;
  #inTurn = false;
  #takenAt = 0;
  #closed = false;

  constructor(records: Records) {
    this.#records = records;
    this.#transaction = records.useReadTransaction();
    // From now on it is this reader's alone.
    records.resetReadTxn();
    const reset = resetOf(this.#transaction);
    this.#options = reset ? { transaction: this.#transaction } : {};
    this.#reset = reset ?? (() => records.resetReadTxn());
    reset?.();
  }

  /** The bytes under a name, valid until lmdb is next asked for any. */
  get(name: Name): Buffer | undefined {
    const now = Date.now();
    if (!this.#inTurn || now !== this.#takenAt) this.#renew(now);
    return this.#records.get(name, this.#options);
  }

  /** After a write of this process, which may be told of in the turn in which the snapshot was taken. */
  forget(): void {
    this.#takenAt = 0;
  }

  close(): void {
    this.#closed = true;
    this.#transaction.done();
  }

  #renew(now: number): void {
    this.#takenAt = now;
    this.#reset();
    if (this.#inTurn) return;
    this.#inTurn = true;
    // Runs after all promises of this turn, and before anything that comes from outside.
    process.nextTick(() => {
      this.#inTurn = false;
      // A snapshot that is kept would keep lmdb from using its pages again.
      if (!this.#closed) this.#reset();
    });
  }
}

function resetOf(transaction: lmdb.Transaction): (() => void) | undefined {
  const addon: unknown = "nativeAddon" in lmdb ? lmdb.nativeAddon : undefined;
  if (typeof addon !== "object" || addon === null || !("resetTxn" in addon)) return undefined;
  const { resetTxn } = addon;
  if (typeof resetTxn !== "function" || !("address" in transaction)) return undefined;
  const { address } = transaction;
  return () => resetTxn(address);
}
