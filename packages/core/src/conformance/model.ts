/** The contract as a program: the simplest store that keeps it, and the commands that it and a real one are given. */
import type { JsonValue } from "../json.ts";

/** Times to live are in milliseconds; `undefined` is none. */
export type Command =
  | { readonly op: "get" | "has" | "getEntry" | "delete" | "take"; readonly at: Place }
  | {
      readonly op: "put" | "putIfAbsent";
      readonly at: Place;
      readonly value: JsonValue;
      readonly ttl?: number | undefined;
    }
  | { readonly op: "getMany" | "deleteMany"; readonly collection: string; readonly keys: readonly string[] }
  | { readonly op: "putMany"; readonly collection: string; readonly entries: readonly ModelEntry[] }
  /** `stale`: with a revision that the record does not have, else with the last one seen. */
  | {
      readonly op: "compareAndSwap";
      readonly at: Place;
      readonly stale: boolean;
      readonly value: JsonValue;
      readonly ttl?: number | undefined;
    }
  | { readonly op: "compareAndDelete"; readonly at: Place; readonly stale: boolean }
  | { readonly op: "increment"; readonly at: Place; readonly by: number; readonly ttl?: number | undefined }
  | { readonly op: "touch"; readonly at: Place; readonly ttl: number | null }
  /** To `value` whatever was there; `undefined` deletes. */
  | {
      readonly op: "update";
      readonly at: Place;
      readonly value: JsonValue | undefined;
      readonly ttl?: number | "keep" | undefined;
    }
  | { readonly op: "keys" | "entries"; readonly collection: string; readonly prefix: string }
  | { readonly op: "clear"; readonly collection: string }
  | { readonly op: "collections" }
  | { readonly op: "cull" }
  | { readonly op: "wait" };

export interface Place {
  readonly collection: string;
  readonly key: string;
}

export interface ModelEntry {
  readonly key: string;
  readonly value: JsonValue;
  readonly ttl?: number | undefined;
}

/** When a call began and when its answer was there, by `Date.now()`. */
export interface Span {
  readonly before: number;
  readonly after: number;
}

export interface ModelRecord {
  readonly value: JsonValue;
  /** It expires not before the one and not after the other, since the store's own clock stands somewhere in the call. */
  readonly expires: { readonly earliest: number; readonly latest: number } | undefined;
  /** Another one for each write. */
  readonly version: number;
}

/** What `increment` answers where the value is no number. */
export const NOT_A_NUMBER = { error: "INVALID_COUNTER" } as const;

export class ReferenceModel {
  readonly #records = new Map<string, Map<string, ModelRecord>>();
  #version = 0;

  /** What the store has to answer; lists in the order of their names. */
  apply(command: Command, span: Span): unknown {
    switch (command.op) {
      case "get":
        return this.record(command.at)?.value;
      case "has":
        return this.record(command.at) !== undefined;
      case "getEntry":
        return this.record(command.at);
      case "put":
        return this.#put(command.at, command.value, expiry(command.ttl, span));
      case "putIfAbsent":
        if (this.record(command.at)) return false;
        this.#put(command.at, command.value, expiry(command.ttl, span));
        return true;
      case "delete":
        return this.#delete(command.at);
      case "take": {
        const value = this.record(command.at)?.value;
        this.#delete(command.at);
        return value;
      }
      case "getMany":
        return command.keys.map((key) => this.record({ ...command, key })?.value);
      case "deleteMany":
        return command.keys.filter((key) => this.#delete({ ...command, key })).length;
      case "putMany":
        for (const { key, value, ttl } of command.entries) this.#put({ ...command, key }, value, expiry(ttl, span));
        return undefined;
      case "compareAndSwap":
        if (command.stale || !this.record(command.at)) return false;
        this.#put(command.at, command.value, expiry(command.ttl, span));
        return true;
      case "compareAndDelete":
        return !command.stale && this.#delete(command.at);
      case "increment": {
        const { value, expires } = this.record(command.at) ?? { value: 0, expires: expiry(command.ttl, span) };
        if (typeof value !== "number") return NOT_A_NUMBER;
        this.#put(command.at, value + command.by, expires);
        return value + command.by;
      }
      case "touch": {
        const record = this.record(command.at);
        if (record) this.#put(command.at, record.value, expiry(command.ttl ?? undefined, span));
        return record !== undefined;
      }
      case "update": {
        const before = this.record(command.at);
        const { value, ttl } = command;
        if (value === undefined) this.#delete(command.at);
        else this.#put(command.at, value, ttl === "keep" ? before?.expires : expiry(ttl, span));
        return { before: before?.value, after: value };
      }
      case "keys":
        return this.#list(command).map(([key]) => key);
      case "entries":
        return this.#list(command).map(([key, { value }]) => [key, value]);
      case "collections":
        return [...this.#records].flatMap(([name, { size }]) => (size > 0 ? [name] : [])).sort();
      case "clear":
        this.#records.delete(command.collection);
        return undefined;
      case "cull":
      case "wait":
        return undefined;
    }
  }

  record({ collection, key }: Place): ModelRecord | undefined {
    return this.#records.get(collection)?.get(key);
  }

  /** Forgets what has expired by then. */
  expire(now: number): void {
    for (const records of this.#records.values()) {
      for (const [key, { expires }] of records) if (expires && expires.latest < now) records.delete(key);
    }
  }

  /** The earliest and the latest moment at which the next record expires. */
  get nextExpiry(): { readonly earliest: number; readonly latest: number } | undefined {
    const all = [...this.#records.values()].flatMap((records) => [...records.values()]);
    const moments = all.flatMap(({ expires }) => (expires ? [expires] : []));
    return moments.sort((a, b) => a.earliest - b.earliest)[0];
  }

  #put({ collection, key }: Place, value: JsonValue, expires: ModelRecord["expires"]): void {
    const records = this.#records.get(collection) ?? new Map<string, ModelRecord>();
    this.#records.set(collection, records.set(key, { value, expires, version: ++this.#version }));
  }

  #delete({ collection, key }: Place): boolean {
    return this.#records.get(collection)?.delete(key) ?? false;
  }

  #list({ collection, prefix }: { readonly collection: string; readonly prefix: string }): [string, ModelRecord][] {
    const records = [...(this.#records.get(collection) ?? [])];
    return records.filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

function expiry(ttl: number | undefined, { before, after }: Span): ModelRecord["expires"] {
  return ttl === undefined ? undefined : { earliest: before + ttl, latest: after + ttl };
}

/** As it would stand in a program: `c2.put("a", 1, { ttl: "80ms" })`. Collections by their place among `collections`. */
export function formatCommand(command: Command, collections: readonly string[]): string {
  const { op } = command;
  if (op === "wait") return "… until the next record has expired";
  if (op === "cull" || op === "collections") return `store.${op}()`;
  const text = JSON.stringify;
  const collection = "at" in command ? command.at.collection : command.collection;
  const parts: string[] = [];
  if ("at" in command) parts.push(text(command.at.key));
  if ("keys" in command) parts.push(text(command.keys));
  if ("entries" in command) parts.push(text(command.entries));
  if ("stale" in command) parts.push(command.stale ? "a stale revision" : "the last revision");
  if (op === "increment") parts.push(text(command.by));
  if (op === "update") parts.push(`() => ${text(command.value) ?? "undefined"}`);
  else if ("value" in command) parts.push(text(command.value) ?? "undefined");
  if ("ttl" in command && command.ttl !== undefined) parts.push(ttlOption(op, command.ttl));
  if ("prefix" in command) parts.push(`{ prefix: ${text(command.prefix)} }`);
  return `c${collections.indexOf(collection)}.${op}(${parts.join(", ")})`;
}

function ttlOption(op: Command["op"], ttl: number | "keep" | null): string {
  if (ttl === "keep") return "{ keepTtl: true }";
  if (op === "touch") return ttl === null ? "null" : `"${ttl}ms"`;
  return `{ ttl: "${ttl}ms" }`;
}
