/** Batches: split to the backend's limits, done one by one where the driver has none, told by key where some fail. */
import { type CallSubject, explain } from "./call.ts";
import type { Call, Driver, MaybePromise, RecordId, Settled, WriteRequest } from "./driver/driver.ts";
import { all, settle } from "./driver/layer.ts";
import { BatchError, type BatchFailure, InvalidArgumentError, KeyValueError } from "./errors.ts";
import { checkName } from "./record.ts";

/** Of a backend that states no limit. Bounds what one exchange may hold up on the server. */
const DEFAULT_BATCH = 1000;

/** @throws InvalidArgumentError, InvalidNameError */
export function keysOf(keys: Iterable<string>): string[] {
  if (typeof keys === "string" || typeof keys?.[Symbol.iterator] !== "function") {
    throw new InvalidArgumentError("keys must be an iterable of strings, such as an array");
  }
  const list = [...keys];
  for (const key of list) checkName(key, "key");
  return list;
}

export function chunksOf<T>(driver: Driver, items: readonly T[]): T[][] {
  const size = driver.capabilities.limits?.batch ?? DEFAULT_BATCH;
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}

/**
 * The answers to all items, in order, chunk after chunk. A chunk that fails as a whole ends the batch: what follows is
 * not sent, and fails with the same error.
 */
export async function runChunks<T, R>(
  chunks: readonly (readonly T[])[],
  run: (chunk: readonly T[]) => Promise<readonly Settled<R>[]>,
): Promise<Settled<R>[]> {
  const answers: Settled<R>[] = [];
  let failure: KeyValueError | undefined;
  for (const chunk of chunks) {
    if (failure) {
      for (const _ of chunk) answers.push(failure);
      continue;
    }
    try {
      answers.push(...(await run(chunk)));
    } catch (error) {
      if (chunks.length === 1 || !(error instanceof KeyValueError)) throw error;
      failure = error;
      for (const _ of chunk) answers.push(error);
    }
  }
  return answers;
}

export function getMany(driver: Driver, ids: readonly RecordId[], call: Call) {
  return driver.getMany?.(ids, call) ?? all(ids.map((id) => settle(() => driver.get(id, call))));
}

export function putMany(
  driver: Driver,
  requests: readonly WriteRequest[],
  call: Call,
): MaybePromise<readonly Settled<void>[]> {
  return (
    driver.putMany?.(requests, call) ??
    all(requests.map(({ id, record }) => settle(() => driver.put(id, record, call))))
  );
}

export function deleteMany(driver: Driver, ids: readonly RecordId[], call: Call) {
  return driver.deleteMany?.(ids, call) ?? all(ids.map((id) => settle(() => driver.delete(id, call))));
}

/** The answers, none of which is an error. @throws BatchError */
export function successes<R>(subject: CallSubject, keys: readonly string[], answers: readonly Settled<R>[]): R[] {
  const failures: BatchFailure[] = [];
  const results: (R | undefined)[] = [];
  const good: R[] = [];
  for (const [index, answer] of answers.entries()) {
    if (answer instanceof KeyValueError) {
      failures.push({ index, key: keys[index] ?? "", error: answer });
      results.push(undefined);
    } else {
      results.push(answer);
      good.push(answer);
    }
  }
  if (failures.length > 0) throw explain(new BatchError(failures, results), subject);
  return good;
}
