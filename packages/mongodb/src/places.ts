/** The MongoDB collections of one database: which there are, which have our indexes, which hold records. */
import { KeyValueError } from "@kv/core";
import { type Call, type Report, stillWanted } from "@kv/core/driver";
import type { Document } from "mongodb";
import { isShared, type Names, placeOf } from "./names.ts";
import { DURABLY, type Session } from "./session.ts";

/** How long a collection is taken to be as it was found, in milliseconds: Python's `destroy_collection` drops it. */
const KNOWN_FOR = 60_000;
/** How many collections are remembered. */
const MOST = 10_000;
const NOT_FOUND = 26;

/** What makes a document a record, ours or Python's, beside the name of its collection. */
export const IS_RECORD = { key: { $type: "string" }, "value.object": { $type: "object" } } as const;

/**
 * The first is for both of us: Python looks for `key` only. Unique, so that not even Python, which makes the same index
 * without that, can make two documents of one record.
 */
const INDEXES = [
  { name: "key_1_collection_1", key: { key: 1, collection: 1 }, unique: true },
  { name: "expires_at_1", key: { expires_at: 1 }, expireAfterSeconds: 0 },
];

interface Place {
  /** Whether one record is one document for sure. */
  readonly unique: boolean;
  readonly indexed: boolean;
  readonly until: number;
}

export class Places {
  readonly #database: string;
  readonly #names: Names;
  readonly #of = new Map<string, string>();
  readonly #known = new Map<string, Place>();
  readonly #looking = new Map<string, Promise<Place>>();

  constructor(database: string, names: Names) {
    this.#database = database;
    this.#names = names;
  }

  /** Where the records of a collection lie. */
  of(collection: string): string {
    let place = this.#of.get(collection);
    if (place === undefined) {
      place = placeOf(collection, this.#database, this.#names);
      if (this.#of.size >= MOST) this.#of.clear();
      this.#of.set(collection, place);
    }
    return place;
  }

  /** Whether one record is one document there, as far as is known. */
  isUnique(place: string): boolean {
    return this.#known.get(place)?.unique === true;
  }

  /** Before a write: makes the collection with its indexes where it is not there yet, and nothing where it is. */
  prepare(place: string, session: Session, call: Call, report: Report): Promise<void> | undefined {
    const known = this.#known.get(place);
    return known && performance.now() < known.until ? undefined : this.#prepare(place, session, call, report);
  }

  async #prepare(place: string, session: Session, call: Call, report: Report): Promise<void> {
    call.markSent(false);
    for (;;) {
      // Many may come at once to a new collection: one looks for all. Where its own call fails, another has to.
      const other = this.#looking.get(place);
      if (other) {
        const found = await other.catch(() => undefined);
        if (found) break;
        stillWanted(call);
        continue;
      }
      const looking = this.#look(place, session, call, report);
      this.#looking.set(place, looking);
      try {
        const found = await looking;
        if (this.#known.size >= MOST) this.#known.clear();
        this.#known.set(place, found);
        break;
      } catch (error) {
        if (error instanceof KeyValueError) error.outcome = "not-applied";
        throw error;
      } finally {
        this.#looking.delete(place);
      }
    }
    stillWanted(call);
    call.markSent();
  }

  async #look(place: string, session: Session, call: Call, report: Report): Promise<Place> {
    const before = this.#known.get(place);
    const until = performance.now() + KNOWN_FOR;
    const indexes = await this.#indexes(place, session, call);
    if (indexes !== "forbidden") {
      const unique = indexes?.some(isOneForEach) ?? false;
      const indexed = indexes?.some(({ key }) => "key" in Object(key)) ?? false;
      // A collection that had our indexes and has none any more was dropped, and made anew by a write.
      const isNew = indexes === undefined || (!indexed && before?.indexed === true);
      if (!isNew) return { unique, indexed, until };
      if (await this.#create(place, session, call, report)) return { unique: true, indexed: true, until };
    }
    return { unique: false, indexed: false, until };
  }

  /** `undefined` where there is no such collection. */
  async #indexes(place: string, session: Session, call: Call): Promise<readonly Document[] | undefined | "forbidden"> {
    try {
      const { cursor } = await session.run({ listIndexes: place }, call);
      return cursor.firstBatch;
    } catch (error) {
      if (codeOf(error) === NOT_FOUND) return undefined;
      if (error instanceof KeyValueError && error.code === "ACCESS_DENIED") return "forbidden";
      throw error;
    }
  }

  /** Whether that was possible. A store works without indexes too, if slowly. */
  async #create(place: string, session: Session, call: Call, report: Report): Promise<boolean> {
    try {
      await session.run({ createIndexes: place, indexes: INDEXES, writeConcern: DURABLY }, call);
      return true;
    } catch (error) {
      if (!(error instanceof KeyValueError) || error.retryable) throw error;
      if (error.code !== "ACCESS_DENIED") report({ type: "background-error", error });
      return false;
    }
  }

  /** The names of all collections that may hold records of collections whose names start with `prefix`. */
  async list(prefix: string, session: Session, call: Call): Promise<string[]> {
    const names = await session.collections(call);
    return names
      .filter((name) => isShared(name, this.#names) || (this.of(name) === name && name.startsWith(prefix)))
      .sort();
  }

  /** The collections of which a record that fits `condition` lies in one of the places; in one exchange. */
  async collectionsIn(
    places: readonly string[],
    prefix: string,
    condition: Document,
    session: Session,
    call: Call,
  ): Promise<string[]> {
    const [first, ...others] = places;
    if (first === undefined) return [];
    const pipeline = [
      ...this.#collectionsOf(first, condition),
      ...others.map((coll) => ({ $unionWith: { coll, pipeline: this.#collectionsOf(coll, condition) } })),
    ];
    const found = await session.aggregate(first, pipeline, call);
    return found
      .filter(({ collection, place }) => this.of(collection) === place && collection.startsWith(prefix))
      .map(({ collection }) => collection);
  }

  #collectionsOf(place: string, condition: Document): Document[] {
    const shape = { ...IS_RECORD, ...condition };
    if (!isShared(place, this.#names)) {
      return [
        { $match: { collection: place, ...shape } },
        { $limit: 1 },
        { $project: { _id: 0, collection: 1, place: { $literal: place } } },
      ];
    }
    return [
      { $match: { collection: { $type: "string" }, ...shape } },
      { $group: { _id: "$collection" } },
      { $project: { _id: 0, collection: "$_id", place: { $literal: place } } },
    ];
  }
}

/** Whether an index refuses a second document of a record. */
function isOneForEach({ key, unique, partialFilterExpression }: Document): boolean {
  if (unique !== true || partialFilterExpression !== undefined) return false;
  return Object.keys(Object(key)).every((field) => field === "key" || field === "collection");
}

function codeOf(error: unknown): number | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause ? Number(cause.code) : undefined;
}
