/** Faults in what is stored and given back. */

import type { MaybePromise, RecordId, StoredRecord } from "../../src/driver/index.ts";
import { cloneJson, forward } from "../../src/driver/index.ts";
import type { JsonValue } from "../../src/json.ts";
import { MapDriver } from "../support/map-driver.ts";
import { driver, later, type Mutant, made, mapStrings, replacing, store, storing } from "./mutant.ts";

const BACK = ["values/json-comes-back"];

/** A driver that is handed values as they are, since it says that it serializes them, and does it in its own way. */
function serializing(serialize: (value: JsonValue) => JsonValue, read: (value: JsonValue) => JsonValue = cloneJson) {
  return class extends MapDriver {
    override readonly keepsReferences: boolean = false;
    override store(id: RecordId, record: StoredRecord): void {
      super.store(id, { ...record, value: serialize(record.value) });
    }
    override find(id: RecordId): StoredRecord | undefined {
      const record = super.find(id);
      return record && { ...record, value: read(record.value) };
    }
  };
}

/** The object with something done to its properties, all the way down. */
function mapObjects(value: JsonValue, change: (entries: [string, JsonValue][]) => [string, JsonValue][]): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one: JsonValue) => mapObjects(one, change));
  const entries = Object.entries(value).flatMap(([name, part]): [string, JsonValue][] =>
    part === undefined ? [] : [[name, mapObjects(part, change)]],
  );
  return Object.fromEntries(change(entries));
}

const looksLikeJson = (text: string): JsonValue => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

export const values: readonly Mutant[] = [
  driver(
    "values are cut at 64 KiB",
    ["values/large-values-are-whole"],
    storing((value) => (typeof value === "string" ? value.slice(0, 65_536) : value)),
  ),
  driver(
    "strings over 64 KiB are cut, also inside",
    ["values/large-values-are-whole"],
    storing((value) => mapStrings(value, (text) => text.slice(0, 65_536))),
  ),
  driver(
    "the empty string reads as missing",
    ["records/no-value-is-missing"],
    class extends MapDriver {
      override get(...all: Parameters<MapDriver["get"]>): MaybePromise<StoredRecord | undefined> {
        const record = this.live(all[0]);
        return record?.value === "" ? undefined : record;
      }
    },
  ),
  driver(
    "null reads as missing",
    ["records/no-value-is-missing"],
    class extends MapDriver {
      override get(...all: Parameters<MapDriver["get"]>): MaybePromise<StoredRecord | undefined> {
        const record = this.live(all[0]);
        return record?.value === null ? undefined : record;
      }
    },
  ),
  driver(
    "strings that look like JSON are parsed",
    BACK,
    storing((value) => mapStrings(value, looksLikeJson)),
  ),
  driver(
    "line ends are normalized",
    BACK,
    storing((value) => mapStrings(value, (text) => text.replaceAll("\r\n", "\n"))),
  ),
  driver(
    "text is stored as UCS-2 cut to its basic plane",
    BACK,
    storing((value) => mapStrings(value, (text) => text.replaceAll(/[\u{10000}-\u{10ffff}]/gu, "\ufffd"))),
  ),
  driver(
    "numbers are rounded to ten digits",
    BACK,
    storing((value) => (typeof value === "number" ? Number(value.toPrecision(10)) : value)),
  ),
  driver(
    "a wrapper's own form is unwrapped though it was the user's",
    BACK,
    storing((value) =>
      typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 1
        ? (Object.values(value)[0] ?? null)
        : value,
    ),
  ),
  driver(
    "empty objects are dropped",
    BACK,
    storing((value) =>
      mapObjects(value, (entries) =>
        entries.filter(([, part]) => !(typeof part === "object" && part !== null && Object.keys(part).length === 0)),
      ),
    ),
  ),
  driver(
    "properties are sorted by name",
    ["values/property-order-is-kept"],
    storing((value) => mapObjects(value, (entries) => entries.sort(([a], [b]) => (a < b ? -1 : 1)))),
  ),
  driver(
    "a property called __proto__ is lost",
    BACK,
    serializing((value) => mapObjects(value, (entries) => entries.filter(([name]) => name !== "__proto__"))),
  ),
  driver(
    "-0 and undefined properties are kept",
    BACK,
    serializing(
      (value) => structuredClone(value),
      (value) => structuredClone(value),
    ),
  ),
  driver(
    "what was put stays the caller's object",
    ["isolation/what-was-put-may-change", "isolation/what-was-put-atomically-may-change"],
    serializing((value) => value),
  ),
  driver(
    "what is read is the store's own object",
    [
      "isolation/what-was-read-may-change",
      "isolation/what-was-listed-may-change",
      "isolation/a-failed-update-changes-nothing",
    ],
    serializing(cloneJson, (value) => value),
  ),
  store(
    "what is put is read only when its turn comes",
    ["isolation/what-was-put-may-change"],
    replacing({
      put:
        (original) =>
        async (...given) => {
          await later();
          return original(...given);
        },
    }),
  ),
  store(
    "what is put in a batch is read only when its turn comes",
    ["isolation/what-was-put-in-a-batch-may-change"],
    replacing({
      putMany:
        (original) =>
        async (...given) => {
          await later();
          return original(...given);
        },
    }),
  ),
  store(
    "two places of one batch share an object",
    ["isolation/what-was-read-may-change"],
    replacing({
      getMany:
        (original) =>
        async (keys, ...rest) => {
          const list = [...(keys as Iterable<string>)];
          const values = (await original(list, ...rest)) as unknown[];
          return list.map((key) => values[list.indexOf(key)]);
        },
    }),
  ),
  store(
    "NaN is stored as null, and what else JSON.stringify makes of things",
    ["values/what-is-not-json-is-refused"],
    replacing({
      put:
        (original) =>
        async (key, value, ...rest) =>
          original(key, JSON.parse(JSON.stringify(value) ?? "null"), ...rest),
    }),
  ),
  store(
    "undefined in an array is stored as null",
    ["values/what-is-not-json-is-refused"],
    replacing({
      put:
        (original) =>
        async (key, value, ...rest) =>
          original(key, Array.isArray(value) ? value.map((one) => (one === undefined ? null : one)) : value, ...rest),
    }),
  ),
  store(
    "a Date is stored as text",
    ["values/what-is-not-json-is-refused"],
    replacing({
      put:
        (original) =>
        async (key, value, ...rest) =>
          original(key, value instanceof Date ? value.toJSON() : value, ...rest),
    }),
  ),
  store(
    "putIfAbsent takes what put refuses",
    ["values/what-is-not-json-is-refused-by-atomics"],
    replacing({
      putIfAbsent:
        (original) =>
        async (key, value, ...rest) =>
          original(key, JSON.parse(JSON.stringify(value) ?? "null"), ...rest),
    }),
  ),
  made("a limit is stated and not kept", ["values/over-the-limit-is-refused"], (data) => {
    const inner = new MapDriver(data);
    return forward(inner, { capabilities: Object.freeze({ ...inner.capabilities, limits: { recordBytes: 100_000 } }) });
  }),
  store(
    "the schema's output is not what is read",
    [
      "schema/output-is-read",
      "schema/misfits-are-not-stored",
      "schema/misfits-are-not-read",
      "schema/misfits-are-not-enumerated-silently",
      "schema/atomics-are-checked",
    ],
    replacing({ collection: (original) => (name) => original(name) }),
  ),
  store(
    "what is put is changed for a moment",
    ["isolation/frozen-values-are-taken"],
    replacing({
      put:
        (original) =>
        async (key, value, ...rest) => {
          if (typeof value !== "object" || value === null) return original(key, value, ...rest);
          Reflect.defineProperty(value, "size", { value: 1, configurable: true }) || Object.assign(value, { size: 1 });
          Reflect.deleteProperty(value, "size");
          return original(key, value, ...rest);
        },
    }),
  ),
  driver(
    "atomic writes store text by other rules",
    ["values/json-comes-back-from-atomics"],
    class extends MapDriver {
      override swap(...[id, expected, next, call]: Parameters<MapDriver["swap"]>) {
        return super.swap(id, expected, next && { ...next, value: mapStrings(next.value, looksLikeJson) }, call);
      }
    },
  ),
  driver(
    "batches store text by other rules",
    ["values/json-comes-back-from-batches"],
    class extends MapDriver {
      putMany(requests: readonly { readonly id: RecordId; readonly record: StoredRecord }[]): undefined[] {
        for (const { id, record } of requests) {
          this.store(id, { ...record, value: mapStrings(record.value, looksLikeJson) });
        }
        return requests.map(() => undefined);
      }
    },
  ),
  driver(
    "lists read text by other rules",
    ["values/json-comes-back-from-entries"],
    class extends MapDriver {
      override list(...all: Parameters<MapDriver["list"]>) {
        const page = super.list(...all);
        if (page instanceof Promise) return page;
        const read = (record: StoredRecord) => ({ ...record, value: mapStrings(record.value, looksLikeJson) });
        return {
          ...page,
          items: page.items.map(({ key, record }) => ({
            key,
            record: record && "value" in record ? read(record) : record,
          })),
        };
      }
    },
  ),
];
