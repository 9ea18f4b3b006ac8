/** How much goes into one batch, and what batches leave undone: DynamoDB does not apply what would be too much for it. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type KeyValueError, StoreUnavailableError } from "@kv/core";
import { asKeyValueError, type Call } from "@kv/core/driver";
import type { Item } from "./items.ts";

/** Of a BatchWriteItem. */
const MOST_WRITES = 25;
/** Of a request, in bytes. */
const REQUEST_BYTES = 16 * 1024 * 1024;

/** The longest first pause, doubled for each one after it, and the longest of all. In milliseconds. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1000;

/** What was not done in the end, and why. */
export interface Undone<T> {
  readonly items: readonly T[];
  readonly error: KeyValueError;
}

/**
 * Sends a batch, then what of it was left unprocessed, after a random pause that grows exponentially ("full jitter"),
 * for as long as there is time in the call.
 * @param send sends the items and gives those that were left unprocessed
 * @returns nothing where all was done. Rejects where the first request failed, which leaves all of them undone.
 */
export async function untilProcessed<T>(
  items: readonly T[],
  call: Call,
  send: (items: readonly T[]) => Promise<readonly T[]>,
): Promise<Undone<T> | undefined> {
  let began = performance.now();
  let rest = await send(items);
  for (let longest = FIRST_PAUSE; rest.length > 0; longest = Math.min(longest * 2, LONGEST_PAUSE)) {
    const now = performance.now();
    const pause = Math.random() * longest;
    // The next answer may take as long as the last.
    if (now + pause + (now - began) >= call.deadline) {
      const error = new StoreUnavailableError("DynamoDB left the record unprocessed for want of capacity", {
        outcome: "not-applied",
      });
      return { items: rest, error };
    }
    try {
      await sleep(pause, undefined, { signal: call.signal });
      began = performance.now();
      rest = await send(rest);
    } catch (error) {
      return { items: rest, error: asKeyValueError(error) };
    }
  }
  return undefined;
}

/** As many items as one request may hold, which are fewer where they are large. */
export function groupsOf(items: readonly Item[]): Item[][] {
  const groups: Item[][] = [];
  let room = 0;
  for (const item of items) {
    // In the request the text is JSON inside JSON, in which no character takes more than three bytes. The rest is little.
    const size = (item.value?.S?.length ?? 0) * 3 + 20_000;
    room -= size;
    if (room < 0 || groups.at(-1)?.length === MOST_WRITES) {
      groups.push([]);
      room = REQUEST_BYTES - size;
    }
    groups.at(-1)?.push(item);
  }
  return groups;
}

/** Does it for all at once, and ends when all have ended. Rejects with the first error. */
export async function allOf<T>(call: Call, items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  // Each request listens to the signal.
  setMaxListeners(0, call.signal);
  const results = await Promise.allSettled(items.map(act));
  const failed = results.find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
}
