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
 * Checks that `value` is JSON. Properties that are `undefined` count as left out.
 * @throws InvalidValueError with the path to the first fault
 */
export function checkJson(value: unknown): asserts value is JsonValue {
  if (!isJson(value, 0)) throw fault(value);
}

/**
 * A checked copy that shares nothing with `value`: `undefined` properties are left out, -0 becomes 0, as in JSON.
 * @throws InvalidValueError with the path to the first fault
 */
export function copyJson(value: unknown): JsonValue {
  const copy = copyChecked(value, 0);
  if (copy === undefined) throw fault(value);
  return copy;
}

/** A copy of a value that is known to be JSON. */
export function cloneJson<T extends JsonValue>(value: T): T;
export function cloneJson(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (isArray(value)) {
    const copy = new Array<JsonValue>(value.length);
    for (let index = 0; index < value.length; index++) copy[index] = cloneJson(value[index] as JsonValue);
    return copy;
  }
  const copy: { [key: string]: JsonValue } = {};
  for (const key of Object.keys(value)) {
    const part = value[key] as JsonValue;
    set(copy, key, typeof part === "object" && part !== null ? cloneJson(part) : part);
  }
  return copy;
}

function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "number":
      return Number.isFinite(value);
    case "boolean":
      return true;
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  if (isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isJson(value[index], depth + 1)) return false;
    return true;
  }
  if (!isPlain(value)) return false;
  for (const key of Object.keys(value)) {
    const part = value[key];
    if (part !== undefined && !(key.isWellFormed() && isJson(part, depth + 1))) return false;
  }
  return true;
}

/** `undefined` where the value is not JSON. */
function copyChecked(value: unknown, depth: number): JsonValue | undefined {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? value : undefined;
    case "number":
      return Number.isFinite(value) ? value + 0 : undefined;
    case "boolean":
      return value;
    case "object":
      break;
    default:
      return undefined;
  }
  if (value === null) return null;
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
  const copy: { [key: string]: JsonValue } = {};
  for (const key of Object.keys(value)) {
    const given = value[key];
    if (given === undefined) continue;
    const part = copyChecked(given, depth + 1);
    if (part === undefined || !key.isWellFormed()) return undefined;
    set(copy, key, part);
  }
  return copy;
}

function isArray(value: object): value is readonly unknown[] {
  return Array.isArray(value);
}

/** An object literal, from this realm or another, or one without a prototype. */
function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

/** Assignment to `__proto__` would set the prototype instead. */
function set(target: { [key: string]: JsonValue }, key: string, value: JsonValue): void {
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
  const { constructor } = Object.getPrototypeOf(value) ?? {};
  return (typeof constructor === "function" && constructor.name) || "an anonymous class";
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
