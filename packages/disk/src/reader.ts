/** Reads that see every write that was finished before, of other processes too. */
import * as lmdb from "lmdb";

type Database = lmdb.Database<Buffer, Buffer>;

/**
 * By itself lmdb-js lets all reads of a millisecond see one snapshot, so that a process could be told of another's write
 * and then not find it. Here each read has a snapshot of its own, given up at once, by a transaction that is used again
 * and again; that it can be takes a function of lmdb's native part. Without it the common snapshot is renewed, which
 * costs some microseconds more.
 */
export class Reader {
  readonly #records: Database;
  readonly #transaction: lmdb.Transaction;
  readonly #reset: () => void;
  readonly #options: lmdb.GetOptions;

  constructor(records: Database) {
    this.#records = records;
    this.#transaction = records.useReadTransaction();
    // From now on it is this reader's alone.
    records.resetReadTxn();
    const reset = resetOf(this.#transaction);
    this.#options = reset ? { transaction: this.#transaction } : {};
    this.#reset = reset ?? (() => records.resetReadTxn());
    reset?.();
  }

  /** What `use` makes of the bytes under a name, which it must not keep. */
  read<T>(name: Buffer, use: (bytes: Buffer | undefined) => T): T {
    try {
      return use(this.#records.get(name, this.#options));
    } finally {
      this.#reset();
    }
  }

  close(): void {
    this.#transaction.done();
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
