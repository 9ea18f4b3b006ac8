/** The folder as lmdb has it open: once for each folder and process, however many stores use it. */
import { existsSync, mkdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { IncompatibleFormatError, InvalidArgumentError } from "@kv/core";
import * as lmdb from "lmdb";
import { asDiskError } from "./errors.ts";
import { FORMAT } from "./format.ts";
import { Reader } from "./reader.ts";

type Database = lmdb.Database<Buffer, Buffer>;

const FORMAT_KEY = Buffer.from("format");

/** Lets lmdb give its own memory, valid until the next read, instead of a copy. */
const plain = { encode: (bytes: Buffer) => bytes, decode: (bytes: Buffer) => bytes };

/** By the identity of the data file, since two paths may lead to one folder. */
const open = new Map<string, Environment>();

export class Environment {
  readonly root: lmdb.RootDatabase<Buffer, Buffer>;
  /** What `get` and `getRange` give of it is valid until the next read only. */
  readonly records: Database;
  readonly expiry: Database;
  readonly reader: Reader;
  readonly #dataFile: string;
  readonly #sync: boolean;
  #users = 1;

  private constructor(path: string, sync: boolean) {
    this.#dataFile = dataFileOf(path);
    this.#sync = sync;
    const options: lmdb.RootDatabaseOptions & { readonly permissionsMode: number } = {
      encoding: "binary",
      keyEncoding: "binary",
      // A path with a dot in it is a folder all the same.
      noSubdir: false,
      permissionsMode: 0o600,
      // Each commit is flushed before its promises resolve, or never.
      overlappingSync: false,
      noSync: !sync,
      // With it, a commit that fails leaves a rejection that nobody can handle.
      eventTurnBatching: false,
    };
    this.root = lmdb.open<Buffer, Buffer>(path, options);
    try {
      this.#checkFormat();
      this.#fillUp();
      const records: lmdb.RootDatabaseOptions & { readonly name: string } = {
        name: "records",
        keyEncoding: "binary",
        useVersions: true,
        encoder: plain,
      };
      this.records = this.root.openDB<Buffer, Buffer>(records);
      this.expiry = this.root.openDB<Buffer, Buffer>({ name: "expiry", encoding: "binary", keyEncoding: "binary" });
      this.reader = new Reader(this.records);
    } catch (error) {
      void this.root.close();
      throw error;
    }
  }

  /**
   * Creates what is not there.
   * @throws AccessDeniedError, IncompatibleFormatError, StorageFullError, InvalidArgumentError, StoreUnavailableError
   */
  static open(path: string, sync: boolean): Environment {
    try {
      // Of an existing folder the permissions are its owner's affair.
      mkdirSync(path, { recursive: true, mode: 0o700 });
      const shared = open.get(identityOf(path));
      if (shared) {
        if (shared.#sync !== sync) {
          throw new InvalidArgumentError("another store of this process has the folder open with another `sync`");
        }
        shared.#users++;
        return shared;
      }
      const environment = new Environment(path, sync);
      open.set(identityOf(path), environment);
      return environment;
    } catch (error) {
      throw asDiskError(error, { outcome: "not-applied" });
    }
  }

  /** Closes the folder after its last user. */
  async release(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    for (const [identity, environment] of open) if (environment === this) open.delete(identity);
    this.reader.close();
    await this.root.close();
  }

  #checkFormat(): void {
    const text = this.#format() ?? this.#claim();
    if (text === FORMAT) return;
    const version = /^kv-disk (\d{1,9})$/.exec(text ?? "")?.[1];
    throw new IncompatibleFormatError(
      version === undefined
        ? "the folder holds an lmdb database of another program"
        : `the folder has version ${version} of the disk format, this release of @kv/disk reads version ${FORMAT.slice(8)}`,
    );
  }

  #format(): string | undefined {
    return this.root.get(FORMAT_KEY)?.toString("latin1");
  }

  /** Writes the format to an empty database; answers with the one that is there, where another process was as quick. */
  #claim(): string | undefined {
    return this.root.transactionSync(() => {
      const [first] = this.root.getKeys({ limit: 1 });
      if (first === undefined) this.root.putSync(FORMAT_KEY, Buffer.from(FORMAT));
      return this.#format();
    });
  }

  /**
   * Reading memory beyond the end of a file kills the process, so a file that was cut off is made as long as lmdb takes
   * it to be: what was lost then reads as damaged. It may also be short because its last pages were never used.
   */
  #fillUp(): void {
    if (this.#missing() <= 0) return;
    // No other process makes it longer meanwhile.
    this.root.transactionSync(() => {
      const missing = this.#missing();
      if (missing > 0) truncateSync(this.#dataFile, statSync(this.#dataFile).size + missing);
    });
  }

  #missing(): number {
    const { pageSize = 0, lastPageNumber = 0 }: { pageSize?: number; lastPageNumber?: number } = this.root.getStats();
    return (lastPageNumber + 1) * pageSize - statSync(this.#dataFile).size;
  }
}

/** The identity of the folder's data file; empty where there is none yet. */
function identityOf(path: string): string {
  const file = dataFileOf(path);
  if (!existsSync(file)) return "";
  const { dev, ino } = statSync(file, { bigint: true });
  return `${dev}:${ino}`;
}

function dataFileOf(path: string): string {
  return join(path, "data.mdb");
}
