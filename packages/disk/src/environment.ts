/** The folder as lmdb has it open: once for each folder and process, however many stores use it. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { IncompatibleFormatError, InvalidArgumentError } from "@kv/core";
import type { Call, Name } from "@kv/core/driver";
import * as lmdb from "lmdb";
import { checkDataFile } from "./data-file.ts";
import { openError } from "./errors.ts";
import { FORMAT } from "./format.ts";
import { Gate, whileNobodyWrites } from "./gate.ts";
import { nameEncoder } from "./name-encoder.ts";
import { Reader, type Records } from "./reader.ts";
import { Room } from "./room.ts";

const FORMAT_KEY = Buffer.from("format");

/** Those that lmdb's own types leave out as well. */
interface Options extends lmdb.RootDatabaseOptions {
  readonly permissionsMode: number;
  readonly txnStartThreshold: number;
}

/** Lets lmdb give its own memory, valid until the next read, instead of a copy. */
const plain = { encode: (bytes: Buffer) => bytes, decode: (bytes: Buffer) => bytes };

/** By the identity of the data file, since two paths may lead to one folder. */
const open = new Map<string, Environment>();

export class Environment {
  readonly root: lmdb.RootDatabase<Buffer, Buffer>;
  /** What `get` and `getRange` give of it is valid until the next read only. */
  readonly records: Records;
  readonly expiry: lmdb.Database<Buffer, Buffer>;
  readonly reader: Reader;
  readonly gate: Gate;
  readonly #sync: boolean;
  #users = 1;

  private constructor(path: string, sync: boolean) {
    this.#sync = sync;
    const options: Options = {
      encoding: "binary",
      keyEncoding: "binary",
      // A path with a dot in it is a folder all the same.
      noSubdir: false,
      permissionsMode: 0o600,
      // Two for each process. Whoever creates the folder decides.
      maxReaders: 1000,
      // Each commit is flushed before its promises resolve, or never.
      overlappingSync: false,
      noSync: !sync,
      // With it, a commit that fails leaves a rejection that nobody can handle.
      eventTurnBatching: false,
      // So many writes of one turn start one transaction, which the writing thread takes on while this one makes the next.
      txnStartThreshold: 32,
    };
    this.root = lmdb.open<Buffer, Buffer>(path, options);
    try {
      this.#checkFormat();
      const records: lmdb.RootDatabaseOptions & { readonly name: string } = {
        name: "records",
        keyEncoder: nameEncoder,
        useVersions: true,
        encoder: plain,
      };
      this.records = this.root.openDB<Buffer, Name>(records);
      this.reader = new Reader(this.records);
      // After the reader has its transaction: opening a database makes lmdb-js forget it, which would else take it back.
      this.expiry = this.root.openDB<Buffer, Buffer>({ name: "expiry", encoding: "binary", keyEncoding: "binary" });
      this.gate = new Gate(path);
    } catch (error) {
      void this.root.close();
      throw error;
    }
  }

  /**
   * Creates what is not there.
   * @throws AccessDeniedError, IncompatibleFormatError, StorageFullError, InvalidArgumentError, StoreUnavailableError
   */
  static async open(path: string, sync: boolean, call: Call): Promise<Environment> {
    try {
      // Of an existing folder the permissions are its owner's affair.
      mkdirSync(path, { recursive: true, mode: 0o700 });
      checkFiles(path);
      return await whileNobodyWrites(path, call, () => {
        const shared = open.get(identityOf(path));
        if (shared === undefined) {
          if (existsSync(dataFileOf(path))) checkDataFile(dataFileOf(path));
          const environment = new Environment(path, sync);
          open.set(identityOf(path), environment);
          return environment;
        }
        if (shared.#sync !== sync) {
          throw new InvalidArgumentError("another store of this process has the folder open with another `sync`");
        }
        shared.#users++;
        return shared;
      });
    } catch (error) {
      throw openError(error);
    }
  }

  /** Closes the folder after its last user. */
  async release(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    for (const [identity, environment] of open) if (environment === this) open.delete(identity);
    this.reader.close();
    this.gate.close();
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
    const bytes = this.root.get(FORMAT_KEY);
    return bytes?.toString("latin1", 0, bytes.length);
  }

  /** Writes the format to an empty database; answers with the one that is there, where another process was as quick. */
  #claim(): string | undefined {
    return this.root.transactionSync(() => {
      const [first] = this.root.getKeys({ limit: 1 });
      if (first === undefined) this.root.putSync(FORMAT_KEY, Buffer.from(FORMAT));
      return this.#format();
    });
  }
}

/** What lmdb would not say as clearly. */
function checkFiles(path: string): void {
  for (const file of [dataFileOf(path), join(path, "lock.mdb")]) {
    accessSync(existsSync(file) ? file : path, constants.R_OK | constants.W_OK);
  }
  if (!existsSync(dataFileOf(path))) new Room(path, []).take(0);
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
