/** Enumerating and clearing: collection by collection, in the order of the keys, which no write changes. */
import {
  type Call,
  type Cursor,
  isLive,
  type Listed,
  type Page,
  type Scope,
  settled,
  stillWanted,
} from "@kv/core/driver";
import type { Document } from "mongodb";
import { decode, found, newestFirst } from "./documents.ts";
import { IS_RECORD } from "./places.ts";
import { live } from "./records.ts";
import { type Context, groupByKey, HEAD } from "./statements.ts";

/** How many documents are read, or deleted, in one exchange. */
const PAGE = { keys: 1000, entries: 250 } as const;

/** How many MongoDB collections are looked into in one exchange. */
const PLACES = 100;

/** A key from which on is read, or after which. */
class Position {
  readonly key: string;
  readonly after: boolean;

  constructor(key: string, after: boolean) {
    this.key = key;
    this.after = after;
  }
}

/** MongoDB collections that are still to be looked into. */
class Rest {
  readonly places: readonly string[];

  constructor(places: readonly string[]) {
    this.places = places;
  }
}

/** What of a sweep is still to be done. */
class Sweep {
  /** MongoDB collections that are still to be looked into; absent before they are known. */
  readonly places: readonly string[] | undefined;
  /** Collections that are still to be swept. */
  readonly collections: readonly string[];
  /** In the first of them. */
  readonly from: Position | undefined;

  constructor(places: readonly string[] | undefined, collections: readonly string[], from?: Position) {
    this.places = places;
    this.collections = collections;
    this.from = from;
  }
}

/** One page of the live records of a collection. */
export async function list(
  { places, session, settings }: Context,
  { collection, keyPrefix }: { readonly collection: string; readonly keyPrefix: string },
  values: boolean,
  cursor: Cursor | undefined,
  call: Call,
): Promise<Page<Listed>> {
  const from = cursor instanceof Position ? cursor : new Position(keyPrefix, false);
  const limit = values ? PAGE.entries : PAGE.keys;
  const documents = await session.findMany(
    places.of(collection),
    { collection, ...recordsFrom(from) },
    { sort: { key: 1 }, limit, ...(!values && { projection: HEAD }) },
    call,
  );
  const records = new Map(groupByKey(newestFirst(documents)));
  const last = documents.length < limit ? undefined : lastKey(documents);
  // The next page may hold another document of the last record.
  const held = last !== undefined && records.size > 1;
  if (held) records.delete(last);
  const items: Listed[] = [];
  for (const [key, [newest]] of records) {
    if (!newest || !isLive(newest) || !key.startsWith(keyPrefix)) continue;
    items.push(values ? { key, record: settled(() => decode(newest, settings.numbers)) } : { key });
  }
  return { items, next: last?.startsWith(keyPrefix) ? new Position(last, !held) : undefined };
}

/** The collections with a live record, of some of the MongoDB collections. */
export async function listCollections(
  { places, session }: Context,
  prefix: string,
  cursor: Cursor | undefined,
  call: Call,
): Promise<Page<string>> {
  // There may be thousands: each exchange has the time of a call.
  if (!(cursor instanceof Rest)) return { items: [], next: new Rest(await places.list(prefix, session, call)) };
  const { places: all } = cursor;
  const items = await places.collectionsIn(all.slice(0, PLACES), prefix, live(), session, call);
  return { items, next: all.length > PLACES ? new Rest(all.slice(PLACES)) : undefined };
}

/** Deletes some of the scope's records, or of those that have expired, and gives what is still to be done. */
export async function sweep(
  context: Context,
  scope: Scope,
  expired: boolean,
  cursor: Cursor | undefined,
  call: Call,
): Promise<Sweep | undefined> {
  const { places, session } = context;
  const [collectionPrefix, keyPrefix] = "collection" in scope ? ["", scope.keyPrefix] : [scope.collectionPrefix, ""];
  const condition = expired ? { expires_at: { $lte: new Date() } } : {};
  const todo = cursor instanceof Sweep ? cursor : beginningOf(scope);
  const [collection, ...others] = todo.collections;
  if (collection !== undefined) {
    const from = todo.from ?? new Position(keyPrefix, false);
    const next = await sweepPage(context, collection, keyPrefix, condition, from, call);
    return unlessDone(new Sweep(todo.places, next ? todo.collections : others, next));
  }
  if (!todo.places) return unlessDone(new Sweep(await places.list(collectionPrefix, session, call), []));
  const some = todo.places.slice(0, PLACES);
  const found = await places.collectionsIn(some, collectionPrefix, condition, session, call);
  return unlessDone(new Sweep(todo.places.slice(PLACES), found));
}

function beginningOf(scope: Scope): Sweep {
  return "collection" in scope ? new Sweep([], [scope.collection]) : new Sweep(undefined, []);
}

/** Where to go on; `undefined` at the end of the collection. */
async function sweepPage(
  { places, session }: Context,
  collection: string,
  keyPrefix: string,
  condition: Document,
  from: Position,
  call: Call,
): Promise<Position | undefined> {
  const place = places.of(collection);
  const filter = { collection, ...recordsFrom(from), ...condition };
  const options = { sort: { key: 1 }, limit: PAGE.keys, projection: HEAD } as const;
  const documents = await session.findMany(place, filter, options, call);
  const last = lastKey(documents.filter((bytes) => found(bytes).key?.startsWith(keyPrefix)));
  if (last === undefined) return undefined;
  stillWanted(call);
  await session.remove(place, [{ ...filter, key: { ...filter.key, $lte: last } }], call);
  return documents.length === PAGE.keys && lastKey(documents) === last ? new Position(last, true) : undefined;
}

function unlessDone(sweep: Sweep): Sweep | undefined {
  return sweep.collections.length === 0 && sweep.places?.length === 0 ? undefined : sweep;
}

function recordsFrom({ key, after }: Position) {
  return { ...IS_RECORD, key: { ...IS_RECORD.key, [after ? "$gt" : "$gte"]: key } };
}

function lastKey(documents: readonly Buffer[]): string | undefined {
  const last = documents.at(-1);
  return last && found(last).key;
}
