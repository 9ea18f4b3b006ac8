/** What is asked of MongoDB about documents whose names are known, a request each. */
import type { Call, Report } from "@kv/core/driver";
import type { Document } from "mongodb";
import { type Encoded, type Found, idOf, newestFirst, replacement } from "./documents.ts";
import { DUPLICATE, failureOf } from "./errors.ts";
import type { Settings } from "./options.ts";
import type { Places } from "./places.ts";
import { DURABLY, type Session } from "./session.ts";

/** What tells of a document all but its value. */
export const HEAD = { _id: 0, key: 1, created_at: 1, expires_at: 1 } as const;

/** What the driver has, as it is now. */
export interface Context {
  readonly settings: Settings;
  readonly places: Places;
  readonly session: Session;
  readonly report: Report;
}

export class Statements {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** The documents that are the record, the one that counts first. */
  async find(collection: string, key: string, call: Call): Promise<Found[]> {
    return newestFirst(await this.#context.session.findFew(this.#place(collection), { key, collection }, call));
  }

  async findAll(
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
  async insert(collection: string, { names, fields }: Encoded, attempt: number, call: Call): Promise<boolean> {
    const statement = { q: names, u: { $setOnInsert: { _id: idOf(names, attempt), ...fields } }, upsert: true };
    const { inserted, failures } = await this.update(collection, [statement], call);
    const [failure] = failures;
    if (failure && failure.code !== DUPLICATE) throw failureOf(failure);
    return inserted > 0;
  }

  /** Replaces the one document that the filter finds, or deletes it. */
  async change(collection: string, filter: Document, next: Encoded | undefined, call: Call): Promise<boolean> {
    if (!next) return (await this.remove(collection, [filter], call)) > 0;
    const { n, failures } = await this.update(collection, [{ q: filter, u: replacement(next) }], call);
    const [failure] = failures;
    if (failure) throw failureOf(failure);
    return n > 0;
  }

  update(collection: string, updates: readonly Document[], call: Call) {
    return this.#context.session.update(this.#place(collection), updates, call);
  }

  /** How many documents were deleted. */
  remove(collection: string, filters: readonly Document[], call: Call): Promise<number> {
    return this.#context.session.remove(this.#place(collection), filters, call);
  }

  /** Deletes one document that the filter finds, and gives it; `null` where there is none. */
  async findAndRemove(collection: string, query: Document, call: Call): Promise<Document | null> {
    const command = { findAndModify: this.#place(collection), query, remove: true, writeConcern: DURABLY };
    const { value } = await this.#context.session.run(command, call, { promoteValues: false });
    return value;
  }

  async prepare(collection: string, call: Call): Promise<void> {
    const { places, session, report } = this.#context;
    await places.prepare(this.#place(collection), session, call, report);
  }

  #place(collection: string): string {
    return this.#context.places.of(collection);
  }

  isUnique(collection: string): boolean {
    return this.#context.places.isUnique(this.#place(collection));
  }
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
