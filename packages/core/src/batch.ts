/** Batches: split to the backend's limits, done one by one where the driver has none, told by key where some fail. */
import { type CallSubject, explain, stillWanted } from "./call.ts";
import {
  type Call,
  chain,
  type Driver,
  isPromise,
  type MaybePromise,
  type RecordId,
  type Settled,
  type WriteRequest,
} from "./driver/driver.ts";
import { all, settle } from "./driver/layer.ts";
import { BatchError, type BatchFailure, InvalidArgumentError, KeyValueError } from "./errors.ts";
import { checkName } from "./record.ts";

/** Of a backend that states no limit. Bounds what one exchange may hold up on the server. */
const DEFAULT_BATCH = 1000;
/** How many records of a batch are under way at a time where the driver takes them one by one. */
const AT_ONCE = 16;

/** @throws InvalidArgumentError, InvalidNameError */
export function keysOf(keys: Iterable<string>): string[] {
  if (typeof keys === "string" || typeof keys?.[Symbol.iterator] !== "function") {
    throw new InvalidArgumentError("keys must be an iterable of strings");
  }
  const list = [...keys];
  for (const key of list) checkName(key, "key");
  return list;
}

/** How many records go in one exchange. */
export function batchSize(driver: Driver, kind: "get" | "put" | "delete"): number {
  return driver.capabilities.limits?.batch?.[kind] ?? DEFAULT_BATCH;
}

export function chunksOf<T>(driver: Driver, kind: "get" | "put" | "delete", items: readonly T[]): T[][] {
  const size = batchSize(driver, kind);
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
      for (const _ of chunk) answers.push(error);
      failure = error.copy("not-applied");
    }
  }
  return answers;
}

export function getMany(driver: Driver, ids: readonly RecordId[], call: Call) {
  return driver.getMany?.(ids, call) ?? each(ids, call, (id, part) => driver.get(id, part));
}

export function putMany(
  driver: Driver,
  requests: readonly WriteRequest[],
  call: Call,
): MaybePromise<readonly Settled<void>[]> {
  return (
    driver.putMany?.(requests, call) ?? each(requests, call, ({ id, record }, part) => driver.put(id, record, part))
  );
}

export function deleteMany(driver: Driver, ids: readonly RecordId[], call: Call) {
  return driver.deleteMany?.(ids, call) ?? each(ids, call, (id, part) => driver.delete(id, part));
}

/** The batch of a driver that has none: each record on its own, some at a time. */
function each<T, R>(
  items: readonly T[],
  call: Call,
  one: (item: T, part: Call) => MaybePromise<R>,
): MaybePromise<readonly Settled<R>[]> {
  const answers: Settled<R>[] = [];
  const rest = items.entries();
  const work = (): MaybePromise<void> => {
    for (const [at, item] of rest) {
      const answer = settle(() => {
        stillWanted(call);
        return one(item, new PartOfCall(call));
      });
      if (isPromise(answer)) {
        return answer.then((settled) => {
          answers[at] = settled;
          return work();
        });
      }
      answers[at] = answer;
    }
  };
  return chain(all(Array.from({ length: AT_ONCE }, work)), () => answers);
}

/** One record's share of a call: with a signal of its own, since a hundred listeners on one look like a leak. */
class PartOfCall implements Call {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  get operation(): string {
    return this.#call.operation;
  }

  get signal(): AbortSignal {
    return AbortSignal.any([this.#call.signal]);
  }

  get deadline(): number {
    return this.#call.deadline;
  }

  get ended(): boolean {
    return this.#call.ended;
  }

  markSent(sent = true): void {
    // That this one did nothing says nothing of the others.
    if (sent) this.#call.markSent();
  }

  get onCancel(): Call["onCancel"] {
    return this.#call.onCancel?.bind(this.#call);
  }
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
