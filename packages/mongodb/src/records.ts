/** What is done to records whose names are known. All of it is right also where two documents are one record. */
import { BackendError, KeyValueError } from "@kv/core";
import {
  type Call,
  isForeign,
  isLive,
  type RecordId,
  type Report,
  type Settled,
  type StoredRecord,
  type SwapResult,
  settled,
  stillWanted,
} from "@kv/core/driver";
import { BSON, type Document } from "mongodb";
import { decode, type Encoded, exactly, type Found, found, idOf, newestFirst, replacement } from "./documents.ts";
import { DUPLICATE, failureOf } from "./errors.ts";
import type { Settings } from "./options.ts";
import type { Places } from "./places.ts";
import { DURABLY, type Session } from "./session.ts";

type Revision = StoredRecord["revision"];

/** How often a document may come and go while one write is about to replace or to insert it. */
const ATTEMPTS = 10;

/** What tells of a document all but its value. */
export const HEAD = { _id: 0, key: 1, created_at: 1, expires_at: 1 } as const;

/** What the driver has, as it is now. */
export interface Context {
  readonly settings: Settings;
  readonly places: Places;
  readonly session: Session;
  readonly report: Report;
}

/** What was found where something was to be changed, and whether it was. */
interface Outcome {
  readonly swapped: boolean;
  readonly current: StoredRecord | undefined;
}

export class Records {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** The record, though it may have expired. */
  async get({ collection, key }: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const [newest] = await this.#find(collection, key, call);
    return newest && this.#decode(newest);
  }

  async getAll(
    collection: string,
    keys: readonly string[],
    call: Call,
  ): Promise<readonly Settled<StoredRecord | undefined>[]> {
    const all = await this.#findAll(collection, keys, {}, call);
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
    await this.#prepare(collection, call);
    const answers = new Array<Settled<void>>(records.length).fill(undefined);
    let rest = [...records.entries()];
    for (let attempt = 1; rest.length > 0; attempt++) {
      if (attempt > 1) stillWanted(call);
      const updates = rest.map(([, record]) => {
        const u = { ...replacement(record), $setOnInsert: { _id: idOf(record.names, attempt) } };
        return { q: record.names, u, upsert: true, multi: true };
      });
      const { n, failures } = await this.#update(collection, updates, call);
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

  /** Whether a live record was there. */
  async delete({ collection, key }: RecordId, call: Call): Promise<boolean> {
    return (await this.#remove(collection, [{ key, collection, ...live() }], call)) > 0;
  }

  async deleteAll(collection: string, keys: readonly string[], call: Call): Promise<readonly boolean[]> {
    // A deletion tells how many it has deleted, not which.
    const all = await this.#findAll(collection, keys, { projection: HEAD }, call);
    const there = new Set([...all].filter(([, [newest]]) => newest && isLive(newest)).map(([key]) => key));
    if (there.size === 0) return keys.map(() => false);
    stillWanted(call);
    let deleted = await this.#remove(collection, [{ key: { $in: [...there] }, collection, ...live() }], call);
    // Where others have deleted some of them since, at least the number is right.
    return keys.map((key) => there.has(key) && deleted-- > 0);
  }

  /** Stores `next` (deletes where there is none) if the live record has the expected revision. */
  async swap(id: RecordId, expected: Revision | "absent", next: Encoded | undefined, call: Call): Promise<SwapResult> {
    const { collection, key } = id;
    if (next) await this.#prepare(collection, call);
    if (expected === "absent") {
      if (next && (await this.#insert(collection, next, 1, call))) return { swapped: true };
    } else if (!isForeign(expected) && this.#isUnique(collection)) {
      const filter = { key, collection, "value.revision": expected, ...live() };
      if (await this.#change(collection, filter, next, call)) return { swapped: true };
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
    if (this.#isUnique(collection)) {
      // One of ours, which surely can be read.
      const query = { key, collection, "value.revision": { $type: "string" }, ...live() };
      const command = { findAndModify: this.#place(collection), query, remove: true, writeConcern: DURABLY };
      const { value } = await this.#context.session.run(command, call, { promoteValues: false });
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
      const [newest, ...others] = await this.#find(collection, key, call);
      const current = newest && isLive(newest) ? this.#decode(newest) : undefined;
      if (!fits(current)) return { swapped: false, current };
      stillWanted(call);
      if (!newest) {
        if (!next || (await this.#insert(collection, next, attempt, call))) return { swapped: true, current };
      } else {
        if (before?.bytes.equals(newest.bytes)) throw new BackendError("the stored record cannot be compared");
        before = newest;
        const gone = others.length === 0 ? 0 : await this.#remove(collection, others.map(exactly), call);
        // Else another writer has changed one of them, which is the newest then.
        if (gone === others.length && (await this.#change(collection, exactly(newest), next, call))) {
          return { swapped: true, current };
        }
      }
      stillWanted(call);
    }
  }

  /** Leaves one document of each record. Where that fails all is well too: a put has made them the same. */
  async #mend(collection: string, keys: readonly string[], call: Call): Promise<void> {
    try {
      const all = await this.#findAll(collection, keys, {}, call);
      const older = [...all.values()].flatMap(([, ...others]) => others);
      if (older.length > 0) await this.#remove(collection, older.map(exactly), call);
    } catch (error) {
      if (!call.ended) this.#context.report({ type: "background-error", error });
    }
  }

  /** The documents that are the record, the one that counts first. */
  async #find(collection: string, key: string, call: Call): Promise<Found[]> {
    return newestFirst(await this.#context.session.findFew(this.#place(collection), { key, collection }, call));
  }

  async #findAll(
    collection: string,
    keys: readonly string[],
    options: { readonly projection?: typeof HEAD },
    call: Call,
  ): Promise<ReadonlyMap<string, readonly Found[]>> {
    const filter = { key: { $in: keys }, collection };
    const documents = await this.#context.session.findMany(this.#place(collection), filter, options, call);
    return groupByKey(newestFirst(documents));
  }

  /** False where there is one already. */
  async #insert(collection: string, { names, fields }: Encoded, attempt: number, call: Call): Promise<boolean> {
    const statement = { q: names, u: { $setOnInsert: { _id: idOf(names, attempt), ...fields } }, upsert: true };
    const { inserted, failures } = await this.#update(collection, [statement], call);
    const [failure] = failures;
    if (failure && failure.code !== DUPLICATE) throw failureOf(failure);
    return inserted > 0;
  }

  /** Replaces the one document that the filter finds, or deletes it. */
  async #change(collection: string, filter: Document, next: Encoded | undefined, call: Call): Promise<boolean> {
    if (!next) return (await this.#remove(collection, [filter], call)) > 0;
    const { n, failures } = await this.#update(collection, [{ q: filter, u: replacement(next) }], call);
    const [failure] = failures;
    if (failure) throw failureOf(failure);
    return n > 0;
  }

  #update(collection: string, updates: readonly Document[], call: Call) {
    return this.#context.session.update(this.#place(collection), updates, call);
  }

  /** How many documents were deleted. */
  #remove(collection: string, filters: readonly Document[], call: Call): Promise<number> {
    return this.#context.session.remove(this.#place(collection), filters, call);
  }

  async #prepare(collection: string, call: Call): Promise<void> {
    const { places, session, report } = this.#context;
    await places.prepare(this.#place(collection), session, call, report);
  }

  #place(collection: string): string {
    return this.#context.places.of(collection);
  }

  #isUnique(collection: string): boolean {
    return this.#context.places.isUnique(this.#place(collection));
  }

  #decode(document: Found): StoredRecord {
    return decode(document, this.#context.settings.numbers);
  }
}

/** What has not expired by this process' clock. */
export function live(): Document {
  return { expires_at: { $not: { $lte: new Date() } } };
}

export function groupByKey(documents: readonly Found[]): ReadonlyMap<string, readonly Found[]> {
  const groups = new Map<string, Found[]>();
  for (const document of documents) {
    const { key } = document;
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(document);
    else groups.set(key, [document]);
  }
  return groups;
}
