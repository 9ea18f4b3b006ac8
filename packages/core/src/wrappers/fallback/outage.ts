/** The second store, and what it has that the first one lacks. */
import { stillWanted } from "../../call.ts";
import {
  type Call,
  type Driver,
  isLive,
  type Operation,
  type RecordId,
  type StoredRecord,
} from "../../driver/driver.ts";
import { settle } from "../../driver/layer.ts";
import { asKeyValueError, type KeyValueError } from "../../errors.ts";
import { recordName } from "../../record.ts";
import type { KeyValueStore } from "../../store.ts";
import { callHook } from "../options.ts";
import { isLeft, type Left, leftOf, liveRecordOf } from "./left.ts";

export type FallbackEvent =
  /** The second store answered, since the first one failed by this error. */
  | { readonly type: "fallback"; readonly operation: Operation; readonly error: KeyValueError }
  /** What was written in an outage is in the first store again; `kept`: what is there is newer, and stayed. */
  | { readonly type: "replayed"; readonly id: RecordId; readonly kept: boolean };

export interface Replayed {
  /** Records that were written, or deleted, in the first store. */
  readonly applied: number;
  /** Those of which the first store has a newer one, which stayed. */
  readonly kept: number;
}

type OnEvent = ((event: FallbackEvent) => void) | undefined;

export class Outage {
  readonly primary: Driver;
  readonly #secondary: KeyValueStore<"write">;
  readonly #onEvent: OnEvent;
  /** What this process has left in the second store, by name. */
  readonly #left = new Map<string, RecordId>();
  /** The last step under way of each name: they are taken one after the other. */
  readonly #steps = new Map<string, Promise<unknown>>();

  constructor(primary: Driver, secondary: KeyValueStore<"write">, onEvent: OnEvent) {
    this.primary = primary;
    this.#secondary = secondary;
    this.#onEvent = onEvent;
  }

  get left(): Iterable<RecordId> {
    return this.#left.values();
  }

  /** @throws the failure where the second store knows nothing of the record, either */
  async read(operation: Operation, id: RecordId, call: Call, failure: unknown): Promise<StoredRecord | undefined> {
    const error = outageOf(failure);
    stillWanted(call);
    const found = await settle(() => this.#records(id).get(id.key));
    if (!isLeft(found)) throw error;
    callHook(this.#onEvent, { type: "fallback", operation, error });
    return liveRecordOf(found);
  }

  /** @throws the failure where the first store may have the record */
  async put(
    operation: Operation,
    { id, record }: { id: RecordId; record: StoredRecord },
    call: Call,
    failure: unknown,
  ) {
    const error = outageOf(failure, "not-applied");
    await this.#step(id, () => {
      stillWanted(call);
      return this.#leave(id, record);
    });
    callHook(this.#onEvent, { type: "fallback", operation, error });
  }

  /** @throws the failure where nobody can tell whether there is a record, or it may have been deleted */
  async delete(operation: Operation, id: RecordId, call: Call, failure: unknown): Promise<boolean> {
    const error = outageOf(failure, "not-applied");
    const found = await this.#step(id, async () => {
      stillWanted(call);
      const left = await settle(() => this.#records(id).get(id.key));
      if (!isLeft(left)) throw error;
      const there = liveRecordOf(left) !== undefined;
      if (there) await this.#leave(id, undefined);
      return there;
    });
    callHook(this.#onEvent, { type: "fallback", operation, error });
    return found;
  }

  /** Brings what there is left of these records to the first store. @throws where that fails still */
  async settle(ids: Iterable<RecordId>, call: Call): Promise<void> {
    if (this.#left.size === 0) return;
    try {
      for (const id of [...ids]) if (this.#left.has(recordName(id))) await this.#replay(id, call);
    } catch (error) {
      // What it is for has not begun.
      throw asKeyValueError(error).copy("not-applied");
    }
  }

  async replayAll(newCall: () => Call): Promise<Replayed> {
    const all = new Map(this.#left);
    const secondary: KeyValueStore<never> = this.#secondary;
    if (secondary.can("enumerate")) {
      for await (const collection of secondary.collections()) {
        for await (const key of secondary.collection(collection).keys()) {
          const id = { collection, key };
          all.set(recordName(id), id);
        }
      }
    }
    const counts = { applied: 0, kept: 0 };
    for (const id of all.values()) {
      const done = await this.#replay(id, newCall());
      if (done) counts[done]++;
    }
    return counts;
  }

  #replay(id: RecordId, call: Call): Promise<keyof Replayed | undefined> {
    return this.#step(id, async () => {
      const entry = await this.#records(id).getEntry(id.key);
      const left = entry?.value;
      let done: keyof Replayed | undefined;
      if (isLeft(left)) {
        done = await this.#write(id, left, call);
        await this.#records(id).delete(id.key);
        callHook(this.#onEvent, { type: "replayed", id, kept: done === "kept" });
      }
      this.#left.delete(recordName(id));
      return done;
    });
  }

  async #write(id: RecordId, left: Left, call: Call): Promise<keyof Replayed> {
    const { primary } = this;
    const record = liveRecordOf(left);
    let current = await primary.get(id, call);
    for (;;) {
      stillWanted(call);
      if (current && !primary.capabilities.nativeExpiry && !isLive(current)) current = undefined;
      // An earlier attempt, whose answer was lost.
      if (current?.revision === record?.revision) return "applied";
      if (current && (current.createdAt ?? 0) > left.written_at) return "kept";
      if (!primary.swap) {
        if (record) await primary.put(id, record, call);
        else await primary.delete(id, call);
        return "applied";
      }
      const result = await primary.swap(id, current?.revision ?? "absent", record, call);
      if (result.swapped) return "applied";
      current = result.current;
    }
  }

  async #leave(id: RecordId, record: StoredRecord | undefined): Promise<void> {
    // Without its expiry: when it ends, the older record in the first store must not come back.
    await this.#records(id).put(id.key, leftOf(record));
    this.#left.set(recordName(id), id);
  }

  #records(id: RecordId) {
    return this.#secondary.collection(id.collection);
  }

  /** One after the other, of one record. */
  #step<T>(id: RecordId, run: () => Promise<T>): Promise<T> {
    const name = recordName(id);
    const step = (this.#steps.get(name) ?? Promise.resolve()).then(run, run);
    this.#steps.set(name, step);
    const end = (): void => {
      if (this.#steps.get(name) === step) this.#steps.delete(name);
    };
    step.then(end, end);
    return step;
  }
}

/** The error of an outage. @throws any other, and one of a write that may have been applied */
function outageOf(failure: unknown, outcome?: "not-applied"): KeyValueError {
  const error = asKeyValueError(failure);
  const isOutage = error.code === "UNAVAILABLE" || error.code === "TIMEOUT";
  if (!isOutage || (outcome && error.outcome !== outcome)) throw error;
  return error;
}
