/** What only a store in RocksDB knows: which keys an operation reads and writes. */
import { AbortedError, type Revision, StoreClosedError } from "@kv/core";
import {
  after,
  afterCollection,
  type Call,
  type Cursor,
  type Driver,
  decodeHeader,
  decodeRecord,
  encodeRecord,
  idOf,
  isInScope,
  isLive,
  type Listed,
  type Name,
  nameOf,
  type Page,
  type RecordId,
  type Report,
  rangeOf,
  type Scope,
  type Settled,
  type StoredRecord,
  type SwapResult,
  settle,
  type WriteRequest,
} from "@kv/core/driver";
import { Folder } from "./folder.ts";
import { isHashed, LARGEST_RECORD, recordKey, recordKeyOf, recordRange, withoutLetter } from "./format.ts";
import type { Database, Key, Operation, Range } from "./native.ts";
import { checkOptions, type Options, type RocksdbDriverOptions } from "./options.ts";

/** How much one page or step does before others have their turn: records, and bytes of them. */
const STEP = 1000;
const STEP_BYTES = 1_000_000;
/** Each collection takes a search of its own. */
const COLLECTIONS = 250;
/** How many records of unknown size a page reads at once. */
const AT_ONCE = 16;

/** The first key that no record has. */
const NO_RECORD = "r";
const NO_BYTES = Buffer.alloc(0);

/** What a look at a record leads to: an answer, and maybe a write. */
interface Decision<T> {
  readonly answer: T;
  readonly next?: Encoded | "deleted" | undefined;
}

interface Encoded {
  readonly bytes: Buffer;
  readonly expiring: { readonly expiresAt: number; readonly name: Name } | undefined;
}

interface Found {
  readonly name: Buffer;
  readonly bytes: Buffer;
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
    const bytes = await this.#use().read(recordKey(nameOf(id)));
    return bytes && decodeRecord(bytes, id);
  }

  getMany(ids: readonly RecordId[]): Promise<Settled<StoredRecord | undefined>[]> {
    return Promise.all(ids.map((id) => settle(() => this.get(id))));
  }

  async put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    const name = nameOf(id);
    const key = recordKey(name);
    const next = this.#encode(id, name, record);
    await this.#use().turns.take(key, () => this.#write(key, next, call));
  }

  putMany(requests: readonly WriteRequest[], call: Call): Promise<Settled<void>[]> {
    return Promise.all(requests.map(({ id, record }) => settle(() => this.put(id, record, call))));
  }

  delete(id: RecordId, call: Call): Promise<boolean> {
    return this.#change(id, call, (bytes) => ({
      answer: bytes !== undefined && isLive(decodeHeader(bytes)),
      next: bytes && "deleted",
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
    const encoded = next ? this.#encode(id, nameOf(id), next) : "deleted";
    return this.#change<SwapResult>(id, call, (bytes) => {
      const current = liveRecord(bytes, id);
      if ((current?.revision ?? "absent") !== expected) return { answer: { swapped: false, current } };
      return { answer: { swapped: true }, next: encoded };
    });
  }

  take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    return this.#change(id, call, (bytes) => {
      const answer = liveRecord(bytes, id);
      return { answer, next: answer && "deleted" };
    });
  }

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
  ): Promise<Page<Listed>> {
    const { found, next } = await this.#scan(scope, cursor);
    const now = Date.now();
    const items: Listed[] = [];
    for (const { name, bytes } of found) {
      if (!isLive(decodeHeader(bytes), now)) continue;
      const id = idOf(name, bytes);
      if (!isInScope(id, scope)) continue;
      items.push(values ? { key: id.key, record: await settle(() => decodeRecord(bytes, id)) } : { key: id.key });
    }
    return { items, next };
  }

  /** Goes from one collection's first live record to the next collection. */
  async collections(prefix: string, cursor: Cursor | undefined): Promise<Page<string>> {
    const folder = this.#use();
    const scope = { collectionPrefix: prefix };
    const { start, end } = rangeOf(scope);
    const items: string[] = [];
    let from = cursor instanceof Buffer ? cursor : start;
    for (let step = 0; step < COLLECTIONS; step++) {
      const [key] = await folder.keys(recordRange(from, end), 1);
      if (!key) return { items };
      const name = withoutLetter(key);
      const bytes = await folder.read(key);
      const live = bytes !== undefined && isLive(decodeHeader(bytes));
      from = live ? afterCollection(name) : after(name);
      if (!live) continue;
      const id = idOf(name, bytes);
      if (isInScope(id, scope)) items.push(id.collection);
    }
    return { items, next: from };
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const folder = this.#use();
    const keys = await folder.keys(rangeFrom(scope, cursor), STEP);
    const remove = async (found: Buffer): Promise<void> => {
      const name = withoutLetter(found);
      // The record is looked at only where its name does not tell all.
      const bytes = isHashed(name) ? await folder.read(found) : NO_BYTES;
      if (!bytes || !belongsTo(scope, name, bytes)) return;
      const key = recordKeyOf(name);
      await folder.turns.take(key, () => this.#write(key, "deleted", call));
    };
    await Promise.all(keys.map(remove));
    return nextPage(keys, keys.length);
  }

  cull(scope: Scope, cursor: Cursor | undefined): Promise<Cursor | undefined> {
    return this.#use().expiry.cull(cursor instanceof Buffer ? cursor : undefined, (name, bytes) =>
      belongsTo(scope, name, bytes),
    );
  }

  #use(): Folder {
    if (!this.#folder) throw new StoreClosedError("the folder is not open");
    return this.#folder;
  }

  /** @throws ValueTooLargeError, StorageFullError */
  #encode(id: RecordId, name: Name, record: StoredRecord): Encoded {
    const bytes = encodeRecord(id, name, record, LARGEST_RECORD);
    this.#use().takeRoom(bytes.length);
    const { expiresAt } = record;
    return { bytes, expiring: expiresAt === undefined ? undefined : { expiresAt, name } };
  }

  /** Reads a record and writes what is decided on it, while nobody else changes it. */
  #change<T>(id: RecordId, call: Call, decide: (bytes: Buffer | undefined) => Decision<T>): Promise<T> {
    const folder = this.#use();
    const key = recordKey(nameOf(id));
    return folder.turns.take(key, async () => {
      if (call.ended) throw new AbortedError("the call ended before its write", { outcome: "not-applied" });
      const { answer, next } = decide(await folder.read(key));
      if (next) await this.#write(key, next, call);
      return answer;
    });
  }

  #write(key: Key, next: Encoded | "deleted", call: Call): Promise<void> {
    const how = { sync: this.#options.sync, call };
    if (next === "deleted") return this.#use().write([{ type: "del", key }], how);
    const put: Operation = { type: "put", key, value: next.bytes };
    return this.#use().write([put], how, next.expiring);
  }

  /** The records in the scope's range, and maybe others, as many as a page has; and where the next page begins. */
  async #scan(scope: Scope, cursor: Cursor | undefined): Promise<{ found: Found[]; next: Buffer | undefined }> {
    const folder = this.#use();
    const keys = await folder.keys(rangeFrom(scope, cursor), STEP);
    const found: Found[] = [];
    let size = 0;
    let at = 0;
    while (at < keys.length && size < STEP_BYTES) {
      const mean = size / Math.max(1, found.length);
      const part = keys.slice(at, at + Math.max(AT_ONCE, Math.floor((STEP_BYTES - size) / (mean || STEP_BYTES))));
      for (const [index, bytes] of (await Promise.all(part.map((key) => folder.read(key)))).entries()) {
        const key = part[index];
        // Deleted meanwhile.
        if (!key || !bytes) continue;
        found.push({ name: withoutLetter(key), bytes });
        size += bytes.length;
      }
      at += part.length;
    }
    return { found, next: nextPage(keys, at) };
  }
}

function rangeFrom(scope: Scope, cursor: Cursor | undefined): Range {
  const { start, end } = rangeOf(scope);
  return recordRange(cursor instanceof Buffer ? cursor : start, end);
}

/** Where the page after the first `count` of these keys begins. */
function nextPage(keys: readonly Buffer[], count: number): Buffer | undefined {
  const last = keys[count - 1];
  return last && (count < keys.length || keys.length === STEP) ? after(withoutLetter(last)) : undefined;
}

function liveRecord(bytes: Buffer | undefined, id: RecordId): StoredRecord | undefined {
  return bytes && isLive(decodeHeader(bytes)) ? decodeRecord(bytes, id) : undefined;
}

/** Whether to delete it with the scope. A record so broken that it does not tell its name goes only with all others. */
function belongsTo(scope: Scope, name: Buffer, bytes: Buffer): boolean {
  try {
    return isInScope(idOf(name, bytes), scope);
  } catch {
    return "collectionPrefix" in scope && scope.collectionPrefix === "";
  }
}
