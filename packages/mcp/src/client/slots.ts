/** The records of one kind, by id; knows which of them were given to somebody who may find them rejected. */
import { type Collection, CorruptRecordError, type Revision } from "@kv/core";
import { copyJson } from "@kv/core/driver";

export interface SlotOptions<T> {
  /** Begins the key of each record. */
  readonly kind: string;
  /** Whether what was read is what this release writes; else it counts as absent. */
  readonly accepts: (value: unknown) => value is T;
  /** How long a record stays, in seconds. */
  readonly ttl: number;
  /** Told of records that cannot be read: they count as absent. */
  readonly onError: (error: CorruptRecordError) => void;
}

/** So many revisions of a record are remembered: more than can be under way at once. */
const REMEMBERED = 16;

export class Slots<T> {
  readonly #records: Collection<"write" | "atomic">;
  readonly #options: SlotOptions<T>;
  /** For each id, the revisions that were handed out and not settled since, oldest first. */
  readonly #handedOut = new Map<string, Set<Revision>>();

  constructor(records: Collection<"write" | "atomic">, options: SlotOptions<T>) {
    this.#records = records;
    this.#options = options;
  }

  async get(id: string): Promise<T | undefined> {
    return (await this.#entry(id))?.value;
  }

  /** As {@link get}, to somebody who may come back with {@link reject}. */
  async handOut(id: string): Promise<T | undefined> {
    const entry = await this.#entry(id);
    if (entry === undefined) return undefined;
    const revisions = this.#handedOut.get(id) ?? new Set();
    this.#handedOut.set(id, revisions.add(entry.revision));
    const [oldest] = revisions;
    if (revisions.size > REMEMBERED && oldest !== undefined) revisions.delete(oldest);
    return entry.value;
  }

  async put(id: string, value: T, ttl = this.#options.ttl): Promise<void> {
    await this.#records.put(this.#key(id), copyJson(value), { ttl });
    this.#handedOut.delete(id);
  }

  /** Replaces the value by what `change` makes of it. */
  async update(id: string, change: (current: T | undefined) => T): Promise<void> {
    const { ttl } = this.#options;
    try {
      await this.#records.update(this.#key(id), (current) => copyJson(change(this.#accepted(current))), { ttl });
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error;
      this.#options.onError(error);
      await this.put(id, change(undefined));
    }
    this.#handedOut.delete(id);
  }

  /** Deletes the record and gives its value: of several callers, one gets it. */
  async take(id: string): Promise<T | undefined> {
    return this.#accepted(await this.#readable(() => this.#records.take(this.#key(id))));
  }

  async delete(id: string): Promise<void> {
    await this.#records.delete(this.#key(id));
    this.#handedOut.delete(id);
  }

  /** Deletes the record where it is one of these, unless somebody changes it meanwhile. */
  async deleteIf(id: string, isMeant: (value: T) => boolean): Promise<void> {
    const entry = await this.#entry(id);
    if (entry && isMeant(entry.value)) await this.#records.compareAndDelete(this.#key(id), entry.revision);
  }

  /**
   * What was handed out is of no use: deletes it, unless somebody has written anew since. Of several revisions the oldest
   * is meant, since it is the likelier one to be outdated; who had the younger one comes back as well.
   */
  async reject(id: string): Promise<void> {
    const revisions = this.#handedOut.get(id);
    const [oldest] = revisions ?? [];
    if (oldest === undefined) return;
    revisions?.delete(oldest);
    await this.#records.compareAndDelete(this.#key(id), oldest);
  }

  async #entry(id: string): Promise<{ readonly value: T; readonly revision: Revision } | undefined> {
    const entry = await this.#readable(() => this.#records.getEntry(this.#key(id)));
    const value = this.#accepted(entry?.value);
    return entry && value && { value, revision: entry.revision };
  }

  async #readable<R>(read: () => Promise<R>): Promise<R | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error;
      this.#options.onError(error);
      return undefined;
    }
  }

  #accepted(value: unknown): T | undefined {
    return this.#options.accepts(value) ? value : undefined;
  }

  #key(id: string): string {
    return `${this.#options.kind}/${id}`;
  }
}
