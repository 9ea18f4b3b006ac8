/** What only a store in RocksDB knows: which keys an operation reads and writes. */
import { AbortedError, type Revision, StoreClosedError } from "@kv/core";
import {
  type Call,
  type Cursor,
  type Driver,
  goesWith,
  isLive,
  type Listed,
  nameOf,
  type Page,
  type RecordId,
  type Report,
  type Scope,
  type Settled,
  type StoredRecord,
  type SwapResult,
  settle,
  settled,
  type WriteRequest,
} from "@kv/core/driver";
import { type Change, Folder, type NextRecord } from "./folder.ts";
import { isHashed, NO_RECORD, recordKey, recordKeyOf, withoutLetter } from "./format.ts";
import type { Database } from "./native.ts";
import { checkOptions, type Options, type RocksdbDriverOptions } from "./options.ts";
import { collectionPage, keyPage, recordPage } from "./pages.ts";
import { decodeRecord, encodeRecord, expiryOfText, idOf, LARGEST_RECORD } from "./records.ts";
import { writeMany } from "./write-many.ts";

/** What a look at a record leads to: an answer, and maybe a write. */
interface Decision<T> {
  readonly answer: T;
  readonly next?: NextRecord | "deleted" | undefined;
}

export class RocksdbDriver implements Driver {
  readonly name = "rocksdb";
  readonly stringifies = true;
  readonly capabilities = Object.freeze({
    write: true,
    atomic: true,
    enumerate: true,
    clear: true,
    durable: true,
    limits: Object.freeze({ recordBytes: LARGEST_RECORD }),
  } as const);
  readonly #options: Options;
  #folder: Folder | undefined;
  #report: Report | undefined;

  /** @throws InvalidArgumentError */
  constructor(options: RocksdbDriverOptions) {
    this.#options = checkOptions(options);
  }

  /** Absolute. */
  get path(): string {
    return this.#options.path;
  }

  /** RocksDB's own database, while the store is open. It must not be closed. */
  get database(): Database | undefined {
    return this.#folder?.database;
  }

  async open(_call: Call, report: Report): Promise<void> {
    // One of its own, since it also tells the folder which store this is.
    this.#report = (event) => report(event);
    this.#folder = await Folder.open(this.path, this.#options, this.#report);
  }

  async close(): Promise<void> {
    const folder = this.#folder;
    if (!folder || !this.#report) return;
    this.#folder = undefined;
    await folder.release(this.#report);
  }

  async ping(): Promise<void> {
    await this.#use().read(NO_RECORD);
  }

  async get(id: RecordId): Promise<StoredRecord | undefined> {
    const text = await this.#use().read(recordKey(nameOf(id)));
    return text === undefined ? undefined : decodeRecord(text, id);
  }

  async getMany(ids: readonly RecordId[]): Promise<Settled<StoredRecord | undefined>[]> {
    const texts = await this.#use().readMany(ids.map((id) => recordKey(nameOf(id))));
    return ids.map((id, at) => {
      const text = texts[at];
      return typeof text === "string" ? settled(() => decodeRecord(text, id)) : text;
    });
  }

  async put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    const change = this.#put(id, record);
    await this.#use().turns.take(change.key, () => this.#write([change], call));
  }

  putMany(requests: readonly WriteRequest[], call: Call): Promise<Settled<void>[]> {
    const changes = requests.map(({ id, record }) => settled(() => this.#put(id, record)));
    return writeMany(changes, this.#use().turns, (some) => this.#write(some, call));
  }

  delete(id: RecordId, call: Call): Promise<boolean> {
    return this.#change(id, call, (text) => ({
      answer: text !== undefined && isLive({ expiresAt: expiryOfText(text) }),
      next: text === undefined ? undefined : "deleted",
    }));
  }

  deleteMany(ids: readonly RecordId[], call: Call): Promise<Settled<boolean>[]> {
    return Promise.all(ids.map((id) => settle(() => this.delete(id, call))));
  }

  async swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): Promise<SwapResult> {
    const written = next ? this.#put(id, next).next : "deleted";
    return this.#change<SwapResult>(id, call, (text) => {
      const current = liveRecord(text, id);
      if ((current?.revision ?? "absent") !== expected) return { answer: { swapped: false, current } };
      return { answer: { swapped: true }, next: written };
    });
  }

  take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    return this.#change(id, call, (text) => {
      const answer = liveRecord(text, id);
      return { answer, next: answer && "deleted" };
    });
  }

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
  ): Promise<Page<Listed>> {
    const { items, next } = await recordPage(this.#use(), scope, cursor);
    return {
      items: items.map(({ id, text }) =>
        values ? { key: id.key, record: settled(() => decodeRecord(text, id)) } : { key: id.key },
      ),
      next,
    };
  }

  collections(prefix: string, cursor: Cursor | undefined): Promise<Page<string>> {
    return collectionPage(this.#use(), prefix, cursor);
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const folder = this.#use();
    const { items, next } = await keyPage(folder, scope, cursor);
    const remove = async (found: Buffer): Promise<void> => {
      const name = withoutLetter(found);
      // The record is looked at only where its name does not tell all.
      const text = isHashed(name) ? await folder.read(found) : "";
      if (text === undefined || !goesWith(scope, () => idOf(name, text))) return;
      const key = recordKeyOf(name);
      await folder.turns.take(key, () => this.#write([{ key, next: undefined }], call));
    };
    await Promise.all(items.map(remove));
    return next;
  }

  cull(scope: Scope, cursor: Cursor | undefined): Promise<Cursor | undefined> {
    return this.#use().expiry.cull(cursor instanceof Buffer ? cursor : undefined, (name, text) =>
      goesWith(scope, () => idOf(name, text)),
    );
  }

  #use(): Folder {
    if (!this.#folder) throw new StoreClosedError("the folder is not open");
    return this.#folder;
  }

  /** @throws ValueTooLargeError, StorageFullError */
  #put(id: RecordId, record: StoredRecord): Change & { readonly next: NextRecord } {
    const name = nameOf(id);
    const { text, size } = encodeRecord(id, name, record);
    this.#use().takeRoom(size);
    return { key: recordKey(name), next: { text, name, expiresAt: record.expiresAt } };
  }

  #write(changes: readonly Change[], call: Call): Promise<void> {
    return this.#use().write(changes, { sync: this.#options.sync, call });
  }

  /** Reads a record and writes what is decided on it, while nobody else changes it. */
  #change<T>(id: RecordId, call: Call, decide: (text: string | undefined) => Decision<T>): Promise<T> {
    const folder = this.#use();
    const key = recordKey(nameOf(id));
    return folder.turns.take(key, async () => {
      if (call.ended) throw new AbortedError("the call ended before its write", { outcome: "not-applied" });
      const { answer, next } = decide(await folder.read(key));
      if (next) await this.#write([{ key, next: next === "deleted" ? undefined : next }], call);
      return answer;
    });
  }
}

function liveRecord(text: string | undefined, id: RecordId): StoredRecord | undefined {
  return text !== undefined && isLive({ expiresAt: expiryOfText(text) }) ? decodeRecord(text, id) : undefined;
}
