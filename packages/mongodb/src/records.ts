/** What is done to records whose names are known. All of it is right also where two documents are one record. */
import { randomUUID } from "node:crypto";
import { BackendError, KeyValueError } from "@kv/core";
import {
  type Call,
  isForeign,
  isLive,
  type RecordId,
  type Settled,
  type StoredRecord,
  type SwapResult,
  settled,
  stillWanted,
} from "@kv/core/driver";
import { BSON, type Document } from "mongodb";
import {
  decode,
  type Encoded,
  exactly,
  type Found,
  found,
  idOf,
  isByRevision,
  RECORD_BYTES,
  replacement,
} from "./documents.ts";
import { DUPLICATE, failureOf } from "./errors.ts";
import { type Context, HEAD, Statements } from "./statements.ts";

type Revision = StoredRecord["revision"];

/** How often a document may come and go while one write is about to replace or to insert it. */
const ATTEMPTS = 10;

/** What was found where something was to be changed, and whether it was. */
interface Outcome {
  readonly swapped: boolean;
  readonly current: StoredRecord | undefined;
}

export class Records {
  readonly #context: Context;
  readonly #statements: Statements;

  constructor(context: Context) {
    this.#context = context;
    this.#statements = new Statements(context);
  }

  /** The record, though it may have expired. */
  async get({ collection, key }: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const [newest] = await this.#statements.find(collection, key, call);
    return newest && this.#decode(newest);
  }

  async getAll(
    collection: string,
    keys: readonly string[],
    call: Call,
  ): Promise<readonly Settled<StoredRecord | undefined>[]> {
    const all = await this.#statements.findAll(collection, keys, {}, call);
    return keys.map((key) => {
      const newest = all.get(key)?.[0];
      return newest && settled(() => this.#decode(newest));
    });
  }

  /**
   * Each replaces what is there or is inserted, by one statement. Of two who insert one record at the same moment the
   * second is refused, having done nothing, and replaces then.
   */
  async putAll(collection: string, records: readonly Encoded[], call: Call): Promise<readonly Settled<void>[]> {
    await this.#statements.prepare(collection, call);
    const answers = new Array<Settled<void>>(records.length).fill(undefined);
    let rest = [...records.entries()];
    for (let attempt = 1; rest.length > 0; attempt++) {
      if (attempt > 1) stillWanted(call);
      const updates = rest.map(([, record]) => {
        const u = { ...replacement(record), $setOnInsert: { _id: idOf(record.names, attempt) } };
        return { q: record.names, u, upsert: true, multi: true };
      });
      const { n, failures } = await this.#statements.update(collection, updates, call);
      const keys = rest.map(([, { names }]) => names.key);
      if (n > keys.length - failures.length) await this.#mend(collection, keys, call);
      const refused: typeof rest = [];
      for (const failure of failures) {
        const entry = rest[failure.index];
        if (!entry) continue;
        if (failure.code === DUPLICATE && attempt < ATTEMPTS) refused.push(entry);
        else answers[entry[0]] = failureOf(failure);
      }
      rest = refused;
    }
    return answers;
  }

  /** Whether a live record was there. Where two documents may be one record, what counts is the newest. */
  async delete({ collection, key }: RecordId, call: Call): Promise<boolean> {
    if (!this.#statements.isUnique(collection)) return (await this.deleteAll(collection, [key], call))[0] === true;
    return (await this.#statements.remove(collection, [{ key, collection, ...live() }], call)) > 0;
  }

  async deleteAll(collection: string, keys: readonly string[], call: Call): Promise<readonly boolean[]> {
    // A deletion tells how many it has deleted, not which.
    const all = await this.#statements.findAll(collection, keys, { projection: HEAD }, call);
    const there = new Set([...all].filter(([, [newest]]) => newest && isLive(newest)).map(([key]) => key));
    if (there.size === 0) return keys.map(() => false);
    stillWanted(call);
    let deleted = await this.#statements.remove(
      collection,
      [{ key: { $in: [...there] }, collection, ...live() }],
      call,
    );
    // Where others have deleted some of them since, at least the number is right.
    return keys.map((key) => there.has(key) && deleted-- > 0);
  }

  /** Stores `next` (deletes where there is none) if the live record has the expected revision. */
  async swap(id: RecordId, expected: Revision | "absent", next: Encoded | undefined, call: Call): Promise<SwapResult> {
    const { collection, key } = id;
    if (next) await this.#statements.prepare(collection, call);
    if (expected === "absent") {
      if (next && (await this.#statements.insert(collection, next, 1, call))) return { swapped: true };
    } else if (!isForeign(expected) && this.#statements.isUnique(collection)) {
      const filter = { key, collection, "value.revision": expected, ...live() };
      if (await this.#statements.change(collection, filter, next, call)) return { swapped: true };
    }
    stillWanted(call);
    const outcome = await this.#swapFound(
      id,
      (current) => (expected === "absent" ? current === undefined : current?.revision === expected),
      next,
      call,
    );
    return outcome.swapped ? { swapped: true } : { swapped: false, current: outcome.current };
  }

  async take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const { collection, key } = id;
    if (this.#statements.isUnique(collection)) {
      // One of ours, which surely can be read.
      const query = { key, collection, "value.revision": { $type: "string" }, ...live() };
      const value = await this.#statements.findAndRemove(collection, query, call);
      if (value) return this.#decodeTaken(value);
      stillWanted(call);
    }
    const { swapped, current } = await this.#swapFound(id, (there) => there !== undefined, undefined, call);
    return swapped ? current : undefined;
  }

  #decodeTaken(document: Document): StoredRecord {
    try {
      return this.#decode(found(Buffer.from(BSON.serialize(document))));
    } catch (error) {
      // By now it is gone.
      if (error instanceof KeyValueError) error.outcome = "unknown";
      throw error;
    }
  }

  /** Reads first: the record may be Python's, have expired, or be two documents. */
  async #swapFound(
    { collection, key }: RecordId,
    fits: (current: StoredRecord | undefined) => boolean,
    next: Encoded | undefined,
    call: Call,
  ): Promise<Outcome> {
    let before: Found | undefined;
    for (let attempt = 1; ; attempt++) {
      const [newest, ...others] = await this.#statements.find(collection, key, call);
      const current = newest && isLive(newest) ? this.#decode(newest) : undefined;
      if (!fits(current)) return { swapped: false, current };
      stillWanted(call);
      if (!newest) {
        if (!next || (await this.#statements.insert(collection, next, attempt, call)))
          return { swapped: true, current };
      } else {
        if (before?.bytes.equals(newest.bytes)) throw new BackendError("the stored record cannot be compared");
        before = newest;
        const gone = others.length === 0 ? 0 : await this.#statements.remove(collection, others.map(exactly), call);
        // Else another writer has changed one of them, which is the newest then.
        if (gone === others.length) {
          const filter = await this.#filterFor(collection, newest, next, call);
          if (filter && (await this.#statements.change(collection, filter, next, call)))
            return { swapped: true, current };
        }
      }
      stillWanted(call);
    }
  }

  /**
   * What finds this very document, in the request that puts `next` in its place; `undefined` where it has changed. Another
   * program's is found by its value: where one request cannot hold that and the next value, it gets a revision first.
   */
  async #filterFor(
    collection: string,
    document: Found,
    next: Encoded | undefined,
    call: Call,
  ): Promise<Document | undefined> {
    const filter = exactly(document);
    if (!next || isByRevision(filter) || document.bytes.length + next.bytes <= RECORD_BYTES) return filter;
    const revision = randomUUID();
    const marked = { names: next.names, fields: { "value.revision": revision }, removed: [], bytes: 0 };
    if (!(await this.#statements.change(collection, filter, marked, call))) return undefined;
    stillWanted(call);
    return { _id: filter._id, "value.revision": revision };
  }

  /** Leaves one document of each record. Where that fails all is well too: a put has made them the same. */
  async #mend(collection: string, keys: readonly string[], call: Call): Promise<void> {
    try {
      const all = await this.#statements.findAll(collection, keys, {}, call);
      const older = [...all.values()].flatMap(([, ...others]) => others);
      if (older.length > 0) await this.#statements.remove(collection, older.map(exactly), call);
    } catch (error) {
      if (!call.ended) this.#context.report({ type: "background-error", error });
    }
  }

  #decode(document: Found): StoredRecord {
    return decode(document, this.#context.settings.numbers);
  }
}

/** What has not expired by this process' clock. */
export function live(): Document {
  return { expires_at: { $not: { $lte: new Date() } } };
}
