/** What the chapters share: operations as data, calls that the compiler would refuse, waiting by the clock. */
import type { Capability } from "../capabilities.ts";
import { ok } from "./assertions.ts";
import type { Settings } from "./property.ts";

/** A method of a collection, and arguments that it takes. */
export interface OperationCase {
  readonly method: string;
  readonly needs: Capability | undefined;
  readonly writes: boolean;
  /** Good arguments, for this key. */
  args(key: unknown): readonly unknown[];
}

/** All methods of a collection that take a key or several. */
export const keyOperations: readonly OperationCase[] = [
  { method: "get", needs: undefined, writes: false, args: (key) => [key] },
  { method: "has", needs: undefined, writes: false, args: (key) => [key] },
  { method: "getMany", needs: undefined, writes: false, args: (key) => [["a", key]] },
  { method: "getEntry", needs: undefined, writes: false, args: (key) => [key] },
  { method: "getEntries", needs: undefined, writes: false, args: (key) => [["a", key]] },
  { method: "put", needs: "write", writes: true, args: (key) => [key, 1] },
  { method: "putMany", needs: "write", writes: true, args: (key) => [[{ key, value: 1 }]] },
  { method: "delete", needs: "write", writes: true, args: (key) => [key] },
  { method: "deleteMany", needs: "write", writes: true, args: (key) => [["a", key]] },
  { method: "getOrSet", needs: "write", writes: true, args: (key) => [key, () => 1] },
  { method: "putIfAbsent", needs: "atomic", writes: true, args: (key) => [key, 1] },
  { method: "take", needs: "atomic", writes: true, args: (key) => [key] },
  { method: "compareAndSwap", needs: "atomic", writes: true, args: (key) => [key, "r", 1] },
  { method: "compareAndDelete", needs: "atomic", writes: true, args: (key) => [key, "r"] },
  { method: "increment", needs: "atomic", writes: true, args: (key) => [key, 1] },
  { method: "touch", needs: "atomic", writes: true, args: (key) => [key, 60] },
  { method: "update", needs: "atomic", writes: true, args: (key) => [key, () => 1] },
];

/** The other methods of a collection. */
export const collectionOperations: readonly OperationCase[] = [
  { method: "keys", needs: "enumerate", writes: false, args: () => [] },
  { method: "entries", needs: "enumerate", writes: false, args: () => [] },
  { method: "clear", needs: "clear", writes: true, args: () => [] },
];

/** The methods that only a store has. */
export const storeOperations: readonly OperationCase[] = [
  { method: "ping", needs: undefined, writes: false, args: () => [] },
  { method: "collections", needs: "enumerate", writes: false, args: () => [] },
  { method: "clearAll", needs: "clear", writes: true, args: () => [] },
  { method: "cull", needs: "clear", writes: true, args: () => [] },
];

/**
 * Calls a method as JavaScript does, without the compiler: with wrong arguments, or where a capability lacks. What is
 * an enumeration is read to its end. Throws where the method throws instead of rejecting.
 */
export function call(target: object, method: string, ...args: readonly unknown[]): Promise<unknown> {
  const found: unknown = Reflect.get(target, method);
  ok(typeof found === "function", `${method} is a method`);
  const answer: unknown = Reflect.apply(found, target, args);
  return isAsyncIterable(answer) ? collect(answer) : Promise.resolve(answer);
}

/** So many keys: `key 0`, `key 1` … */
export function keysTo(count: number, name = "key"): string[] {
  return Array.from({ length: count }, (_, at) => `${name} ${at}`);
}

/** All that an enumeration gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The keys of these entries, in their order. */
export function keysOf(entries: readonly { readonly key: string }[]): string[] {
  return entries.map(({ key }) => key);
}

/** Runs all, but not more than so many at a time. */
export async function each<T>(
  items: readonly T[],
  run: (item: T, at: number) => Promise<unknown>,
  width = 64,
): Promise<void> {
  const rest = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of rest) await run(item, at);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** A call to be waited for later, whose failure until then is no unhandled rejection: that would end the process. */
export function underWay<T>(call: Promise<T>): Promise<T> {
  call.catch(() => {});
  return call;
}

/** Resolves when `Date.now()` has come to the moment: timers may fire a little early. */
export async function until(moment: number): Promise<void> {
  for (let left = moment - Date.now(); left > 0; left = moment - Date.now()) {
    await new Promise((resolve) => setTimeout(resolve, left));
  }
}

/** A call with the moments between which it happened, in milliseconds since the epoch. */
export interface Stamped<T> {
  readonly answer: T;
  readonly before: number;
  readonly after: number;
}

export async function stamped<T>(run: () => Promise<T>): Promise<Stamped<T>> {
  const before = Date.now();
  const answer = await run();
  return { answer, before, after: Date.now() };
}

/**
 * Tries with a time to live in milliseconds, and with twice that as long as the machine was too slow for it to tell
 * anything. A fault fails at once: `attempt` throws then.
 */
export async function conclusive(settings: Settings, attempt: (ttl: number) => Promise<boolean>): Promise<void> {
  let ttl = 150 * settings.timeScale;
  for (let tries = 0; tries < 6; tries++, ttl *= 2) if (await attempt(ttl)) return;
  ok(false, `the answers came too late to tell anything, also with a TTL of ${ttl / 2} ms`);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
