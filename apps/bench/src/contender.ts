/** What every contender is, and the list of them: each one file, imported only in the process that measures it. */
import type { JsonValue } from "@kv/core";

/** The operations under measurement. A `Collection` of kv is one as it is. */
export interface Records {
  get(key: string): Promise<unknown>;
  put(key: string, value: JsonValue): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}

export interface Contender {
  readonly records: Records;
  close(): Promise<unknown>;
}

/** What the module of a contender exports. */
interface ContenderModule {
  /** @param location the server's URL or the folder, as its backend gives it; each contender has a folder of its own */
  open(location: string): Promise<Contender>;
}

export type BackendName =
  | "memory"
  | "disk"
  | "rocksdb"
  | "redis"
  | "valkey"
  | "memcached"
  | "dynamodb"
  | "mongodb"
  | WrappersName;
/** kv in memory under one wrapper, or five, that do nothing: measured by kv in memory without. */
export type WrappersName = "around-1" | "around-5";
/** The raw driver with JSON by hand comes first: the others are measured by it. */
export type ContenderName = "raw" | "kv";

export const contenders: {
  readonly [backend in BackendName]: { readonly [name in ContenderName]: () => Promise<ContenderModule> };
} = {
  memory: {
    raw: () => import("./contenders/memory-raw.ts"),
    kv: () => import("./contenders/memory-kv.ts"),
  },
  disk: {
    raw: () => import("./contenders/disk-raw.ts"),
    kv: () => import("./contenders/disk-kv.ts"),
  },
  rocksdb: {
    raw: () => import("./contenders/rocksdb-raw.ts"),
    kv: () => import("./contenders/rocksdb-kv.ts"),
  },
  redis: {
    raw: () => import("./contenders/redis-raw.ts"),
    kv: () => import("./contenders/redis-kv.ts"),
  },
  valkey: {
    raw: () => import("./contenders/valkey-raw.ts"),
    kv: () => import("./contenders/valkey-kv.ts"),
  },
  memcached: {
    raw: () => import("./contenders/memcached-raw.ts"),
    kv: () => import("./contenders/memcached-kv.ts"),
  },
  dynamodb: {
    raw: () => import("./contenders/dynamodb-raw.ts"),
    kv: () => import("./contenders/dynamodb-kv.ts"),
  },
  mongodb: {
    raw: () => import("./contenders/mongodb-raw.ts"),
    kv: () => import("./contenders/mongodb-kv.ts"),
  },
  "around-1": {
    raw: () => import("./contenders/memory-kv.ts"),
    kv: () => import("./contenders/around-1.ts"),
  },
  "around-5": {
    raw: () => import("./contenders/memory-kv.ts"),
    kv: () => import("./contenders/around-5.ts"),
  },
};

export const backendNames: readonly BackendName[] = [
  "memory",
  "disk",
  "rocksdb",
  "redis",
  "valkey",
  "memcached",
  "dynamodb",
  "mongodb",
];
export const wrappersNames: readonly WrappersName[] = ["around-1", "around-5"];
export const contenderNames: readonly ContenderName[] = ["raw", "kv"];
