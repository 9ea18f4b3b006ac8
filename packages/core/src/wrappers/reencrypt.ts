/** Rewrites what is stored under an old key, or in plaintext. */
import { defineLayer, forward, type Layer } from "../driver/layer.ts";
import { asKeyValueError, InvalidArgumentError, KeyValueError } from "../errors.ts";
import { timeoutOf } from "../record.ts";
import type { KeyValueStore } from "../store.ts";
import { checkOptions } from "./options.ts";

export interface ReencryptOptions {
  /** The last collection that was done: begins after it. */
  readonly after?: string | undefined;
  /** How many records are rewritten at a time. Default: 8. */
  readonly concurrency?: number | undefined;
  /** Of each exchange, as everywhere. */
  readonly timeout?: number | string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ReencryptProgress {
  readonly collection: string;
  /** Whether all records of the collection have been looked at: then `after` may begin behind it. */
  readonly done: boolean;
  /** Records of this collection so far. Those under the current key need nothing. */
  readonly current: number;
  readonly rewritten: number;
  /** What could not be rewritten since the last report, most often read: such records stay as they are. */
  readonly failures: readonly { readonly key: string; readonly error: KeyValueError }[];
}

/**
 * Walks through a store under `encryption` or `fernetEncryption` and encrypts anew, with the first key, whatever lies
 * under another one or, with `acceptPlaintext`, in plaintext. Other wrappers may be around it. Values, times to live and
 * creation times stay; each record is swapped by its revision, so that no write of anybody else is lost.
 *
 * Goes through the collections in the order of their names, and reports after each few records. May be ended at any time
 * and begun again: what is under the current key is only read. Where it has ended without failures and nobody writes
 * with the old key any more, that key can go.
 * @throws InvalidArgumentError, and what enumerating throws
 */
export function reencrypt(
  store: KeyValueStore<"atomic" | "enumerate">,
  options: ReencryptOptions = {},
): AsyncGenerator<ReencryptProgress, void, undefined> {
  checkOptions(options, "reencrypt");
  const { concurrency = 8, timeout } = options;
  if (!store.layers.some((name) => name === "encryption" || name === "fernetEncryption")) {
    throw new InvalidArgumentError("reencrypt needs a store under encryption or fernetEncryption");
  }
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new InvalidArgumentError("concurrency must be a whole number, at least 1");
  }
  if (timeout !== undefined) timeoutOf(timeout);
  return walk(store, concurrency, options);
}

async function* walk(
  store: KeyValueStore<"atomic" | "enumerate">,
  concurrency: number,
  { after, timeout, signal }: ReencryptOptions,
): AsyncGenerator<ReencryptProgress, void, undefined> {
  const call = { timeout, signal };
  const names: string[] = [];
  for await (const name of store.collections(call)) if (after === undefined || name > after) names.push(name);
  for (const name of names.sort()) {
    const found: Found = { current: 0, failures: [] };
    const collection = store.collection(name);
    let rewritten = 0;
    const rewrite = async (keys: readonly string[]): Promise<ReencryptProgress> => {
      await Promise.all(
        keys.map(async (key) => {
          try {
            const value = await collection.update(key, (value) => value, { ...call, keepTtl: true });
            if (value !== undefined) rewritten++;
          } catch (error) {
            if (signal?.aborted) throw error;
            found.failures.push({ key, error: asKeyValueError(error) });
          }
        }),
      );
      return { collection: name, done: false, current: found.current, rewritten, failures: found.failures.splice(0) };
    };
    let keys: string[] = [];
    for await (const { key } of store.with(outdatedOnly(found)).collection(name).entries(call)) {
      if (keys.push(key) < concurrency) continue;
      yield await rewrite(keys);
      keys = [];
    }
    yield { ...(await rewrite(keys)), done: true };
  }
}

interface Found {
  current: number;
  readonly failures: { readonly key: string; readonly error: KeyValueError }[];
}

/** Lists what is to be rewritten alone, and notes the rest. */
function outdatedOnly(found: Found): Layer {
  return defineLayer("outdatedOnly", (inner) => {
    const { list } = forward(inner, {});
    return forward(inner, {
      list:
        list &&
        (async (scope, options, call) => {
          const { items, next } = await list(scope, options, call);
          const outdated = items.filter(({ key, record }) => {
            if (record instanceof KeyValueError) {
              found.failures.push({ key, error: record });
              return false;
            }
            if (record?.outdated) return true;
            found.current++;
            return false;
          });
          return { items: outdated, next };
        }),
    });
  });
}
