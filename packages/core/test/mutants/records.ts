/** Faults in plain operations and in batches. */
import { isLive, type MaybePromise, type RecordId, type StoredRecord } from "../../src/driver/index.ts";
import { MapDriver } from "../support/map-driver.ts";
import { driver, later, type Mutant, recording, replacing, store } from "./mutant.ts";

type Requests = readonly { readonly id: RecordId; readonly record: StoredRecord }[];

let writes = 0;

export const records: readonly Mutant[] = [
  driver(
    "every 37th write is lost",
    ["records/concurrent-writes-are-kept", "contention/different-keys"],
    recording((record) => (++writes % 37 === 0 ? undefined : record)),
  ),
  driver(
    "a write is applied 3 ms after it resolves",
    ["records/resolved-is-stored"],
    class extends MapDriver {
      override put(id: RecordId, record: StoredRecord): void {
        setTimeout(() => this.store(id, record), 3);
      }
    },
  ),
  driver(
    "a deletion is applied 3 ms after it resolves",
    ["records/delete-tells"],
    class extends MapDriver {
      override remove(id: RecordId): void {
        setTimeout(() => super.remove(id), 3);
      }
    },
  ),
  driver(
    "concurrent writes overwrite each other, as those of a store in one file",
    ["records/concurrent-writes-are-kept", "contention/different-keys"],
    class extends MapDriver {
      override async put({ collection, key }: RecordId, record: StoredRecord): Promise<void> {
        const file = new Map(this.data.get(collection));
        await later();
        this.data.set(collection, file.set(key, record));
      }
    },
  ),
  driver(
    "delete always says that there was a record",
    ["records/delete-tells"],
    class extends MapDriver {
      override delete(id: RecordId): boolean {
        this.remove(id);
        return true;
      }
    },
  ),
  driver(
    "delete deletes nothing",
    ["records/delete-tells"],
    class extends MapDriver {
      override delete(id: RecordId): boolean {
        return this.live(id) !== undefined;
      }
    },
  ),
  driver(
    "put does not replace what is there",
    ["records/put-replaces"],
    recording((record, before) => (before && isLive(before) ? undefined : record)),
  ),
  driver(
    "put merges objects",
    ["records/put-replaces"],
    recording((record, before) =>
      typeof record.value === "object" && typeof before?.value === "object" && !Array.isArray(record.value)
        ? { ...record, value: { ...before.value, ...record.value } }
        : record,
    ),
  ),
  driver(
    "the time of creation is lost",
    ["records/entry-tells-what-is-known"],
    recording((record) => ({ ...record, createdAt: undefined })),
  ),
  driver(
    "collections are one",
    ["records/collections-are-apart"],
    class extends MapDriver {
      override find({ key }: RecordId) {
        return super.find({ collection: "one", key });
      }
      override store({ key }: RecordId, record: StoredRecord) {
        super.store({ collection: "one", key }, record);
      }
      override remove({ key }: RecordId) {
        super.remove({ collection: "one", key });
      }
    },
  ),
  driver(
    "a batch of more than ten is read out of order",
    ["batches/order-of-the-keys"],
    class extends MapDriver {
      getMany(ids: readonly RecordId[]) {
        const found = ids.map((id) => this.live(id));
        return ids.length > 10 ? found.reverse() : found;
      }
    },
  ),
  driver(
    "a batch leaves out what is missing",
    ["batches/order-of-the-keys"],
    class extends MapDriver {
      getMany(ids: readonly RecordId[]) {
        return ids.map((id) => this.live(id)).filter((record) => record !== undefined);
      }
    },
  ),
  driver(
    "putMany stores 25 at most",
    ["batches/any-size"],
    class extends MapDriver {
      putMany(requests: Requests): undefined[] {
        for (const { id, record } of requests.slice(0, 25)) this.store(id, record);
        return requests.map(() => undefined);
      }
    },
  ),
  driver(
    "getMany reads 100 at most",
    ["batches/any-size"],
    class extends MapDriver {
      getMany(ids: readonly RecordId[]) {
        return ids.map((id, at) => (at < 100 ? this.live(id) : undefined));
      }
    },
  ),
  driver(
    "deleteMany deletes 1,000 at most",
    ["batches/any-size"],
    class extends MapDriver {
      #deleted = 0;
      deleteMany(ids: readonly RecordId[]): MaybePromise<boolean[]> {
        return ids.map((id) => {
          const found = this.live(id) !== undefined;
          if (++this.#deleted % 1001 !== 0) this.remove(id);
          return found;
        });
      }
    },
  ),
  store(
    "getMany gives a key that repeats only once",
    ["batches/duplicates"],
    replacing({
      getMany:
        (original) =>
        (keys, ...rest) =>
          original([...new Set(keys as Iterable<string>)], ...rest),
    }),
  ),
  store(
    "deleteMany counts a key that repeats twice",
    ["batches/duplicates"],
    replacing({
      deleteMany:
        (original) =>
        async (keys, ...rest) => {
          const list = [...(keys as Iterable<string>)];
          const count = Number(await original(list, ...rest));
          return count === 0 ? 0 : count + list.length - new Set(list).size;
        },
    }),
  ),
  store(
    "of a key that repeats in putMany the first wins",
    ["batches/the-last-one-wins"],
    replacing({
      putMany:
        (original) =>
        async (entries, ...rest) =>
          original([...(entries as Iterable<unknown>)].reverse(), ...rest),
    }),
  ),
  store(
    "an empty batch is an error",
    ["batches/empty"],
    replacing({
      getMany:
        (original) =>
        async (keys, ...rest) => {
          if (Array.isArray(keys) && keys.length === 0) throw new TypeError("no keys");
          return original(keys, ...rest);
        },
    }),
  ),
  store(
    "a batch wants an array",
    ["batches/any-iterable"],
    replacing({
      deleteMany:
        (original) =>
        (keys, ...rest) =>
          original(Array.isArray(keys) ? keys : [], ...rest),
    }),
  ),
  store(
    "a string is taken for the keys of its letters",
    ["batches/no-strings", "errors/bad-batch"],
    replacing({
      getMany:
        (original) =>
        (keys, ...rest) =>
          original(typeof keys === "string" ? [...keys] : keys, ...rest),
    }),
  ),
  store(
    "putMany stores what comes before an invalid entry",
    ["batches/an-invalid-entry-refuses-all", "batches/an-iterable-that-throws"],
    replacing({
      putMany:
        (original) =>
        async (entries, ...rest) => {
          for (const entry of entries as Iterable<unknown>) await original([entry], ...rest);
        },
    }),
  ),
  store(
    "a record that fails is missing from its batch without a word",
    ["batches/one-failure-leaves-the-rest"],
    replacing({
      getMany:
        (original) =>
        async (keys, ...rest) => {
          try {
            return await original(keys, ...rest);
          } catch (error) {
            const results: unknown =
              typeof error === "object" && error !== null ? Reflect.get(error, "results") : undefined;
            if (Array.isArray(results)) return results;
            throw error;
          }
        },
    }),
  ),
  store(
    "what is missing is null",
    ["records/missing-is-undefined"],
    replacing({
      get:
        (original) =>
        async (...given) =>
          (await original(...given)) ?? null,
    }),
  ),
  store(
    "deleteMany deletes what comes before an invalid key",
    ["batches/an-invalid-key-refuses-all"],
    replacing({
      deleteMany:
        (original) =>
        async (keys, ...rest) => {
          let count = 0;
          for (const key of keys as Iterable<unknown>) count += Number(await original([key], ...rest));
          return count;
        },
    }),
  ),
];
