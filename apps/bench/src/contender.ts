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

export type BackendName = "memory" | "disk" | "redis" | "memcached" | "elasticsearch";
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
  redis: {
    raw: () => import("./contenders/redis-raw.ts"),
    kv: () => import("./contenders/redis-kv.ts"),
  },
  memcached: {
    raw: () => import("./contenders/memcached-raw.ts"),
    kv: () => import("./contenders/memcached-kv.ts"),
  },
  elasticsearch: {
    raw: () => import("./contenders/elasticsearch-raw.ts"),
    kv: () => import("./contenders/elasticsearch-kv.ts"),
  },
};

export const backendNames: readonly BackendName[] = ["memory", "disk", "redis", "memcached", "elasticsearch"];
export const contenderNames: readonly ContenderName[] = ["raw", "kv"];
