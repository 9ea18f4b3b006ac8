/** Faults in telling names apart. */

import type { RecordId, StoredRecord } from "../../src/driver/index.ts";
import { names as namesLayer } from "../../src/driver/index.ts";
import { MapDriver } from "../support/map-driver.ts";
import { driver, type Mutant, made, renaming, replacing, store } from "./mutant.ts";

const KEY = ["names/any-string-is-a-key"];

/** A driver that stores pairs of names under one name, made of both. */
function joined(join: (id: RecordId) => string) {
  return class extends MapDriver {
    override find(id: RecordId): StoredRecord | undefined {
      return super.find({ collection: "all", key: join(id) });
    }
    override store(id: RecordId, record: StoredRecord): void {
      super.store({ collection: "all", key: join(id) }, record);
    }
    override remove(id: RecordId): void {
      super.remove({ collection: "all", key: join(id) });
    }
  };
}

export const names: readonly Mutant[] = [
  driver(
    "keys are cut to 100 characters",
    KEY,
    renaming((key) => key.slice(0, 100)),
  ),
  driver(
    "keys are cut to 250 bytes",
    KEY,
    renaming((key) => Buffer.from(key).subarray(0, 250).toString("latin1")),
  ),
  driver(
    "keys that are not ASCII fall together",
    KEY,
    renaming((key) => key.replaceAll(/[^ -~]/g, "?")),
  ),
  driver(
    "keys are compared without case",
    KEY,
    renaming((key) => key.toLowerCase()),
  ),
  driver(
    "keys are trimmed",
    KEY,
    renaming((key) => key.trim()),
  ),
  driver(
    "control characters and spaces in keys are replaced",
    KEY,
    renaming((key) => key.replaceAll(/[\0-\x20]/g, "_")),
  ),
  driver(
    "keys are normalized to NFC",
    KEY,
    renaming((key) => key.normalize("NFC")),
  ),
  driver(
    "keys end at a NUL, as strings of C do",
    KEY,
    renaming((key) => key.split("\0")[0] ?? ""),
  ),
  driver(
    "slashes in keys are doubled away, as in paths",
    KEY,
    renaming((key) => key.replaceAll(/\/+/g, "/")),
  ),
  driver(
    "percent signs in keys are decoded",
    KEY,
    renaming((key) => key.replaceAll(/%([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))),
  ),
  driver(
    "long keys are hashed into eight bits",
    KEY,
    renaming((key) => (key.length > 500 ? `hash ${key.length}` : key)),
  ),
  driver(
    "the key __proto__ is lost",
    KEY,
    class extends MapDriver {
      override store(id: RecordId, record: StoredRecord): void {
        if (id.key !== "__proto__") super.store(id, record);
      }
    },
  ),
  driver(
    "collection and key are joined by a colon",
    ["names/pairs-never-meet"],
    joined(({ collection, key }) => `${collection}:${key}`),
  ),
  driver(
    "collection and key are joined by ::, unescaped",
    ["names/pairs-never-meet"],
    joined(({ collection, key }) => `${collection}::${key}`),
  ),
  driver(
    "collection and key are joined by nothing",
    ["names/pairs-never-meet"],
    joined(({ collection, key }) => collection + key),
  ),
  made("collections are compared without case", ["names/any-string-is-a-collection"], (data) =>
    namesLayer(new MapDriver(data), {
      to: ({ collection, key }) => ({ collection: collection.toLowerCase(), key }),
      toScope: (scope) =>
        "collection" in scope
          ? { ...scope, collection: scope.collection.toLowerCase() }
          : { collectionPrefix: scope.collectionPrefix.toLowerCase() },
      fromCollection: (name) => name,
      fromKey: (key) => key,
    }),
  ),
  driver(
    "keys are listed in their escaped form",
    ["names/keys-are-listed-as-given"],
    class extends MapDriver {
      override list(...all: Parameters<MapDriver["list"]>) {
        const page = super.list(...all);
        if (page instanceof Promise) return page;
        return { ...page, items: page.items.map((item) => ({ ...item, key: encodeURI(item.key) })) };
      }
    },
  ),
  driver(
    "deleting a record deletes all whose keys begin alike",
    ["names/deleting-one-leaves-the-others"],
    class extends MapDriver {
      override remove(id: RecordId): void {
        for (const key of this.data.get(id.collection)?.keys() ?? []) {
          if (key.startsWith(id.key)) super.remove({ ...id, key });
        }
      }
    },
  ),
  driver(
    "collections are listed in their escaped form",
    ["names/collections-are-listed-as-given"],
    class extends MapDriver {
      override collections(...all: Parameters<MapDriver["collections"]>) {
        const page = super.collections(...all);
        return page instanceof Promise ? page : { items: page.items.map(encodeURI) };
      }
    },
  ),
  store(
    "the default collection is not the one that the option names",
    ["names/default-collection"],
    replacing({
      collection:
        (original) =>
        (name, ...rest) =>
          original(name ?? "default", ...rest),
    }),
  ),
  store(
    "an empty collection name is taken for the default",
    ["names/invalid-collections-are-refused"],
    replacing({
      collection:
        (original) =>
        (name, ...rest) =>
          original(name === "" ? undefined : name, ...rest),
    }),
  ),
];
