/** What only a store in lmdb knows: which records an operation reads and writes. */
import { InvalidArgumentError, type Revision, StoreClosedError } from "@kv/core";
import {
  absolutePath,
  type Call,
  type Cursor,
  type Driver,
  isLive,
  type Listed,
  type Name,
  nameOf,
  type Page,
  type RecordId,
  type Report,
  type Scope,
  type Settled,
  type StoredRecord,
  type SwapResult,
  Sweeper,
  settle,
  settled,
  type WriteRequest,
} from "@kv/core/driver";
import type { RootDatabase } from "lmdb";
import { Changes, type Encoded } from "./changes.ts";
import { Environment } from "./environment.ts";
import { Expiry } from "./expiry.ts";
import { decodeRecord, encodeRecord, LARGEST_RECORD } from "./format.ts";
import { collectionPage, namePage, visitPage } from "./pages.ts";
import { Room } from "./room.ts";

export interface DiskDriverOptions {
  /** The folder, created as needed. What is relative is so to the current folder at the time of this call. */
  readonly path: string;
  /**
   * Whether a write resolves when the disk has it, so that it also survives a power cut: the default. Without, it
   * resolves when the operating system has it: it survives the death of the process, but a power cut or a crash of the
   * system may damage the folder. All stores of a folder should agree; those of one process must.
   */
  readonly sync?: boolean | undefined;
}

/** The first possible name. */
const FIRST_NAME = Buffer.of(0);

interface Opened {
  readonly environment: Environment;
  readonly changes: Changes;
  readonly expiry: Expiry;
  readonly room: Room;
  readonly sweeper: Sweeper;
}

export class DiskDriver implements Driver {
  readonly name = "disk";
  readonly stringifies = true;
  readonly capabilities = Object.freeze({
    write: true,
    atomic: true,
    enumerate: true,
    clear: true,
    durable: true,
    limits: Object.freeze({ recordBytes: LARGEST_RECORD }),
  } as const);
  /** Absolute. */
  readonly path: string;
  readonly #sync: boolean;
  #opened: Opened | undefined;

  /** @throws InvalidArgumentError */
  constructor({ path, sync = true }: DiskDriverOptions) {
    if (typeof sync !== "boolean") throw new InvalidArgumentError("sync must be true or false");
    this.path = absolutePath(path);
    this.#sync = sync;
  }

  /** lmdb's main database, while the store is open. */
  get database(): RootDatabase<Buffer, Buffer> | undefined {
    return this.#opened?.environment.root;
  }

  async open(call: Call, report: Report): Promise<void> {
    const environment = await Environment.open(this.path, this.#sync, call);
    const use = () => this.#use().environment;
    const changes = new Changes(use);
    const expiry = new Expiry(use, changes);
    const room = new Room(this.path, [environment.records, environment.expiry]);
    const sweeper = new Sweeper(() => expiry.reclaim(), report);
    this.#opened = { environment, changes, expiry, room, sweeper };
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    if (!opened) return;
    await opened.sweeper.stop();
    this.#opened = undefined;
    await opened.environment.release();
  }

  ping(): void {
    this.#use().changes.read(FIRST_NAME);
  }

  get(id: RecordId): StoredRecord | undefined {
    const bytes = this.#use().changes.read(nameOf(id));
    return bytes && decodeRecord(bytes, id);
  }

  async put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    const name = nameOf(id);
    const next = this.#encode(id, name, record);
    const { changes } = this.#use();
    await changes.change(name, call, (_, header) => ({
      answer: undefined,
      write: () => changes.replace(name, header, next),
    }));
  }

  delete(id: RecordId, call: Call): Promise<boolean> {
    const name = nameOf(id);
    const { changes } = this.#use();
    return changes.change(name, call, (_, header) => ({
      answer: header !== undefined && isLive(header),
      write: header && (() => changes.replace(name, header, undefined)),
    }));
  }

  getMany(ids: readonly RecordId[]): Settled<StoredRecord | undefined>[] {
    return ids.map((id) => settled(() => this.get(id)));
  }

  /** All at once, so that many share a transaction and its flush of the disk. */
  putMany(requests: readonly WriteRequest[], call: Call): Promise<Settled<void>[]> {
    return Promise.all(requests.map(({ id, record }) => settle(() => this.put(id, record, call))));
  }

  /** As {@link putMany}. */
  deleteMany(ids: readonly RecordId[], call: Call): Promise<Settled<boolean>[]> {
    return Promise.all(ids.map((id) => settle(() => this.delete(id, call))));
  }

  async swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): Promise<SwapResult> {
    const name = nameOf(id);
    const encoded = next && this.#encode(id, name, next);
    const { changes } = this.#use();
    return changes.change<SwapResult>(name, call, (bytes, header) => {
      const current = bytes && header && isLive(header) ? decodeRecord(bytes, id) : undefined;
      if ((current?.revision ?? "absent") !== expected) return { answer: { swapped: false, current } };
      return { answer: { swapped: true }, write: () => changes.replace(name, header, encoded) };
    });
  }

  take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const name = nameOf(id);
    const { changes } = this.#use();
    return changes.change(name, call, (bytes, header) => {
      if (!bytes || !header || !isLive(header)) return { answer: undefined };
      const answer = decodeRecord(bytes, id);
      return { answer, write: () => changes.replace(name, header, undefined) };
    });
  }

  list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
  ): Page<Listed> {
    const items: Listed[] = [];
    const next = visitPage(this.#use().environment.records, scope, cursor, (id, bytes) => {
      items.push(values ? { key: id.key, record: settled(() => decodeRecord(bytes, id)) } : { key: id.key });
    });
    return { items, next };
  }

  collections(prefix: string, cursor: Cursor | undefined): Page<string> {
    return collectionPage(this.#use().environment.records, prefix, cursor);
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const { environment, changes } = this.#use();
    const { items, next } = namePage(environment.records, scope, cursor);
    const remove = (name: Buffer) =>
      changes.change(name, call, (_, header) => ({
        answer: undefined,
        write: header && (() => changes.replace(name, header, undefined)),
      }));
    await Promise.all(items.map(remove));
    return next;
  }

  async cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.#use().expiry.cull(scope, cursor, call);
  }

  #use(): Opened {
    if (!this.#opened) throw new StoreClosedError("the folder is not open");
    return this.#opened;
  }

  /** @throws ValueTooLargeError, StorageFullError */
  #encode(id: RecordId, name: Name, record: StoredRecord): Encoded {
    const bytes = encodeRecord(id, name, record);
    const { room, sweeper } = this.#use();
    room.take(bytes.length);
    if (record.expiresAt !== undefined) sweeper.expect(record.expiresAt);
    return { bytes, expiresAt: record.expiresAt };
  }
}
