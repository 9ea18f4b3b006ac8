/** JSON values: their types, the check that a value is one, and copies. */
import { InvalidValueError } from "./errors.ts";

export type JsonPrimitive = null | boolean | number | string;
export type JsonValue = JsonPrimitive | JsonObject | readonly JsonValue[];
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

type NotJson =
  | bigint
  | symbol
  | ((...args: never) => unknown)
  | Date
  | RegExp
  | Error
  | PromiseLike<unknown>
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ArrayBuffer
  | ArrayBufferView;

/**
 * `T` where it is JSON, interfaces included; what is not becomes `never`, so that `value: T & Jsonable<T>` does not
 * compile. Optional properties are allowed, since an `undefined` property is left out. What is a `JsonValue` already is
 * not walked: that would have no end.
 */
export type Jsonable<T> = [T] extends [JsonValue]
  ? T
  : T extends JsonPrimitive | undefined
    ? T
    : T extends NotJson
      ? never
      : T extends object
        ? { [K in keyof T]: Jsonable<T[K]> }
        : T extends unknown
          ? unknown extends T
            ? T
            : never
          : never;

/** Deepest nesting of arrays and objects that is stored; Python's parser, for one, ends a little below 1,000. */
export const MAX_DEPTH = 500;

/**
 * Checks that `value` is JSON. Properties that are `undefined` count as left out. Without `strings` lone surrogates are
 * left for {@link stringifyJson} to find: to ask every string for them is most of the time that this takes.
 * @throws InvalidValueError with the path to the first fault
 */
export function checkJson(value: unknown, strings = true): asserts value is JsonValue {
  if (!isJson(value, 0, strings)) throw fault(value);
}

/**
 * The text of a value that is JSON but for lone surrogates.
 * @throws InvalidValueError with the path to the first one
 */
export function stringifyJson(value: JsonValue): string {
  const text = JSON.stringify(value);
  // It escapes lone surrogates and nothing else so; a backslash and "ud" in the value look the same at first sight.
  if (text.includes("\\ud")) checkJson(value);
  return text;
}

/**
 * A checked copy that shares nothing with `value`: `undefined` properties are left out, -0 becomes 0, as in JSON.
 * Properties under symbols, which JSON does not know, may still be in the copy: {@link cloneJson} leaves them behind.
 * @throws InvalidValueError with the path to the first fault
 */
export function copyJson(value: unknown): JsonValue {
  const copy = copyChecked(value, 0);
  if (copy === undefined) throw fault(value);
  return copy;
}

/** A copy of a value that is known to be JSON. */
export function cloneJson(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (isArray(value)) {
    const copy = value.slice();
    for (let index = 0; index < copy.length; index++) {
      const part = copy[index] as JsonValue;
      if (typeof part === "object") copy[index] = cloneJson(part);
    }
    return copy;
  }
  const copy: MutableObject = {};
  for (const key in value) {
    if (!isOwn.call(value, key)) continue;
    const part = value[key] as JsonValue;
    set(copy, key, typeof part === "object" ? cloneJson(part) : part);
  }
  return copy;
}

type MutableObject = { [key: string]: JsonValue };

// `for in` is the fastest way to walk an object. What it finds on a prototype, where a program has put something there,
// must not count: asked only where it would make a difference.
const isOwn = Object.prototype.hasOwnProperty;

/** The kinds of JSON, and what is none of them. A string counts only where it is well-formed. */
function isPrimitive(value: unknown): value is JsonPrimitive {
  if (typeof value === "string") return value.isWellFormed();
  // Infinity and NaN are the numbers that leave something when taken from themselves.
  if (typeof value === "number") return value - value === 0;
  return typeof value === "boolean" || value === null;
}

function isJson(value: unknown, depth: number, strings: boolean): boolean {
  if (typeof value === "object" && value !== null) return isJsonObject(value, depth, strings);
  return typeof value === "string" && !strings ? true : isPrimitive(value);
}

/** Written for speed, since every value that is stored passes here. */
function isJsonObject(value: object, depth: number, strings: boolean): boolean {
  if (depth >= MAX_DEPTH) return false;
  if (isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isJson(value[index], depth + 1, strings)) return false;
    return true;
  }
  if (!isPlain(value)) return false;
  for (const key in value) {
    const part = value[key];
    if (part === undefined || ((!strings || key.isWellFormed()) && isJson(part, depth + 1, strings))) continue;
    if (isOwn.call(value, key)) return false;
  }
  return true;
}

/** `undefined` where the value is not JSON. */
function copyChecked(value: unknown, depth: number): JsonValue | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : undefined;
  if (typeof value !== "object" || value === null) return isPrimitive(value) ? value : undefined;
  if (depth >= MAX_DEPTH) return undefined;
  if (isArray(value)) {
    const copy = new Array<JsonValue>(value.length);
    for (let index = 0; index < value.length; index++) {
      const part = copyChecked(value[index], depth + 1);
      if (part === undefined) return undefined;
      copy[index] = part;
    }
    return copy;
  }
  if (!isPlain(value)) return undefined;
  // A spread keeps the engine's hidden class, which no copy property by property does, and calls each getter once.
  const copy: Record<string, unknown> = { ...value };
  for (const key in copy) {
    const part = copy[key];
    if (part !== 0 && isPrimitive(part) && key.isWellFormed()) continue;
    if (!isOwn.call(copy, key)) continue;
    if (part === undefined) {
      delete copy[key];
      continue;
    }
    const inner = key.isWellFormed() ? copyChecked(part, depth + 1) : undefined;
    if (inner === undefined) return undefined;
    set(copy, key, inner);
  }
  return copy as JsonObject;
}

/** An array, from this realm or another, of no class of its own: that one may have a `toJSON`. */
function isArray(value: object): value is readonly unknown[] {
  if (!Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Array.prototype || (prototype !== null && isRoot(Object.getPrototypeOf(prototype)));
}

/** An object literal, from this realm or another, or one without a prototype. */
function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || isRoot(prototype);
}

/** Whether it is the `Object.prototype` of some realm. */
function isRoot(prototype: object | null): boolean {
  if (prototype === Object.prototype) return true;
  return prototype !== null && Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

/** Assignment to `__proto__` would set the prototype instead. */
function set(target: Record<string, unknown>, key: string, value: JsonValue): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[key] = value;
  }
}

/** The slow walk that finds what the quick one refused. */
function fault(value: unknown): InvalidValueError {
  const path: (string | number)[] = [];
  const what = findFault(value, path, []) ?? "a value that changed while it was read";
  const where = path.length === 0 ? "the value" : `the value at ${formatPath(path)}`;
  return new InvalidValueError(`${where} is ${what}, which JSON cannot hold`, path);
}

function findFault(value: unknown, path: (string | number)[], ancestors: object[]): string | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : "a string with a lone surrogate";
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${value}`;
  if (typeof value === "boolean" || value === null) return undefined;
  if (typeof value !== "object") return value === undefined ? "undefined" : `a ${typeof value}`;
  if (ancestors.includes(value)) return "a reference to an object around it (a cycle)";
  if (ancestors.length >= MAX_DEPTH) return `nested deeper than ${MAX_DEPTH}`;
  if (!isArray(value) && !isPlain(value)) return `an instance of ${nameOfClass(value)}`;
  ancestors.push(value);
  const parts: Iterable<readonly [string | number, unknown]> = isArray(value)
    ? value.entries()
    : Object.entries(value).filter(([, part]) => part !== undefined);
  for (const [key, part] of parts) {
    path.push(key);
    if (typeof key === "string" && !key.isWellFormed()) return "under a name with a lone surrogate";
    const found = findFault(part, path, ancestors);
    if (found !== undefined) return found;
    path.pop();
  }
  ancestors.pop();
  return undefined;
}

function nameOfClass(value: object): string {
  const made = Object.getPrototypeOf(value)?.constructor;
  return (typeof made === "function" && made.name) || "an anonymous class";
}

/** `user.tags[0]["odd name"]` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      const name = String(part);
      return /^[A-Za-z_$][\w$]*$/.test(name) ? (index === 0 ? name : `.${name}`) : `[${JSON.stringify(name)}]`;
    })
    .join("");
}
