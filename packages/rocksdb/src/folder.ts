/** A folder as this process has it open: once, however many stores use it. */
import { statSync } from "node:fs";
import { InvalidArgumentError } from "@kv/core";
import { type Call, type Name, type Report, type Settled, type StoreEvent, Sweeper } from "@kv/core/driver";
import { claim } from "./claim.ts";
import { Compaction } from "./compaction.ts";
import { asRocksError } from "./errors.ts";
import { Expiry } from "./expiry.ts";
import { Handle } from "./handle.ts";
import { type Database, type Key, keysOf, type Operation, type Range } from "./native.ts";
import { Reader } from "./reader.ts";
import { Room } from "./room.ts";
import { Turns } from "./turns.ts";
import { Writer } from "./writer.ts";

/** How RocksDB is to work. All stores of one folder agree on it. */
export interface Tuning {
  readonly cacheBytes: number;
  readonly compression: boolean;
}

/** What is to lie under a key; `undefined`: nothing. */
export interface Change {
  readonly key: Key;
  readonly next: NextRecord | undefined;
}

export interface NextRecord {
  readonly text: string;
  readonly name: Name;
  readonly expiresAt: number | undefined;
}

/** By the identity of RocksDB's folder, since two paths may lead to one. */
const open = new Map<string, Folder>();

export class Folder {
  readonly turns = new Turns();
  readonly expiry: Expiry;
  readonly #tuning: Tuning;
  readonly #identity: string;
  readonly #handle: Handle;
  readonly #room: Room;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #compaction: Compaction;
  readonly #sweeper: Sweeper;
  readonly #users = new Set<Report>();
  readonly #opened: Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(data: string, identity: string, tuning: Tuning) {
    this.#identity = identity;
    this.#tuning = tuning;
    this.#handle = new Handle(data, { cacheSize: tuning.cacheBytes, compression: tuning.compression });
    this.#room = new Room(data);
    this.#reader = new Reader(this.#handle);
    this.#writer = new Writer(this.#handle, this.#room);
    this.#compaction = new Compaction(this.#handle, this.#writer, this.#room, (error) =>
      this.#report({ type: "background-error", error }),
    );
    this.expiry = new Expiry({
      turns: this.turns,
      read: (key) => this.read(key),
      // What a power cut undoes is done again.
      write: async (operations) => {
        await this.#writer.write({ operations, sync: false }, undefined);
        this.#compaction.noticed();
      },
      keys: (range, limit) => this.keys(range, limit),
    });
    this.#opened = this.#handle.renew();
    this.#sweeper = new Sweeper(
      () => this.expiry.reclaim(),
      (event) => this.#report(event),
    );
  }

  /**
   * Creates what is not there. `report` is told of what fails in the background until it is released.
   * @throws AccessDeniedError, IncompatibleFormatError, StorageFullError, InvalidArgumentError, StoreUnavailableError
   */
  static async open(path: string, tuning: Tuning, report: Report): Promise<Folder> {
    try {
      const data = claim(path);
      const identity = identityOf(data);
      let folder = open.get(identity);
      while (folder?.closing) {
        await folder.closing;
        folder = open.get(identity);
      }
      if (!folder) {
        folder = new Folder(data, identity, tuning);
        open.set(identity, folder);
      }
      folder.#agree(tuning);
      folder.#users.add(report);
      try {
        await folder.#opened;
      } catch (error) {
        await folder.release(report);
        throw error;
      }
      return folder;
    } catch (error) {
      throw asRocksError(error, { outcome: "not-applied" });
    }
  }

  /** Closes the folder after its last user. */
  async release(report: Report): Promise<void> {
    this.#users.delete(report);
    if (this.#users.size > 0) return;
    this.#closing ??= this.#close();
    await this.#closing;
  }

  /** Where it is being closed: resolves when it is, and may be opened anew. */
  get closing(): Promise<void> | undefined {
    return this.#closing?.catch(() => {});
  }

  get database(): Database | undefined {
    return this.#handle.database;
  }

  read(key: Key): Promise<string | undefined> {
    return this.#reader.read(key);
  }

  /** In their order; what cannot be read has its error in its place. */
  readMany(keys: readonly Key[]): Promise<readonly Settled<string | undefined>[]> {
    return this.#reader.readMany(keys);
  }

  /** @throws StorageFullError */
  takeRoom(bytes: number): void {
    try {
      this.#room.take(bytes);
    } catch (error) {
      this.#compaction.start();
      throw error;
    }
  }

  /** Writes all of it or nothing. */
  async write(
    changes: readonly Change[],
    { sync, call }: { readonly sync: boolean; readonly call: Call },
  ): Promise<void> {
    const operations: Operation[] = [];
    let due = Number.POSITIVE_INFINITY;
    for (const { key, next } of changes) {
      operations.push(next ? { type: "put", key, value: next.text } : { type: "del", key });
      if (next?.expiresAt === undefined) continue;
      const row = this.expiry.row(next.expiresAt, next.name);
      operations.push(row.operation);
      due = Math.min(due, row.due);
    }
    try {
      await this.#writer.write({ operations, sync }, call);
      if (changes.some(({ next }) => next === undefined)) this.#compaction.noticed();
    } finally {
      if (due !== Number.POSITIVE_INFINITY) {
        // What failed may be there all the same.
        this.expiry.noticed(due);
        this.#sweeper.expect(due);
      }
    }
  }

  /** The first keys of the range. */
  keys(range: Range, limit: number): Promise<Buffer[]> {
    return this.#handle.use((database) => keysOf(database, range, limit));
  }

  #report(event: StoreEvent): void {
    for (const user of this.#users) user(event);
  }

  #agree({ cacheBytes, compression }: Tuning): void {
    if (cacheBytes === this.#tuning.cacheBytes && compression === this.#tuning.compression) return;
    throw new InvalidArgumentError(
      "another store of this process has the folder open with another `cacheBytes` or `compression`",
    );
  }

  async #close(): Promise<void> {
    try {
      await this.#sweeper.stop();
      await this.#handle.close();
    } finally {
      open.delete(this.#identity);
    }
  }
}

function identityOf(folder: string): string {
  const { dev, ino } = statSync(folder, { bigint: true });
  return `${dev}:${ino}`;
}
