/** Read-modify-write over a driver's `swap`: one loop, and a queue so that calls of one process never contend. */
import { type OngoingCall, stillWanted } from "./call.ts";
import { type Driver, isLive, type MaybePromise, type RecordId, type StoredRecord } from "./driver/driver.ts";
import { InvalidArgumentError, InvalidCounterError, TimeoutError, UnsupportedOperationError } from "./errors.ts";
import type { JsonValue } from "./json.ts";
import { kindOf, recordName } from "./record.ts";

/** What a change makes of the record: another one, none (`undefined`), or the same as before. */
export type Change = (current: StoredRecord | undefined) => MaybePromise<StoredRecord | undefined | "unchanged">;

/** Calls of this process that change one record by reading it first, one after the other in the order of their coming. */
export class KeyQueue {
  readonly #waiting = new Map<string, { readonly call: OngoingCall; readonly start: () => void }[]>();

  /** Resolves when it is the call's turn, which lasts until the call ends; never for a call that ends before. */
  turn(id: RecordId, call: OngoingCall): MaybePromise<void> {
    const name = recordName(id);
    const waiting = this.#waiting.get(name);
    if (waiting) return new Promise((start) => waiting.push({ call, start }));
    this.#waiting.set(name, []);
    call.onEnd = () => this.#next(name);
    return undefined;
  }

  #next(name: string): void {
    const waiting = this.#waiting.get(name);
    for (let first = waiting?.shift(); first; first = waiting?.shift()) {
      if (first.call.ended) continue;
      first.call.onEnd = () => this.#next(name);
      first.start();
      return;
    }
    this.#waiting.delete(name);
  }
}

/**
 * Changes a record atomically: reads, changes and swaps until no other writer came between.
 * @param sentAtOnce whether a swap is sent as soon as it is asked for: then nobody else marks it
 */
export async function modify(
  driver: Driver,
  id: RecordId,
  call: OngoingCall,
  change: Change,
  sentAtOnce: boolean,
): Promise<void> {
  let current = liveOrNone(driver, await driver.get(id, call));
  for (;;) {
    const next = await change(current);
    stillWanted(call);
    if (next === "unchanged" || (next === undefined && current === undefined)) return;
    if (sentAtOnce) call.markSent();
    const result = await swap(driver, id, current?.revision ?? "absent", next, call);
    if (result.swapped) return;
    call.markSent(false);
    // A driver that answers without promises would keep the timer of the deadline from firing.
    if (call.ended || performance.now() >= call.deadline) {
      throw new TimeoutError("other writers were faster until the deadline", { outcome: "not-applied" });
    }
    current = result.current;
  }
}

export function swap(driver: Driver, ...args: Parameters<NonNullable<Driver["swap"]>>) {
  if (!driver.swap) throw new UnsupportedOperationError(`${driver.name} has no atomic operations`);
  return driver.swap(...args);
}

/** The record, unless it has expired by this process' clock; a backend with expiry of its own has seen to that. */
export function liveOrNone(driver: Driver, record: StoredRecord | undefined): StoredRecord | undefined {
  return record === undefined || driver.capabilities.nativeExpiry || isLive(record) ? record : undefined;
}

/** What a counter becomes. @throws InvalidArgumentError, InvalidCounterError */
export function sumOf(current: JsonValue, by: unknown): number {
  if (typeof by !== "number" || !Number.isFinite(by)) {
    throw new InvalidArgumentError(`a counter changes by a finite number, not by ${kindOf(by)}`);
  }
  if (typeof current !== "number") throw new InvalidCounterError("the stored value is not a number");
  const sum = current + by;
  const exact = Number.isInteger(current) && Number.isInteger(by) ? Number.isSafeInteger(sum) : Number.isFinite(sum);
  if (!exact) throw new InvalidCounterError("the sum would leave the range of exact numbers");
  return sum + 0;
}
