/** The operations, as requests to the server on which a record lies. */
import { AbortedError, BackendError, KeyValueError, type Limits, type Revision } from "@kv/core";
import {
  type Call,
  type Driver,
  isLive,
  type RecordId,
  type Report,
  type Settled,
  type StoredRecord,
  type SwapResult,
  settled,
  type WriteRequest,
} from "@kv/core/driver";
import { inBatch } from "./batch.ts";
import type { Link } from "./link.ts";
import { keyOf } from "./names.ts";
import type { MemcachedDriverOptions, MemjsClient } from "./options.ts";
import { type Reply, STATUS } from "./protocol.ts";
import { type Item, itemOf, recordIn } from "./records.ts";
import { refusal, setRefusal } from "./refusal.ts";
import { type Settings, settingsOf } from "./settings.ts";

const CAPABILITIES = { write: true, atomic: true, enumerate: false, clear: false, durable: false } as const;

/** How many records one exchange with a server carries. */
const BATCH = { get: 500, put: 500, delete: 500 } as const;

/** What lies under a key, expired or not, and the token by which it is changed only while it lies there. */
interface Found {
  readonly record: StoredRecord;
  readonly cas: Buffer;
}

/** The driver of one memcached server, or of several among which the records are distributed. */
export class MemcachedDriver implements Driver {
  readonly name = "memcached";
  readonly capabilities: typeof CAPABILITIES & { readonly limits: Limits };
  readonly stringifies = true;
  /** The caller's, or one over the store's own connections. */
  readonly client: MemjsClient;
  readonly #settings: Settings;

  /** @throws InvalidArgumentError */
  constructor(options: MemcachedDriverOptions = {}) {
    this.#settings = settingsOf(options);
    this.client = this.#settings.client;
    const limits = Object.freeze({ recordBytes: this.#settings.recordBytes, batch: BATCH });
    this.capabilities = Object.freeze({ ...CAPABILITIES, limits });
  }

  /** Connects to nothing: that is done with each server when a call needs it. */
  open(call: Call, report: Report): void {
    for (const link of this.#settings.links) link.prepare(call.deadline - performance.now(), report);
  }

  async close(): Promise<void> {
    await Promise.all(this.#settings.links.map((link) => link.disconnect()));
  }

  async ping(call: Call): Promise<void> {
    const replies = await Promise.all(this.#settings.links.map((link) => link.ask({ command: "NOOP" }, call)));
    for (const reply of replies) if (reply.status !== STATUS.OK) throw refusal(reply);
  }

  get(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const key = this.#keyOf(id);
    const reply = this.#linkOf(key).ask({ command: "GET", key }, call);
    return reply.then((found) => this.#recordIn(id, found));
  }

  put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    const key = this.#keyOf(id);
    const item = this.#itemOf(id, record);
    call.markSent(false);
    const reply = this.#linkOf(key).ask({ command: "SET", key, ...item }, call, true);
    return reply.then((stored) => {
      if (stored.status !== STATUS.OK) throw setRefusal(stored, item.value);
    });
  }

  async delete(id: RecordId, call: Call): Promise<boolean> {
    const key = this.#keyOf(id);
    call.markSent(false);
    const requests = [{ command: "GETQ", key } as const, { command: "DELETE", key } as const];
    return this.#wasDeleted(id, await this.#linkOf(key).askAll(requests, call, true));
  }

  getMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<StoredRecord | undefined>[]> {
    return inBatch(ids, call, false, (id) => {
      const key = this.#keyOf(id);
      return {
        link: this.#linkOf(key),
        requests: [{ command: "GETQ", key }],
        answer: ([reply]) => reply && this.#recordIn(id, reply),
      };
    });
  }

  putMany(requests: readonly WriteRequest[], call: Call): Promise<readonly Settled<void>[]> {
    return inBatch(requests, call, true, ({ id, record }) => {
      const key = this.#keyOf(id);
      const item = this.#itemOf(id, record);
      return {
        link: this.#linkOf(key),
        requests: [{ command: "SETQ", key, ...item }],
        answer: ([refused]): void => {
          if (refused) throw setRefusal(refused, item.value);
        },
      };
    });
  }

  deleteMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<boolean>[]> {
    return inBatch(ids, call, true, (id) => {
      const key = this.#keyOf(id);
      return {
        link: this.#linkOf(key),
        requests: [
          { command: "GETQ", key },
          { command: "DELETEQ", key },
        ],
        answer: (replies) => this.#wasDeleted(id, replies),
      };
    });
  }

  async swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): Promise<SwapResult> {
    const item = next && this.#itemOf(id, next);
    for (;;) {
      const found = expected === "absent" && item ? await this.#add(id, item, call) : await this.#find(id, call);
      if (found === "added") return { swapped: true };
      const current = found && isLive(found.record) ? found.record : undefined;
      if ((current?.revision ?? "absent") !== expected) return { swapped: false, current };
      if (call.ended) throw abandoned();
      // What was expired lies there still. What went between two looks is looked for again.
      const swapped = found ? await this.#replace(id, found, item, call) : item === undefined;
      if (swapped) return { swapped };
    }
  }

  async take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    for (;;) {
      const found = await this.#find(id, call);
      if (found === undefined || !isLive(found.record)) return undefined;
      if (call.ended) throw abandoned();
      if (await this.#replace(id, found, undefined, call)) return found.record;
    }
  }

  async #find(id: RecordId, call: Call): Promise<Found | undefined> {
    call.markSent(false);
    const key = this.#keyOf(id);
    return this.#foundIn(id, await this.#linkOf(key).ask({ command: "GET", key }, call));
  }

  /** Stores where nothing lies; else what lies there, or `undefined` where that just went. */
  async #add(id: RecordId, item: Item, call: Call): Promise<Found | "added" | undefined> {
    call.markSent(false);
    const key = this.#keyOf(id);
    const requests = [{ command: "GETQ", key } as const, { command: "ADD", key, ...item } as const];
    const [found, added] = await this.#linkOf(key).askAll(requests, call, true);
    if (added?.status === STATUS.OK) return "added";
    call.markSent(false);
    if (added && added.status !== STATUS.EXISTS) throw refusal(added);
    return found && this.#foundIn(id, found);
  }

  /** Stores in the place of what was found, or deletes that, unless something else lies there by now. */
  async #replace(id: RecordId, { cas }: Found, item: Item | undefined, call: Call): Promise<boolean> {
    const key = this.#keyOf(id);
    // SET, where it finds no room for the new record, would drop the old one.
    const command = item ? "REPLACE" : "DELETE";
    const reply = await this.#linkOf(key).ask({ command, key, ...item, cas }, call, true);
    if (reply.status === STATUS.OK) return true;
    call.markSent(false);
    if (reply.status === STATUS.EXISTS || reply.status === STATUS.NOT_FOUND) return false;
    throw refusal(reply);
  }

  #keyOf(id: RecordId): string {
    return keyOf(id, this.#settings.names);
  }

  #linkOf(key: string): Link {
    const { links, client } = this.#settings;
    const link = links[links.length === 1 ? 0 : Number(client.getServer(key))];
    if (link === undefined)
      throw new BackendError("the client's getServer names no server", { outcome: "not-applied" });
    return link;
  }

  #itemOf(id: RecordId, record: StoredRecord): Item {
    return itemOf(id, record, this.#settings.recordBytes);
  }

  #foundIn(id: RecordId, reply: Reply): Found | undefined {
    const record = this.#recordIn(id, reply);
    return record && { record, cas: reply.cas };
  }

  #recordIn(id: RecordId, reply: Reply): StoredRecord | undefined {
    if (reply.status === STATUS.NOT_FOUND) return undefined;
    if (reply.status !== STATUS.OK) throw refusal(reply);
    return recordIn(id, reply.text, this.#settings.numbers);
  }

  /**
   * Whether a live record was deleted, from what was found and what deleting it was answered. What another client stores
   * just between the two, in place of an expired record, goes with it, as if it had been evicted.
   */
  #wasDeleted(id: RecordId, [found, deleted]: readonly (Reply | undefined)[]): boolean {
    if (deleted?.status === STATUS.NOT_FOUND) return false;
    if (deleted && deleted.status !== STATUS.OK) throw refusal(deleted);
    const record = found && settled(() => this.#recordIn(id, found));
    // What cannot be read was there all the same.
    return record === undefined || record instanceof KeyValueError || isLive(record);
  }
}

function abandoned(): AbortedError {
  return new AbortedError("the call had ended before its last request");
}
