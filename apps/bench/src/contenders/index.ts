/** The list of the contenders: each one module, imported only in the process that measures it. */
import type { BackendName, ContenderModule, ContenderName } from "../contender.ts";

/** In a process of Python's own: see `python-process.ts`. */
export const PYTHON = "python";

type Source = (() => Promise<ContenderModule>) | typeof PYTHON;

/** In each backend the raw driver comes first. */
const contenders: { readonly [backend in BackendName]: { readonly [name in ContenderName]?: Source } } = {
  memory: {
    raw: () => import("./memory-raw.ts"),
    kv: () => import("./memory-kv.ts"),
    keyv: () => import("./memory-keyv.ts"),
    unstorage: () => import("./memory-unstorage.ts"),
    cacheable: () => import("./memory-cacheable.ts"),
    bentocache: () => import("./memory-bentocache.ts"),
    "cache-manager": () => import("./memory-cache-manager.ts"),
    "py-key-value": PYTHON,
  },
  disk: {
    raw: () => import("./disk-raw.ts"),
    kv: () => import("./disk-kv.ts"),
    "kv-unsynced": () => import("./disk-kv-unsynced.ts"),
    unstorage: () => import("./disk-unstorage.ts"),
    bentocache: () => import("./disk-bentocache.ts"),
    "classic-level": () => import("./disk-classic-level.ts"),
    "py-key-value": PYTHON,
  },
  rocksdb: {
    raw: () => import("./rocksdb-raw.ts"),
    kv: () => import("./rocksdb-kv.ts"),
  },
  redis: {
    raw: () => import("./redis-raw.ts"),
    kv: () => import("./redis-kv.ts"),
    keyv: () => import("./redis-keyv.ts"),
    unstorage: () => import("./redis-unstorage.ts"),
    cacheable: () => import("./redis-cacheable.ts"),
    bentocache: () => import("./redis-bentocache.ts"),
    "cache-manager": () => import("./redis-cache-manager.ts"),
    "py-key-value": PYTHON,
  },
  valkey: {
    raw: () => import("./valkey-raw.ts"),
    kv: () => import("./valkey-kv.ts"),
    "py-key-value": PYTHON,
  },
  memcached: {
    raw: () => import("./memcached-raw.ts"),
    kv: () => import("./memcached-kv.ts"),
    keyv: () => import("./memcached-keyv.ts"),
    "py-key-value": PYTHON,
  },
  dynamodb: {
    raw: () => import("./dynamodb-raw.ts"),
    kv: () => import("./dynamodb-kv.ts"),
    "py-key-value": PYTHON,
  },
  mongodb: {
    raw: () => import("./mongodb-raw.ts"),
    kv: () => import("./mongodb-kv.ts"),
    keyv: () => import("./mongodb-keyv.ts"),
    "py-key-value": PYTHON,
  },
  elasticsearch: {
    raw: () => import("./elasticsearch-raw.ts"),
    kv: () => import("./elasticsearch-kv.ts"),
    "py-key-value": PYTHON,
  },
  "around-1": {
    raw: () => import("./memory-kv.ts"),
    kv: () => import("./around-1.ts"),
  },
  "around-5": {
    raw: () => import("./memory-kv.ts"),
    kv: () => import("./around-5.ts"),
  },
};

/** The raw driver first. */
export function contendersOf(backend: BackendName): ContenderName[] {
  return Object.keys(contenders[backend]) as ContenderName[];
}

export function runsInPython(backend: BackendName, name: ContenderName): boolean {
  return contenders[backend][name] === PYTHON;
}

export async function importContender(backend: BackendName, name: ContenderName): Promise<ContenderModule> {
  const source = contenders[backend][name];
  if (source === undefined || source === PYTHON) throw new Error(`${backend} has no contender ${name} in Node.js`);
  return source();
}
