/** Answers in the store: found, kept, and made once for all processes. A failure of the store is told, never thrown. */
import {
  BatchError,
  type Collection,
  CorruptRecordError,
  type Duration,
  type Entry,
  type JsonObject,
  type JsonValue,
  type Revision,
} from "@kv/core";
import { expiryOf } from "@kv/core/driver";
import { isRecord } from "../context.ts";
import { type Asked, holds, INVALIDATIONS, type Invalidations, isStamp, type Stamp } from "./invalidations.ts";

/** What the store knows about a request. */
export interface Found {
  /** The answer, if one may be given. */
  readonly answer?: Kept;
  /** For the answer that is made now; absent where the store cannot be asked, so that trying again would cost time. */
  readonly stamp?: Stamp;
  /** Of an answer that is there, and out of date. */
  readonly outdated?: Revision;
}

export interface Kept {
  readonly result: JsonObject;
  readonly stamp: Stamp;
  /** How long it is still kept, in milliseconds. */
  readonly remaining: number;
}

/** An answer to be kept. */
export interface New {
  readonly result: JsonValue;
  readonly stamp: Stamp;
  /** How long the answer itself says that it may be used, in milliseconds. */
  readonly own: number | undefined;
}

interface Once {
  /** In milliseconds. */
  readonly lease: number;
  readonly outdated: Revision | undefined;
  run(): Promise<unknown>;
  readonly failed: Failed;
}

/** Where a call tells of a failure. */
export type Failed = (error: unknown) => void;

export class Answers {
  readonly #records: Collection<"write">;
  readonly #invalidations: Invalidations;
  readonly #timeout: number;

  constructor(records: Collection<"write">, invalidations: Invalidations, timeout: number) {
    this.#records = records;
    this.#invalidations = invalidations;
    this.#timeout = timeout;
  }

  async find(key: string, asked: Asked, failed: Failed): Promise<Found> {
    try {
      if (this.#invalidations.pending) await this.#invalidations.write();
      const [entry, state] = await this.#read(key, failed);
      const kept = keptOf(entry);
      if (kept && holds(kept.stamp, asked, state)) return { answer: kept, stamp: kept.stamp };
      const stamp = await this.#invalidations.stampOf(state);
      return entry ? { stamp, outdated: entry.revision } : { stamp };
    } catch (error) {
      failed(error);
      return {};
    }
  }

  /** Whether it was stored. */
  async keep(key: string, { result, stamp, own }: New, ttl: Duration, failed: Failed): Promise<boolean> {
    const now = Date.now();
    const expiresAt = Math.min(expiryOf({ ttl }, now) ?? 0, now + (own ?? Number.POSITIVE_INFINITY));
    if (expiresAt <= now) return false;
    try {
      await this.#records.put(key, { result, stamp }, { expiresAt, timeout: this.#timeout });
      return true;
    } catch (error) {
      failed(error);
      return false;
    }
  }

  /**
   * Lets `run`, which keeps what it makes, go in one process at a time.
   * @returns what another process has kept meanwhile; `undefined` where this one has run or has to
   */
  async once(
    asked: Asked & { readonly key: string },
    { lease, outdated, run, failed }: Once,
  ): Promise<Kept | undefined> {
    const records = this.#records;
    if (!records.can("atomic")) return undefined;
    let ran = false;
    // Keeps what it makes by itself: what it returned would be kept whatever it is.
    const make = async (): Promise<undefined> => {
      ran = true;
      await run().catch(() => {});
    };
    try {
      if (outdated) await records.compareAndDelete(asked.key, outdated, { timeout: this.#timeout });
      await records.getOrSet(asked.key, make, { timeout: lease });
    } catch (error) {
      // A run that takes longer than the lease is no failure.
      if (!ran) failed(error);
      return undefined;
    }
    return ran ? undefined : (await this.find(asked.key, asked, failed)).answer;
  }

  /** Whether an answer with this stamp may be given to who asked since; also where the store cannot tell. */
  async stillHolds(stamp: Stamp, asked: Asked, failed: Failed): Promise<boolean> {
    try {
      return await this.#invalidations.stillHolds(stamp, asked);
    } catch (error) {
      failed(error);
      return !this.#invalidations.pending;
    }
  }

  /** The answer's record and the state of invalidations. @throws where the latter cannot be known */
  async #read(key: string, failed: Failed): Promise<readonly [Entry<JsonValue> | undefined, JsonValue | undefined]> {
    try {
      const [entry, state] = await this.#records.getEntries([key, INVALIDATIONS], { timeout: this.#timeout });
      return [entry, state?.value];
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      const unreadable = error.failures.filter((one) => one.error instanceof CorruptRecordError);
      if (unreadable.length < error.failures.length) throw error.cause;
      // What cannot be read is replaced.
      failed(error.cause);
      if (unreadable.some(({ index }) => index === 1)) await this.#invalidations.begin();
      return [undefined, await this.#records.get(INVALIDATIONS, { timeout: this.#timeout })];
    }
  }
}

function keptOf(entry: Entry<JsonValue> | undefined): Kept | undefined {
  if (!isRecord(entry?.value)) return undefined;
  const { result, stamp } = entry.value;
  if (!isRecord(result) || !isStamp(stamp)) return undefined;
  return { result, stamp, remaining: Math.floor((entry.ttl ?? 0) * 1000) };
}
