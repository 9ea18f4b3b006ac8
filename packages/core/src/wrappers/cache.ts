/** A near store before a far one, so that what was read lately is read without a way to go. */
import { getMany } from "../batch.ts";
import { stillWanted } from "../call.ts";
import { requireCapabilities } from "../capabilities.ts";
import {
  type Call,
  type Driver,
  isInScope,
  type MaybePromise,
  type RecordId,
  type Scope,
  type Settled,
  type StoredRecord,
  type StoreEvent,
} from "../driver/driver.ts";
import { defineLayer, forward, type Layer } from "../driver/layer.ts";
import { asKeyValueError, InvalidArgumentError, KeyValueError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import { type Duration, type Revision, timeoutOf } from "../record.ts";
import { KeyValueStore } from "../store.ts";
import { callHook, functionOf, ttlOf } from "./options.ts";

export interface CacheOptions {
  /** How long a record stays near at most: so long may what other processes write go unseen. */
  readonly ttl: Duration;
  /** How long it is remembered that there is no record. Default: not at all. */
  readonly missTtl?: Duration | undefined;
  /** What a write does to the near record: deletes it, or puts itself in its place. Default: `"invalidate"`. */
  readonly writes?: "invalidate" | "through" | undefined;
  /** The longest that the near store is waited for: milliseconds, or a duration. Default: 500 ms. */
  readonly timeout?: number | string | undefined;
  /** Told of each failure of the near store. What it throws is ignored. */
  readonly onEvent?: ((event: StoreEvent) => void) | undefined;
}

/**
 * Reads from the near store, else from the far one, whose answer is then kept near: until its own expiry, but no longer
 * than `ttl`. Writes, atomic operations and enumerations go to the far store. What this process has written or cleared is
 * never read from an older near record, nor is a record kept that was read while it was written.
 *
 * A near store that fails costs the hit and no more. What it could not delete is not read from it either. It is for the
 * caches of this far store alone, and is not closed with it.
 * @throws InvalidArgumentError, UnsupportedOperationError where the near store cannot write
 */
export function cache(near: KeyValueStore<"write">, options: CacheOptions): Layer {
  if (!(near instanceof KeyValueStore)) throw new InvalidArgumentError("cache takes a store, to be the near one");
  requireCapabilities(near.capabilities, ["write"], "the near store of a cache");
  const ttl = ttlOf(options?.ttl, "ttl");
  const missTtl = options.missTtl === undefined ? undefined : ttlOf(options.missTtl, "missTtl");
  const { writes = "invalidate" } = options;
  if (writes !== "invalidate" && writes !== "through") {
    throw new InvalidArgumentError('writes must be "invalidate" or "through"');
  }
  const copies = new NearCopies(near, {
    ttl,
    missTtl,
    timeout: timeoutOf(options.timeout ?? 500),
    onEvent: functionOf(options.onEvent, "onEvent"),
  });
  let far: Driver | undefined;
  return defineLayer(
    "cache",
    (inner) => {
      if (far !== undefined) throw new InvalidArgumentError("a cache belongs to one store: make another for the next");
      far = inner;
      return cached(inner, copies, writes === "through");
    },
    writes === "through" ? { notOutside: { clampTtl: "which changes the expiry of what is written" } } : {},
  );
}

function cached(inner: Driver, copies: NearCopies, through: boolean): Driver {
  const { putMany, deleteMany, swap, take, clear } = forward(inner, {});

  async function get(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const [copy] = await copies.get([id]);
    if (copy) return copy.record;
    stillWanted(call);
    return readFar(id, call);
  }

  async function readFar(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const reading = copies.reading([id]);
    try {
      const record = await inner.get(id, call);
      reading.keep([record]);
      return record;
    } finally {
      reading.end();
    }
  }

  async function getAll(ids: readonly RecordId[], call: Call): Promise<readonly Settled<StoredRecord | undefined>[]> {
    const found = await copies.get(ids);
    const missing = ids.filter((_, at) => found[at] === undefined);
    if (missing.length === 0) return found.map((copy) => copy?.record);
    stillWanted(call);
    const reading = copies.reading(missing);
    try {
      const rest = await getMany(inner, missing, call);
      reading.keep(rest);
      const answers = rest.values();
      return found.map((copy) => (copy ? copy.record : answers.next().value));
    } finally {
      reading.end();
    }
  }

  /** A write of these records, with what each of them is afterwards, where that is known. */
  async function write<T>(
    ids: readonly RecordId[],
    exchange: () => MaybePromise<T>,
    after: (answer: T) => readonly Settled<StoredRecord | undefined>[],
  ): Promise<T> {
    const writing = copies.writing(ids);
    try {
      const answer = await exchange();
      await writing.done(after(answer));
      return answer;
    } catch (error) {
      const failure = asKeyValueError(error);
      await writing.done(ids.map(() => failure));
      throw error;
    } finally {
      writing.end();
    }
  }

  const kept = (record: StoredRecord): StoredRecord | undefined => (through ? record : undefined);
  const eachKept = <T>(answers: readonly Settled<T>[], records?: readonly StoredRecord[]) =>
    answers.map((answer, at) => {
      if (answer instanceof KeyValueError) return answer;
      const record = records?.[at];
      return record && kept(record);
    });

  return forward(inner, {
    get: (id, call) => (DECIDING.has(call.operation) ? inner.get(id, call) : get(id, call)),
    getMany: getAll,
    put: (id, record, call) =>
      write(
        [id],
        () => inner.put(id, record, call),
        () => [kept(record)],
      ),
    delete: (id, call) =>
      write(
        [id],
        () => inner.delete(id, call),
        () => [undefined],
      ),
    putMany:
      putMany &&
      ((requests, call) => {
        const records = requests.map(({ record }) => record);
        const ids = requests.map(({ id }) => id);
        return write(
          ids,
          () => putMany(requests, call),
          (answers) => eachKept(answers, records),
        );
      }),
    deleteMany:
      deleteMany &&
      ((ids, call) =>
        write(
          ids,
          () => deleteMany(ids, call),
          (answers) => eachKept(answers),
        )),
    swap:
      swap &&
      ((id, expected, next, call) =>
        write(
          [id],
          () => swap(id, expected, next, call),
          ({ swapped }) => [swapped && next ? kept(next) : undefined],
        )),
    take:
      take &&
      ((id, call) =>
        write(
          [id],
          () => take(id, call),
          () => [undefined],
        )),
    clear: clear && ((scope, cursor, call) => copies.clearing(scope, () => clear(scope, cursor, call))),
  });
}

/** The operations for which what is read decides about a write. */
const DECIDING: ReadonlySet<string> = new Set(["take", "increment", "touch", "update", "fill"]);

/** What lies near of a record. Times are milliseconds since the epoch. */
interface Copy {
  /** When it began to be read, or had been written. */
  readonly cached_at: number;
  /** Absent: there is none. */
  readonly record?: {
    readonly value: JsonValue;
    readonly created_at?: number | undefined;
    readonly expires_at?: number | undefined;
    readonly revision: string;
  };
}

interface Kept {
  readonly id: RecordId;
  readonly copy: ReturnType<typeof copyOf>;
  readonly expiresAt: number;
}

/** A name under which something is under way. */
interface Busy {
  readonly name: string;
  users: number;
  writers: number;
  /** Counts the writes that have begun: who sees another number than at first has been overtaken. */
  begun: number;
  /** Copies that are on their way to the near store. */
  filling: number;
}

interface Settings {
  readonly ttl: number;
  readonly missTtl: number | undefined;
  readonly timeout: number;
  readonly onEvent: ((event: StoreEvent) => void) | undefined;
}

/** The near store, and what may be read from it and kept in it. */
class NearCopies {
  readonly #near: KeyValueStore<"write">;
  readonly #settings: Settings;
  readonly #busy = new Map<string, Busy>();
  /** Until when a copy must not have been made so that it is not read, by name; in the order of their ends, about. */
  readonly #refused = new Map<string, number>();
  /** The same, of scopes that were cleared. */
  readonly #cleared = new Map<string, { readonly scope: Scope; readonly until: number }>();
  #clearing = 0;
  #clears = 0;

  constructor(near: KeyValueStore<"write">, settings: Settings) {
    this.#near = near;
    this.#settings = settings;
  }

  /** In the order of the names; `undefined` where the far store has to be asked. */
  async get(ids: readonly RecordId[]): Promise<({ readonly record: StoredRecord | undefined } | undefined)[]> {
    const found = new Map<RecordId, JsonValue | undefined>();
    const asked = this.#clearing > 0 ? [] : ids.filter((id) => !this.#busy.get(nameOf(id))?.writers);
    for (const [collection, group] of byCollection(asked)) {
      try {
        const near = this.#near.collection(collection);
        const [first] = group;
        const values =
          first && group.length === 1
            ? [await near.get(first.key, this.#bounds)]
            : await near.getMany(
                group.map(({ key }) => key),
                this.#bounds,
              );
        for (const [at, id] of group.entries()) found.set(id, values[at]);
      } catch (error) {
        this.#report(error);
      }
    }
    return ids.map((id) => {
      const copy = found.get(id);
      return isCopy(copy) && copy.cached_at > this.#refusedUntil(id) ? { record: recordOf(copy) } : undefined;
    });
  }

  /** A reading from the far store that begins now. */
  reading(ids: readonly RecordId[]) {
    const began = Date.now();
    const clears = this.#clears;
    const entries = ids.map((id) => this.#enter(id));
    const begun = entries.map((entry) => entry.begun);
    return {
      /** Keeps what was read, beside the call, where nothing was written meanwhile. */
      keep: (records: readonly Settled<StoredRecord | undefined>[]): void => {
        if (this.#clearing > 0 || this.#clears !== clears) return;
        const current = ids.flatMap((id, at) => {
          const [entry, record] = [entries[at], records[at]];
          if (!entry || entry.writers > 0 || entry.begun !== begun[at] || record instanceof KeyValueError) return [];
          return [{ id, record }];
        });
        void this.#put(current, began);
      },
      end: (): void => {
        for (const entry of entries) this.#leave(entry);
      },
    };
  }

  /** A write that begins now: until it has ended, nothing is read from the near store, and nothing kept. */
  writing(ids: readonly RecordId[]) {
    const entries = ids.map((id) => this.#enter(id));
    const begun = entries.map((entry) => {
      entry.writers++;
      return ++entry.begun;
    });
    return {
      /** With the records as they are now; `undefined`: to be read again. */
      done: async (records: readonly Settled<StoredRecord | undefined>[]): Promise<void> => {
        const now = Date.now();
        const known: { id: RecordId; record: StoredRecord }[] = [];
        const changed: RecordId[] = [];
        for (const [at, id] of ids.entries()) {
          const [entry, record] = [entries[at], records[at]];
          if (record instanceof KeyValueError) {
            if (record.outcome === "not-applied") continue;
            // It may be done at any time from now on.
            this.#refuse(id, now + this.#settings.ttl);
          } else if (entry && entry.filling > 0) {
            this.#refuse(id, now);
          }
          // Of writes at the same time nobody knows which was the last.
          const alone = entry?.writers === 1 && entry.begun === begun[at];
          if (alone && record !== undefined && !(record instanceof KeyValueError)) known.push({ id, record });
          else changed.push(id);
        }
        await Promise.all([this.#put(known, now), this.#delete(changed, now)]);
      },
      end: (): void => {
        for (const entry of entries) {
          entry.writers--;
          this.#leave(entry);
        }
      },
    };
  }

  /** One step of clearing. */
  async clearing<T>(scope: Scope, step: () => MaybePromise<T>): Promise<T> {
    const { ttl } = this.#settings;
    this.#clearing++;
    this.#clears++;
    // A step that fails may be done at any time from then on.
    let later = ttl;
    try {
      const answer = await step();
      later = 0;
      return answer;
    } finally {
      this.#clearing--;
      const now = Date.now();
      for (const [name, { until }] of this.#cleared) if (until + ttl <= now) this.#cleared.delete(name);
      const name = JSON.stringify(scope);
      this.#cleared.set(name, { scope, until: Math.max(now + later, this.#cleared.get(name)?.until ?? 0) });
    }
  }

  async #put(
    records: readonly { readonly id: RecordId; readonly record: StoredRecord | undefined }[],
    cachedAt: number,
  ): Promise<void> {
    const { ttl, missTtl } = this.#settings;
    const now = Date.now();
    const kept = records.flatMap(({ id, record }) => {
      const longest = record ? ttl : missTtl;
      if (longest === undefined) return [];
      const expiresAt = Math.min(now + longest, record?.expiresAt ?? Number.POSITIVE_INFINITY);
      // What has less than that left is not worth the way, and might end on it.
      return expiresAt > now + 1 ? [{ id, copy: copyOf(record, cachedAt), expiresAt }] : [];
    });
    // All at once: what was read is its reader's to change as soon as this returns.
    await Promise.all([...byCollection(kept, ({ id }) => id)].map((group) => this.#putGroup(...group)));
  }

  async #putGroup(collection: string, group: readonly Kept[]): Promise<void> {
    const entries = group.map(({ id }) => this.#enter(id));
    for (const entry of entries) entry.filling++;
    try {
      const near = this.#near.collection(collection);
      const puts = group.map(({ id, copy, expiresAt }) => ({ key: id.key, value: copy, expiresAt }));
      const [first] = puts;
      if (first && puts.length === 1) {
        await near.put(first.key, first.value, { expiresAt: first.expiresAt, ...this.#bounds });
      } else await near.putMany(puts, this.#bounds);
    } catch (error) {
      // Whatever lies there, or comes to lie there, is not read.
      for (const { id } of group) this.#refuse(id, Date.now());
      this.#report(error);
    } finally {
      for (const entry of entries) {
        entry.filling--;
        this.#leave(entry);
      }
    }
  }

  async #delete(ids: readonly RecordId[], now: number): Promise<void> {
    for (const [collection, group] of byCollection(ids)) {
      try {
        const near = this.#near.collection(collection);
        const [first] = group;
        if (first && group.length === 1) await near.delete(first.key, this.#bounds);
        else
          await near.deleteMany(
            group.map(({ key }) => key),
            this.#bounds,
          );
      } catch (error) {
        for (const id of group) this.#refuse(id, now);
        this.#report(error);
      }
    }
  }

  /** From now on, copies of the record from before this moment are not read. */
  #refuse(id: RecordId, until: number): void {
    const name = nameOf(id);
    const latest = Math.max(until, this.#refused.get(name) ?? 0);
    this.#refused.delete(name);
    this.#refused.set(name, latest);
    const now = Date.now();
    for (const [other, its] of this.#refused) {
      // All copies from before have ended by then.
      if (its + this.#settings.ttl > now) break;
      this.#refused.delete(other);
    }
  }

  #refusedUntil(id: RecordId): number {
    const own = (this.#refused.size > 0 && this.#refused.get(nameOf(id))) || 0;
    let latest = own;
    for (const { scope, until } of this.#cleared.values()) if (isInScope(id, scope)) latest = Math.max(latest, until);
    return latest;
  }

  #enter(id: RecordId): Busy {
    const name = nameOf(id);
    let entry = this.#busy.get(name);
    if (!entry) {
      entry = { name, users: 0, writers: 0, begun: 0, filling: 0 };
      this.#busy.set(name, entry);
    }
    entry.users++;
    return entry;
  }

  #leave(entry: Busy): void {
    if (--entry.users === 0) this.#busy.delete(entry.name);
  }

  #report(error: unknown): void {
    callHook(this.#settings.onEvent, { type: "background-error", error });
  }

  get #bounds(): { readonly timeout: number } {
    return { timeout: this.#settings.timeout };
  }
}

function nameOf({ collection, key }: RecordId): string {
  return `${collection.length} ${collection}${key}`;
}

function byCollection(items: readonly RecordId[]): Map<string, RecordId[]>;
function byCollection<T>(items: readonly T[], idOf: (item: T) => RecordId): Map<string, T[]>;
function byCollection<T extends RecordId>(items: readonly T[], idOf = (item: T): RecordId => item): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const { collection } = idOf(item);
    const group = groups.get(collection);
    if (group) group.push(item);
    else groups.set(collection, [item]);
  }
  return groups;
}

function copyOf(record: StoredRecord | undefined, cachedAt: number) {
  if (!record) return { cached_at: cachedAt };
  const { value, createdAt, expiresAt, revision } = record;
  return { cached_at: cachedAt, record: { value, created_at: createdAt, expires_at: expiresAt, revision } };
}

function isCopy(value: JsonValue | undefined): value is JsonValue & Copy {
  return typeof value === "object" && value !== null && "cached_at" in value && typeof value.cached_at === "number";
}

function recordOf({ record }: Copy): StoredRecord | undefined {
  if (!record) return undefined;
  const { value, created_at: createdAt, expires_at: expiresAt, revision } = record;
  return { value, createdAt, expiresAt, revision: revision as Revision };
}
