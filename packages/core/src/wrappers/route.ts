/** One store made of several, each of which has a part of the records. */
import { deleteMany, getMany, putMany } from "../batch.ts";
import { userKey } from "../beside.ts";
import type { Capabilities, Capability, Limits } from "../capabilities.ts";
import type {
  Call,
  Cursor,
  Driver,
  Listed,
  MaybePromise,
  Page,
  RecordId,
  Scope,
  Settled,
  StoredRecord,
  SwapResult,
  WriteRequest,
} from "../driver/driver.ts";
import { settle } from "../driver/layer.ts";
import { InvalidArgumentError, KeyValueError, UnsupportedOperationError } from "../errors.ts";
import { kindOf, type Revision } from "../record.ts";
import { createStore, KeyValueStore, type StoreOptions } from "../store.ts";
import { borrowed } from "./borrowed.ts";
import { checkOptions } from "./options.ts";
import { deleteListed } from "./reach.ts";

export interface RouteOptions<C extends Capability, Name extends string> extends StoreOptions {
  /** By names that are used here alone. */
  readonly stores: { readonly [name in Name]: KeyValueStore<C> };
  /**
   * Which store has which records: a name for each collection, or a function that gives it for each record, always the
   * same for the same one.
   */
  readonly by: { readonly [collection: string]: NoInfer<Name> } | ((id: RecordId) => NoInfer<Name> | undefined);
  /** The store of what has none by that. Default: none, so that asking for it is an error. */
  readonly default?: NoInfer<Name> | undefined;
}

/**
 * A store whose records lie in several. It can do what all of them can; to `clear`, they must be able to `enumerate` as
 * well. Nothing is read, listed or deleted in another store than the one that a record belongs to, should it be there.
 * A batch goes to its stores at the same time. Closing it does not close them.
 * @throws InvalidArgumentError
 */
export function route<C extends Capability, Name extends string>(
  options: RouteOptions<C, Name>,
): KeyValueStore<Exclude<C, "enumerate" extends C ? never : "clear">>;
export function route(options: RouteOptions<never, string>): KeyValueStore<never> {
  checkOptions(options, "route");
  const { stores, by, default: otherwise, ...rest } = options;
  const parts = new Map<string, Driver>();
  for (const [name, store] of Object.entries(stores ?? {})) {
    if (!(store instanceof KeyValueStore)) throw new InvalidArgumentError(`"${name}" is no store`);
    parts.set(name, borrowed(store));
  }
  if (parts.size === 0) throw new InvalidArgumentError("route needs at least one store");
  if (new Set(Object.values(stores)).size < parts.size) throw new InvalidArgumentError("each store must be given once");
  const known = (name: string | undefined): string => {
    if (name !== undefined && parts.has(name)) return name;
    throw new InvalidArgumentError(
      `no store has the name ${typeof name === "string" ? JSON.stringify(name) : kindOf(name)}`,
    );
  };
  if (otherwise !== undefined) known(otherwise);
  if (typeof by === "function") {
    const where = ({ collection, key }: RecordId) => by({ collection, key: userKey(key) });
    return createStore(new RouteDriver(parts, where, undefined, otherwise), rest);
  }
  if (typeof by !== "object" || by === null) throw new InvalidArgumentError("by must be a map or a function");
  const map = new Map(Object.entries(by));
  for (const name of map.values()) known(name);
  const whole = (collection: string) => map.get(collection);
  return createStore(new RouteDriver(parts, ({ collection }) => whole(collection), whole, otherwise), rest);
}

type Where<T> = (of: T) => string | undefined;

/** A part, by its name. */
interface Part {
  readonly name: string;
  readonly driver: Driver;
}

/** How far an enumeration or a sweep has come. Never changed. */
interface Progress {
  /** The part that it is at, by its place. */
  readonly at: number;
  readonly cursor: Cursor | undefined;
  /** Collections of the part that are to be cleared before the cursor goes on. */
  readonly open?: readonly string[];
  readonly inner?: Cursor | undefined;
  /** Names that have been given already. */
  readonly given?: ReadonlySet<string>;
}

class RouteDriver implements Driver {
  readonly name = "route";
  readonly capabilities: Capabilities;
  readonly keepsReferences: boolean;
  readonly #parts: readonly Part[];
  readonly #where: Where<RecordId>;
  /** Where the collection decides alone. */
  readonly #whole: Where<string> | undefined;
  readonly #default: string | undefined;

  constructor(
    parts: ReadonlyMap<string, Driver>,
    where: Where<RecordId>,
    whole: Where<string> | undefined,
    otherwise: string | undefined,
  ) {
    this.#parts = [...parts].map(([name, driver]) => ({ name, driver }));
    this.#where = where;
    this.#whole = whole;
    this.#default = otherwise;
    this.capabilities = common(this.#parts.map(({ driver }) => driver.capabilities));
    this.keepsReferences = this.#parts.some(({ driver }) => driver.keepsReferences);
  }

  /** The parts open themselves. That there is this method lets a write count as sent only when its part has sent it. */
  open(): void {}

  async ping(call: Call): Promise<void> {
    await Promise.all(this.#parts.map(({ driver }) => driver.ping?.(call)));
  }

  get(id: RecordId, call: Call): MaybePromise<StoredRecord | undefined> {
    return this.#partOf(id).driver.get(id, call);
  }

  put(id: RecordId, record: StoredRecord, call: Call): MaybePromise<void> {
    return this.#write(id, call).put(id, record, call);
  }

  delete(id: RecordId, call: Call): MaybePromise<boolean> {
    return this.#write(id, call).delete(id, call);
  }

  swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): MaybePromise<SwapResult> {
    const driver = this.#write(id, call);
    if (!driver.swap) throw new UnsupportedOperationError(`${driver.name} has no atomic operations`);
    return driver.swap(id, expected, next, call);
  }

  getMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<StoredRecord | undefined>[]> {
    return this.#each(ids, same, (driver, part) => getMany(driver, part, call));
  }

  putMany(requests: readonly WriteRequest[], call: Call): Promise<readonly Settled<void>[]> {
    return this.#each(
      requests,
      ({ id }) => id,
      (driver, part) => putMany(driver, part, call),
    );
  }

  deleteMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<boolean>[]> {
    return this.#each(ids, same, (driver, part) => deleteMany(driver, part, call));
  }

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    const { collection } = scope;
    const only = this.#whole && this.#named(this.#whole(collection));
    const { at, cursor: inner } = progressOf(cursor, only ? this.#parts.indexOf(only) : 0);
    const part = this.#parts[at] as Part;
    const page = await listOf(part)(scope, { values, cursor: inner }, call);
    const items = page.items.filter(({ key }) => this.#isIn(part, { collection, key }));
    if (page.next !== undefined) return { items, next: { at, cursor: page.next } };
    return { items, next: only ? undefined : this.#after(at) };
  }

  async collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    const { at, cursor: inner, given = new Set<string>() } = progressOf(cursor, 0);
    const part = this.#parts[at] as Part;
    const page = await collectionsOf(part)(prefix, inner, call);
    const items: string[] = [];
    for (const name of page.items) if (!given.has(name) && (await this.#holds(part, name, call))) items.push(name);
    // Only where keys decide may several parts have a collection of one name.
    const all = this.#whole ? undefined : new Set([...given, ...items]);
    const next = page.next === undefined ? this.#after(at) : { at, cursor: page.next };
    return { items, next: next && { ...next, ...(all && { given: all }) } };
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const progress = progressOf(cursor, 0);
    const part = this.#parts[progress.at] as Part;
    const [collection, ...rest] = progress.open ?? [];
    if (collection !== undefined) {
      const keyPrefix = "keyPrefix" in scope ? scope.keyPrefix : "";
      const inner = await this.#clearOne(part, { collection, keyPrefix }, progress.inner, call);
      if (inner !== undefined) return { ...progress, inner };
      const next = { ...progress, open: rest, inner: undefined };
      return rest.length > 0 || next.cursor !== undefined ? next : this.#after(next.at);
    }
    // An error where there is none.
    if ("collection" in scope && this.#whole) this.#named(this.#whole(scope.collection));
    const page =
      "collection" in scope
        ? { items: [scope.collection], next: undefined }
        : await collectionsOf(part)(scope.collectionPrefix, progress.cursor, call);
    const open = page.items.filter((name) => !this.#whole || this.#isIn(part, { collection: name, key: "" }));
    if (open.length === 0 && page.next === undefined) return this.#after(progress.at);
    return { at: progress.at, cursor: page.next, open };
  }

  async cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const { at, cursor: inner } = progressOf(cursor, 0);
    const next = await this.#parts[at]?.driver.cull?.(scope, inner, call);
    return next === undefined ? this.#after(at) : { at, cursor: next };
  }

  /** One step of clearing what a part has of a collection; of a part that has records of others in it, key by key. */
  async #clearOne(
    part: Part,
    scope: { readonly collection: string; readonly keyPrefix: string },
    cursor: Cursor | undefined,
    call: Call,
  ): Promise<Cursor | undefined> {
    const { driver } = part;
    if (this.#whole && driver.clear) return driver.clear(scope, cursor, call);
    const { collection } = scope;
    return deleteListed(driver, scope, cursor, call, (key) => this.#isIn(part, { collection, key }));
  }

  /** Whether the part has a record of this collection that belongs there. */
  async #holds(part: Part, collection: string, call: Call): Promise<boolean> {
    if (this.#whole) return this.#isIn(part, { collection, key: "" });
    let cursor: Cursor | undefined;
    do {
      const page = await listOf(part)({ collection, keyPrefix: "" }, { values: false, cursor }, call);
      if (page.items.some(({ key }) => this.#isIn(part, { collection, key }))) return true;
      cursor = page.next;
    } while (cursor !== undefined);
    return false;
  }

  /** A batch, by parts; one that fails as a whole fails all of its records. */
  async #each<T, R>(
    items: readonly T[],
    idOf: (item: T) => RecordId,
    exchange: (driver: Driver, items: readonly T[]) => MaybePromise<readonly Settled<R>[]>,
  ): Promise<readonly Settled<R>[]> {
    const answers = new Array<Settled<R>>(items.length);
    const groups = new Map<Part, number[]>();
    for (const [at, item] of items.entries()) {
      const part = await settle(() => this.#partOf(idOf(item)));
      if (part instanceof KeyValueError) answers[at] = part;
      else groups.set(part, [...(groups.get(part) ?? []), at]);
    }
    await Promise.all(
      [...groups].map(async ([{ driver }, places]) => {
        const part = places.map((at) => items[at] as T);
        const result = await settle(() => exchange(driver, part));
        for (const [index, at] of places.entries()) {
          answers[at] = result instanceof KeyValueError ? result : (result[index] as Settled<R>);
        }
      }),
    );
    return answers;
  }

  /** Where the record is to be written. */
  #write(id: RecordId, call: Call): Driver {
    // The part says when it sends.
    call.markSent(false);
    return this.#partOf(id).driver;
  }

  #partOf(id: RecordId): Part {
    return this.#named(this.#where(id));
  }

  #isIn(part: Part, id: RecordId): boolean {
    return (this.#where(id) ?? this.#default) === part.name;
  }

  /** @throws InvalidArgumentError */
  #named(name = this.#default): Part {
    const part = this.#parts.find((one) => one.name === name);
    if (part) return part;
    throw new InvalidArgumentError("no store is routed to for this record");
  }

  #after(at: number): Progress | undefined {
    return at + 1 < this.#parts.length ? { at: at + 1, cursor: undefined } : undefined;
  }
}

const same = (id: RecordId): RecordId => id;

function progressOf(cursor: Cursor | undefined, at: number): Progress {
  return cursor === undefined ? { at, cursor: undefined } : (cursor as Progress);
}

function listOf({ driver }: Part): NonNullable<Driver["list"]> {
  if (!driver.list) throw new UnsupportedOperationError(`${driver.name} has no enumeration`);
  return driver.list.bind(driver);
}

function collectionsOf({ driver }: Part): NonNullable<Driver["collections"]> {
  if (!driver.collections) throw new UnsupportedOperationError(`${driver.name} has no enumeration`);
  return driver.collections.bind(driver);
}

/** What all can do, within the limits of each. */
function common(all: readonly Capabilities[]): Capabilities {
  const every = (one: Exclude<keyof Capabilities, "limits">): boolean => all.every((its) => its[one] === true);
  const least = (limitOf: (limits: Limits) => number | undefined): number | undefined => {
    const limits = all.flatMap((its) => (its.limits && limitOf(its.limits)) ?? []);
    return limits.length > 0 ? Math.min(...limits) : undefined;
  };
  const recordBytes = least((limits) => limits.recordBytes);
  const [get, put, remove] = (["get", "put", "delete"] as const).map((kind) => least((limits) => limits.batch?.[kind]));
  return Object.freeze({
    write: every("write"),
    atomic: every("atomic"),
    enumerate: every("enumerate"),
    clear: every("clear") && every("enumerate"),
    durable: every("durable"),
    nativeExpiry: every("nativeExpiry"),
    limits: {
      ...(recordBytes !== undefined && { recordBytes }),
      batch: {
        ...(get !== undefined && { get }),
        ...(put !== undefined && { put }),
        ...(remove !== undefined && { delete: remove }),
      },
    },
  });
}
