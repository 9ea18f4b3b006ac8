/** The near store, and what may be read from it and kept in it. */
import type { MaybePromise, RecordId, Scope, Settled, StoredRecord, StoreEvent } from "../../driver/driver.ts";
import { KeyValueError } from "../../errors.ts";
import type { JsonValue } from "../../json.ts";
import type { KeyValueStore } from "../../store.ts";
import { recordOf } from "../kept-record.ts";
import { callHook } from "../options.ts";
import { BusyRecords } from "./busy-records.ts";
import { copyOf, isCopy } from "./copy.ts";
import { Refusals } from "./refusals.ts";

interface Settings {
  readonly ttl: number;
  readonly missTtl: number | undefined;
  readonly timeout: number;
  readonly onEvent: ((event: StoreEvent) => void) | undefined;
}

interface Kept {
  readonly id: RecordId;
  readonly copy: ReturnType<typeof copyOf>;
  readonly expiresAt: number;
}

export class NearCopies {
  readonly #near: KeyValueStore<"write">;
  readonly #settings: Settings;
  readonly #busy = new BusyRecords();
  readonly #refusals: Refusals;
  #clearing = 0;
  #clears = 0;

  constructor(near: KeyValueStore<"write">, settings: Settings) {
    this.#near = near;
    this.#settings = settings;
    this.#refusals = new Refusals(settings.ttl);
  }

  /** In the order of the names; `undefined` where the far store has to be asked. */
  async get(ids: readonly RecordId[]): Promise<({ readonly record: StoredRecord | undefined } | undefined)[]> {
    const found = new Map<RecordId, JsonValue | undefined>();
    const asked = this.#clearing > 0 ? [] : ids.filter((id) => !this.#busy.isWritten(id));
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
      if (!isCopy(copy) || copy.cached_at <= this.#refusals.until(id)) return undefined;
      return { record: copy.record && recordOf(copy.record) };
    });
  }

  /** A reading from the far store that begins now. */
  reading(ids: readonly RecordId[]) {
    const began = Date.now();
    const clears = this.#clears;
    const entries = ids.map((id) => this.#busy.enter(id));
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
        for (const entry of entries) this.#busy.leave(entry);
      },
    };
  }

  /** A write that begins now: until it has ended, nothing is read from the near store, and nothing kept. */
  writing(ids: readonly RecordId[]) {
    const entries = ids.map((id) => this.#busy.enter(id));
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
            this.#refusals.refuse(id, now + this.#settings.ttl);
          } else if (entry && entry.filling > 0) {
            this.#refusals.refuse(id, now);
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
          this.#busy.leave(entry);
        }
      },
    };
  }

  /** One step of clearing. */
  async clearing<T>(scope: Scope, step: () => MaybePromise<T>): Promise<T> {
    this.#clearing++;
    this.#clears++;
    // A step that fails may be done at any time from then on.
    let later = this.#settings.ttl;
    try {
      const answer = await step();
      later = 0;
      return answer;
    } finally {
      this.#clearing--;
      this.#refusals.refuseAll(scope, Date.now() + later);
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
    const entries = group.map(({ id }) => this.#busy.enter(id));
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
      for (const { id } of group) this.#refusals.refuse(id, Date.now());
      this.#report(error);
    } finally {
      for (const entry of entries) {
        entry.filling--;
        this.#busy.leave(entry);
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
        for (const id of group) this.#refusals.refuse(id, now);
        this.#report(error);
      }
    }
  }

  #report(error: unknown): void {
    callHook(this.#settings.onEvent, { type: "background-error", error });
  }

  get #bounds(): { readonly timeout: number } {
    return { timeout: this.#settings.timeout };
  }
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
