/** RocksDB's database, which may be closed and opened again between two uses, but never during one. */
import { StoreClosedError } from "@kv/core";
import { asRocksError } from "./errors.ts";
import { type Database, type OpenOptions, openDatabase } from "./native.ts";

export class Handle {
  readonly #folder: string;
  readonly #options: OpenOptions;
  #database: Database | undefined;
  #closed = false;
  /** How many uses there are; the last one to end tells who waits for that. */
  #uses = 0;
  #idle: (() => void) | undefined;
  /** Settles when what needs the database alone has been done. */
  #alone: Promise<void> | undefined;

  constructor(folder: string, options: OpenOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  get database(): Database | undefined {
    return this.#database;
  }

  /** Opens it, or closes it and opens it again. @throws AccessDeniedError, IncompatibleFormatError … */
  renew(): Promise<void> {
    return this.#doAlone(async () => {
      await this.#close();
      try {
        this.#database = await openDatabase(this.#folder, this.#options);
      } catch (error) {
        throw asRocksError(error, { outcome: "not-applied" });
      }
    });
  }

  /** Lets all uses end first. */
  async close(): Promise<void> {
    await this.#doAlone(() => {
      this.#closed = true;
      return this.#close();
    });
  }

  /** The database, until {@link release}; `undefined` where it is not to be had now. */
  acquire(): Database | undefined {
    if (this.#alone || !this.#database) return undefined;
    this.#uses++;
    return this.#database;
  }

  release(): void {
    this.#uses--;
    if (this.#uses === 0) this.#idle?.();
  }

  /** Resolves when it is worth to ask again. Opens it where it could not be opened before. @throws as {@link renew} */
  async available(): Promise<void> {
    if (this.#alone) await this.#alone;
    else if (!this.#database) await this.renew();
  }

  /** @throws what the action rejects with, as errors of the contract */
  async use<T>(action: (database: Database) => T | Promise<T>): Promise<T> {
    let database = this.acquire();
    while (!database) {
      await this.available();
      database = this.acquire();
    }
    try {
      return await action(database);
    } catch (error) {
      throw asRocksError(error);
    } finally {
      this.release();
    }
  }

  async #doAlone(action: () => Promise<void>): Promise<void> {
    while (this.#alone) await this.#alone.catch(() => {});
    if (this.#closed) throw new StoreClosedError("the folder is not open");
    this.#alone = this.#whenIdle().then(action);
    try {
      await this.#alone;
    } finally {
      this.#alone = undefined;
    }
  }

  async #whenIdle(): Promise<void> {
    if (this.#uses === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    this.#idle = undefined;
  }

  async #close(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    // RocksDB says here again what a write was told before; it is closed all the same.
    await database?.close().catch(() => {});
  }
}
