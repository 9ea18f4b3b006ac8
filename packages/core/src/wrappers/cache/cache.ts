/** A near store before a far one, so that what was read lately is read without a way to go. */
import { getMany } from "../../batch.ts";
import { stillWanted } from "../../call.ts";
import { requireCapabilities } from "../../capabilities.ts";
import type { Call, Driver, MaybePromise, RecordId, Settled, StoredRecord, StoreEvent } from "../../driver/driver.ts";
import { defineLayer, forward, type Layer } from "../../driver/layer.ts";
import { asKeyValueError, InvalidArgumentError, KeyValueError } from "../../errors.ts";
import { type Duration, timeoutOf } from "../../record.ts";
import { KeyValueStore } from "../../store.ts";
import { functionOf, ttlOf } from "../options.ts";
import { NearCopies } from "./near-copies.ts";

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
