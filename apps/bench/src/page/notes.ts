/** Where the work of a contender is another than kv's, or its figures need a word. */
import type { BackendName, ContenderName } from "../contender.ts";

/** Of the contender on every backend. */
const everywhere: { readonly [name in ContenderName]?: string } = {
  kv: "checks that a value is JSON, hands out copies, bounds each call by 5 s, tells errors by codes",
  keyv: "5.6, since 6 asks for Node.js 22: does not check values; encodes `bigint` and binary in strings; an error of the server is an event and `undefined`",
  unstorage: "does not check values, and reads text that looks like JSON as JSON",
  cacheable: "does not check values; an error of the server is an event and `undefined`",
  bentocache: "has no batches; `set` also keeps tags and a time of grace",
  "cache-manager": "does not check values",
  "kv-unsynced": "with `sync: false`: a write resolves when the operating system has it, as those of the peers do",
  "classic-level": "has no time to live",
  "py-key-value": "0.4.6 in its own Python process: checks arguments by their types; only objects as values",
};

const onBackend: { readonly [backend in BackendName]?: { readonly [name in ContenderName]?: string } } = {
  memory: {
    raw: "a `Map` of JSON texts behind async functions",
    cacheable: "keeps the live object that was put, clones what is read",
    "cache-manager":
      "keeps and hands out the live object: no copy at all, so that its figures at 10 KB are those of a pointer",
    unstorage: "forgets the time to live",
  },
  disk: {
    raw: "lmdb, with the settings of `@kv/disk`: a write resolves when the disk has it",
    kv: "a write resolves when the disk has it",
    unstorage: "a file for each record; a write resolves before the disk has it, and a crash can leave half a file",
    bentocache: "a file for each record; a write resolves before the disk has it",
    "classic-level": "a write resolves before the disk has it",
    "py-key-value": "diskcache over SQLite; a write resolves before the disk has it",
  },
  rocksdb: { raw: "with the settings of `@kv/rocksdb`: a write resolves when the disk has it" },
  redis: {
    raw: "ioredis 6 as it comes; putMany is one MSET, which knows no time to live",
    keyv: "over node-redis, which is faster than ioredis at many small calls",
    cacheable: "over node-redis, as its only tier",
    "cache-manager": "over node-redis, as its only tier",
    unstorage: "over ioredis 5",
    bentocache: "over ioredis 5, as its only tier",
  },
  valkey: { raw: "valkey-glide as it comes; putMany is one MSET, which knows no time to live" },
  memcached: {
    raw: "memjs as it comes; it has no batches: they are a hundred requests at once",
    keyv: "over memjs",
  },
  dynamodb: { raw: "the AWS SDK's low-level client, with consistent reads, on dynalite" },
  mongodb: {
    raw: "the driver as it comes, with values as documents; the server stands in for MongoDB (SecantusDB)",
    kv: "reads the value from the bytes of the document, so that no number is rounded",
  },
  elasticsearch: { raw: "the client as it comes, with documents that are kept and not indexed" },
};

export function noteOn(backend: BackendName, name: ContenderName): string | undefined {
  const parts = [everywhere[name], onBackend[backend]?.[name]].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** Known to the reader of the table, who would look for it. */
export const leftOut: { readonly [backend in BackendName]?: string } = {
  mongodb:
    "unstorage's driver is left out: it makes no index on its keys, so that each call reads the whole collection (5 to 30 calls a second).",
};
