/** What only lmdb knows. */
import { AbortedError, InvalidArgumentError, type Revision, StoreClosedError } from "@kv/core";
import {
  absolutePath,
  after,
  afterCollection,
  bytesOf,
  type Call,
  type Cursor,
  type Driver,
  expiryRow,
  isInScope,
  isLive,
  type Listed,
  type Name,
  nameOf,
  type Page,
  parseExpiryRow,
  type RecordId,
  type Report,
  rangeOf,
  type Scope,
  type Settled,
  type StoredRecord,
  type SwapResult,
  Sweeper,
} from "@kv/core/driver";
import { getLastVersion, type RootDatabase } from "lmdb";
import { Environment } from "./environment.ts";
import { asDiskError, commitError } from "./errors.ts";
import { decodeHeader, decodeRecord, encodeRecord, type Header, idOf, LARGEST_RECORD } from "./format.ts";
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

/** How much one page or step does before others have their turn: records, and bytes of them. */
const STEP = 1000;
const STEP_BYTES = 1_000_000;
/** How often a write that found the record changed by another tries again, before it holds the others up. */
const ATTEMPTS = 3;

/** The first of all rows of the index. */
const FIRST_ROW = Buffer.of(0);
const NO_VALUE = Buffer.alloc(0);

/** What a look at a record leads to: an answer, and maybe a write, that happens if nobody else's comes between. */
interface Decision<T> {
  readonly answer: T;
  readonly write?: (() => void) | undefined;
}
/** Given the bytes under the name, valid until it returns. */
type Decide<T> = (bytes: Buffer | undefined, header: Header | undefined) => Decision<T>;

interface Encoded {
  readonly bytes: Buffer;
  readonly expiresAt: number | undefined;
}

interface Opened extends Pick<Environment, "root" | "records" | "expiry" | "reader" | "gate"> {
  readonly environment: Environment;
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
    return this.#opened?.root;
  }

  async open(call: Call, report: Report): Promise<void> {
    const environment = await Environment.open(this.path, this.#sync, call);
    const { root, records, expiry, reader, gate } = environment;
    const room = new Room(this.path, [records, expiry]);
    const sweeper = new Sweeper(() => this.#reclaimExpired(), report);
    this.#opened = { environment, root, records, expiry, reader, gate, room, sweeper };
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    if (!opened) return;
    await opened.sweeper.stop();
    this.#opened = undefined;
    await opened.environment.release();
  }

  ping(): void {
    this.#read(FIRST_ROW);
  }

  get(id: RecordId): StoredRecord | undefined {
    const bytes = this.#read(nameOf(id));
    return bytes && decodeRecord(bytes, id);
  }

  async put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    const name = nameOf(id);
    const next = this.#encode(id, name, record);
    await this.#change(name, call, (_, header) => ({
      answer: undefined,
      write: () => this.#replace(name, header, next),
    }));
  }

  delete(id: RecordId, call: Call): Promise<boolean> {
    const name = nameOf(id);
    return this.#change(name, call, (_, header) => ({
      answer: header !== undefined && isLive(header),
      write: header && (() => this.#replace(name, header, undefined)),
    }));
  }

  async swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): Promise<SwapResult> {
    const name = nameOf(id);
    const encoded = next && this.#encode(id, name, next);
    return this.#change<SwapResult>(name, call, (bytes, header) => {
      const current = bytes && header && isLive(header) ? decodeRecord(bytes, id) : undefined;
      if ((current?.revision ?? "absent") !== expected) return { answer: { swapped: false, current } };
      return { answer: { swapped: true }, write: () => this.#replace(name, header, encoded) };
    });
  }

  take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const name = nameOf(id);
    return this.#change(name, call, (bytes, header) => {
      if (!bytes || !header || !isLive(header)) return { answer: undefined };
      const answer = decodeRecord(bytes, id);
      return { answer, write: () => this.#replace(name, header, undefined) };
    });
  }

  list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
  ): Page<Listed> {
    const items: Listed[] = [];
    const now = Date.now();
    const next = this.#scan(scope, cursor, (name, bytes) => {
      if (!isLive(decodeHeader(bytes), now)) return;
      const id = idOf(name, bytes);
      if (!isInScope(id, scope)) return;
      items.push(values ? { key: id.key, record: decodeSettled(bytes, id) } : { key: id.key });
    });
    return { items, next };
  }

  /** Goes from one collection's first live record to the next collection. */
  collections(prefix: string, cursor: Cursor | undefined): Page<string> {
    const { records } = this.#use();
    const scope = { collectionPrefix: prefix };
    const { start, end } = rangeOf(scope);
    const items: string[] = [];
    const now = Date.now();
    let from = cursor instanceof Buffer ? cursor : start;
    records.resetReadTxn();
    for (let step = 0; step < STEP; step++) {
      const [found] = records.getRange({ start: from, end, limit: 1 });
      if (!found) return { items };
      const live = isLive(decodeHeader(found.value), now);
      const name = bytesOf(found.key);
      from = live ? afterCollection(name) : after(name);
      if (!live) continue;
      const id = idOf(name, found.value);
      if (isInScope(id, scope)) items.push(id.collection);
    }
    return { items, next: from };
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const names: Buffer[] = [];
    const next = this.#scan(scope, cursor, (name, bytes) => {
      if (belongsTo(scope, name, bytes)) names.push(name);
    });
    const remove = (name: Buffer) =>
      this.#change(name, call, (_, header) => ({
        answer: undefined,
        write: header && (() => this.#replace(name, header, undefined)),
      }));
    await Promise.all(names.map(remove));
    return next;
  }

  async cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const rows = this.#expiredRows(cursor instanceof Buffer ? after(cursor) : FIRST_ROW);
    await Promise.all(rows.map((row) => this.#reclaim(row, scope, call)));
    return rows.length === STEP ? rows.at(-1) : undefined;
  }

  /** A step of the sweep. */
  async #reclaimExpired(): Promise<number | undefined> {
    await Promise.all(this.#expiredRows(FIRST_ROW).map((row) => this.#reclaim(row)));
    const { expiry } = this.#use();
    expiry.resetReadTxn();
    const [first] = expiry.getKeys({ start: FIRST_ROW, limit: 1 });
    return first && parseExpiryRow(first).time;
  }

  #expiredRows(start: Buffer): Buffer[] {
    const { expiry } = this.#use();
    expiry.resetReadTxn();
    return [...expiry.getKeys({ start, end: expiryRow(Date.now() + 1, NO_VALUE), limit: STEP })];
  }

  /** Deletes the record of a row in the index, unless it has been given more time. */
  #reclaim(row: Buffer, scope?: Scope, call?: Call): Promise<void> {
    const { time, name } = parseExpiryRow(row);
    return this.#change(name, call, (bytes, header) => {
      if (scope && bytes && !belongsTo(scope, name, bytes)) return { answer: undefined };
      if (header?.expiresAt === time) {
        return { answer: undefined, write: () => this.#replace(name, header, undefined) };
      }
      return { answer: undefined, write: () => this.#use().expiry.remove(row) };
    });
  }

  #use(): Opened {
    if (!this.#opened) throw new StoreClosedError("the folder is not open");
    return this.#opened;
  }

  /** The bytes under a name, valid until lmdb is next asked for any. */
  #read(name: Name): Buffer | undefined {
    try {
      return this.#use().reader.get(name);
    } catch (error) {
      throw asDiskError(error);
    }
  }

  /** @throws ValueTooLargeError, StorageFullError */
  #encode(id: RecordId, name: Name, record: StoredRecord): Encoded {
    const bytes = encodeRecord(id, name, record);
    const { room, sweeper } = this.#use();
    room.take(bytes.length);
    if (record.expiresAt !== undefined) sweeper.expect(record.expiresAt);
    return { bytes, expiresAt: record.expiresAt };
  }

  /**
   * Reads a record and writes what is decided on it, as one: the write is lmdb's to do, off this thread, on the condition
   * that the record still has the version that was read. Where other writers were faster too often, it is done while
   * they wait.
   */
  async #change<T>(name: Name, call: Call | undefined, decide: Decide<T>): Promise<T> {
    const { records, reader, gate, root } = this.#use();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const bytes = this.#read(name);
      const version = bytes && getLastVersion();
      const { answer, write } = decide(bytes, bytes && decodeHeader(bytes));
      if (!write) return answer;
      const done = await gate.pass(call, () =>
        written(version === undefined ? records.ifNoExists(name, write) : records.ifVersion(name, version, write)),
      );
      reader.forget();
      if (done) return answer;
      if (call?.ended) throw new AbortedError("the call ended before its write", { outcome: "not-applied" });
    }
    const transaction = () =>
      root.transaction((): { readonly answer: T } => {
        const bytes = records.get(name);
        const { answer, write } = decide(bytes, bytes && decodeHeader(bytes));
        write?.();
        return { answer };
      });
    const done = await gate.pass(call, () => written(transaction()));
    reader.forget();
    if (!done) throw new AbortedError("the call ended before its write", { outcome: "not-applied" });
    return done.answer;
  }

  /** Part of a transaction: the record in place of the one with this header. */
  #replace(name: Name, header: Header | undefined, next: Encoded | undefined): void {
    const { records, expiry } = this.#use();
    if (header?.expiresAt !== undefined) expiry.remove(expiryRow(header.expiresAt, name));
    if (!next) {
      records.remove(name);
      return;
    }
    records.put(name, next.bytes, newVersion());
    if (next.expiresAt !== undefined) expiry.put(expiryRow(next.expiresAt, name), NO_VALUE);
  }

  /** Visits the records in the scope's range, and maybe others; answers with the name at which the next step begins. */
  #scan(scope: Scope, cursor: Cursor | undefined, visit: (name: Buffer, bytes: Buffer) => void): Buffer | undefined {
    const { records } = this.#use();
    const { start, end } = rangeOf(scope);
    let size = 0;
    let count = 0;
    try {
      records.resetReadTxn();
      for (const { key, value } of records.getRange({ start: cursor instanceof Buffer ? cursor : start, end })) {
        const name = bytesOf(key);
        if (count === STEP || size > STEP_BYTES) return name;
        visit(name, value);
        count++;
        size += value.length;
      }
      return undefined;
    } catch (error) {
      throw asDiskError(error);
    }
  }
}

/** Of a write, on lmdb's promise. @throws StorageFullError, BackendError … */
async function written<T>(commit: Promise<T>): Promise<T> {
  try {
    return await commit;
  } catch (error) {
    throw await commitError(error);
  }
}

/** Differs from that of the write before, as far as 53 random bits can. */
function newVersion(): number {
  return 1 + Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
}

function decodeSettled(bytes: Buffer, id: RecordId): Settled<StoredRecord> {
  try {
    return decodeRecord(bytes, id);
  } catch (error) {
    return asDiskError(error);
  }
}

/** Whether to delete it with the scope. A record so broken that it does not tell its name goes only with all others. */
function belongsTo(scope: Scope, name: Buffer, bytes: Buffer): boolean {
  try {
    return isInScope(idOf(name, bytes), scope);
  } catch {
    return "collectionPrefix" in scope && scope.collectionPrefix === "";
  }
}
