/** Faults in wrappers: two for each. */
import { chain, type Driver, forward, type Layer, type StoredRecord, values } from "../../src/driver/index.ts";
import { namePrefix } from "../../src/driver/names.ts";
import type { JsonValue } from "../../src/json.ts";
import { newRevision } from "../../src/revision.ts";
import {
  compression,
  encryption,
  fernetEncryption,
  limitSize,
  prefixCollections,
  prefixKeys,
  singleCollection,
} from "../../src/wrappers/index.ts";
import { MapDriver } from "../support/map-driver.ts";
import { type Mutant, made } from "./mutant.ts";

type Changes = Parameters<typeof forward>[1];

/** The layer, with some of its methods done otherwise; by means of the driver below it, too. */
function broken(
  fault: string,
  caughtBy: readonly string[],
  layer: Layer,
  change: (outer: Driver, inner: Driver) => Changes,
): Mutant {
  return made(fault, caughtBy, (data) => {
    const inner = new MapDriver(data);
    const outer = layer.apply(inner);
    return forward(outer, change(outer, forward(inner, {})));
  });
}

/** A layer whose values are decoded otherwise. */
function misread(
  fault: string,
  caughtBy: readonly string[],
  layer: Layer,
  read: (value: JsonValue) => JsonValue,
): Mutant {
  return made(fault, caughtBy, (data) =>
    values(layer.apply(new MapDriver(data)), { encode: (value) => value, decode: read }),
  );
}

const sealing = encryption({ keys: [{ id: "a", key: new Uint8Array(32) }] });
const fernet = fernetEncryption({ keys: [`${"A".repeat(43)}=`] });
const compressing = compression({ threshold: 1 });
const limiting = limitSize({ max: 2 ** 26 });
const underCollections = prefixCollections("p");
const underKeys = prefixKeys("p");
const single = singleCollection("all");

/** As an object, if it is none: what Python has of it. */
const asObject = (value: JsonValue): JsonValue =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : { items: value };

const unpacked = (value: JsonValue): JsonValue =>
  typeof value === "object" && value !== null && "compressed" in value ? null : value;

const DEFAULT: StoredRecord = { value: "default", createdAt: 0, expiresAt: undefined, revision: newRevision() };

export const wrappers: readonly Mutant[] = [
  broken("encryption: what is listed stays sealed", ["values/json-comes-back-from-entries"], sealing, (_, inner) => ({
    list: inner.list,
  })),
  broken(
    "encryption: atomic writes are in plaintext",
    ["values/json-comes-back-from-atomics"],
    sealing,
    (_, inner) => ({
      swap: inner.swap,
    }),
  ),
  broken("encryption: the backend's take is used", ["atomics/take"], sealing, (_, inner) => ({
    take: (id, call) => chain(inner.get(id, call), (record) => chain(inner.delete(id, call), () => record)),
  })),

  misread("fernetEncryption: what is no object is read as Python has it", ["values/json-comes-back"], fernet, asObject),
  broken("fernetEncryption: batches are in plaintext", ["values/json-comes-back-from-batches"], fernet, (_, inner) => ({
    putMany: (requests, call) => Promise.all(requests.map(async ({ id, record }) => inner.put(id, record, call))),
  })),

  misread("compression: what looks compressed is taken for it", ["values/json-comes-back"], compressing, unpacked),
  misread(
    "compression: text is inflated as Latin 1",
    ["values/json-comes-back", "values/large-values-are-whole"],
    compressing,
    (value) => JSON.parse(Buffer.from(JSON.stringify(value)).toString("latin1")),
  ),

  broken("limitSize: a large value is dropped silently", ["values/large-values-are-whole"], limiting, (outer) => ({
    put: (id, record, call) =>
      JSON.stringify(record.value).length > 100_000 ? undefined : outer.put(id, record, call),
  })),
  broken("limitSize: what is checked loses its expiry", ["ttl/in-batches"], limiting, (outer) => ({
    putMany: (requests, call) =>
      Promise.all(requests.map(async ({ id, record }) => outer.put(id, { ...record, expiresAt: undefined }, call))),
  })),

  made("defaultValue: other operations than get see it", ["records/missing-is-undefined", "atomics/update"], (data) => {
    const inner = new MapDriver(data);
    return forward(inner, {
      get: (id, call) =>
        chain(inner.get(id, call), (record) => record ?? (call.operation === "get" ? undefined : DEFAULT)),
    });
  }),
  made("defaultValue: it is stored when it is given", ["records/missing-is-undefined"], (data) => {
    const inner = new MapDriver(data);
    return forward(inner, {
      get: (id, call) =>
        chain(inner.get(id, call), (record) => {
          if (record === undefined && call.operation === "get") inner.store(id, DEFAULT);
          return record;
        }),
    });
  }),

  broken(
    "prefixCollections: clearing what begins with a name clears all under the prefix",
    ["enumeration/clear-all-reaches-its-prefix"],
    underCollections,
    (outer) => ({
      clear: (scope, cursor, call) =>
        outer.clear?.("collection" in scope ? scope : { collectionPrefix: "" }, cursor, call),
    }),
  ),
  broken(
    "prefixCollections: collections are listed with the prefix",
    ["names/collections-are-listed-as-given", "enumeration/prefixed-collections"],
    underCollections,
    (_, inner) => ({
      collections: async (prefix, cursor, call) =>
        (await inner.collections?.(`p__${prefix}`, cursor, call)) ?? { items: [] },
    }),
  ),

  broken("prefixKeys: a prefix of keys is not put behind its own", ["enumeration/prefix"], underKeys, (outer) => ({
    list: async (scope, options, call) =>
      (await outer.list?.({ ...scope, keyPrefix: "" }, options, call)) ?? { items: [] },
  })),
  broken(
    "prefixKeys: clearing keys that begin alike clears the collection",
    ["enumeration/key-prefixes-are-apart"],
    underKeys,
    (outer) => ({
      clear: (scope, cursor, call) =>
        outer.clear?.("collection" in scope ? { ...scope, keyPrefix: "" } : scope, cursor, call),
    }),
  ),

  made("singleCollection: names are joined by __ and nothing else", ["names/pairs-never-meet"], (data) => {
    const inner = new MapDriver(data);
    const to = ({ collection, key }: { readonly collection: string; readonly key: string }) => ({
      collection: "all",
      key: `${collection}__${key}`,
    });
    return forward(inner, {
      get: (id, call) => inner.get(to(id), call),
      put: (id, record, call) => inner.put(to(id), record, call),
      delete: (id, call) => inner.delete(to(id), call),
    });
  }),
  broken(
    "singleCollection: a collection comes again with each page of its keys",
    ["enumeration/collections"],
    single,
    (_, inner) => ({
      collections: async (prefix, cursor, call) => {
        const scope = { collection: "all", keyPrefix: namePrefix(prefix, "__").slice(0, -2) };
        const { items, next } = (await inner.list?.(scope, { values: false, cursor }, call)) ?? { items: [] };
        return { items: [...new Set(items.map(({ key }) => key.slice(0, key.indexOf("__"))))], next };
      },
    }),
  ),
];
