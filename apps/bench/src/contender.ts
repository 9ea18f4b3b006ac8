/** What every contender is, and their names. */
import type { JsonValue } from "@kv/core";
import type { OperationName } from "./operations.ts";

export interface Entry {
  readonly key: string;
  readonly value: JsonValue;
}

/**
 * The operations under measurement, on the records of one collection. A `Collection` of kv is one as it is. What a
 * contender does not have in this form, by one call of its own, is left out.
 */
export interface Records {
  /** `undefined` or `null` where there is nothing. */
  get(key: string): Promise<unknown>;
  /** @param options `ttl` in seconds */
  put(key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  /** As many answers as keys, in their order. */
  getMany?(keys: readonly string[]): Promise<readonly unknown[]>;
  putMany?(entries: readonly Entry[]): Promise<unknown>;
  putIfAbsent?(key: string, value: JsonValue): Promise<unknown>;
  /** By one; atomic among all processes. */
  increment?(key: string): Promise<unknown>;
  keys?(): AsyncIterable<string>;
  clear?(): Promise<unknown>;
}

export interface Contender {
  /** Those of another name are other records of the same database. */
  collection(name: string): Records;
  /** Operations that its records have the methods for, and that it cannot do all the same. */
  readonly lacks?: readonly OperationName[];
  close(): Promise<unknown>;
}

/** What the module of a contender exports. */
export interface ContenderModule {
  /** @param location the server's URL or the folder, as its backend gives it; each contender has a folder of its own */
  open(location: string): Promise<Contender>;
}

/** kv in memory under one wrapper, or five, that do nothing: measured by kv in memory without. */
export type WrappersName = "around-1" | "around-5";
export type BackendName =
  | "memory"
  | "disk"
  | "rocksdb"
  | "redis"
  | "valkey"
  | "memcached"
  | "dynamodb"
  | "mongodb"
  | "elasticsearch"
  | WrappersName;

/** What kv is measured beside; and kv itself, set up as they are. */
export type PeerName =
  | "keyv"
  | "unstorage"
  | "cacheable"
  | "bentocache"
  | "cache-manager"
  | "kv-unsynced"
  | "classic-level"
  | "py-key-value";
/** `raw`: the driver with JSON by hand, by which the others are measured. */
export type ContenderName = "raw" | "kv" | PeerName;

export const backendNames: readonly BackendName[] = [
  "memory",
  "disk",
  "rocksdb",
  "redis",
  "valkey",
  "memcached",
  "dynamodb",
  "mongodb",
  "elasticsearch",
];
export const wrappersNames: readonly WrappersName[] = ["around-1", "around-5"];

export function isPeer(name: ContenderName): name is PeerName {
  return name !== "raw" && name !== "kv";
}
