/** Chapter "batches": many records in one call, in order, whatever the backend's own limits. */
import {
  BatchError,
  InvalidArgumentError,
  InvalidNameError,
  InvalidTtlError,
  InvalidValueError,
  type KeyValueError,
} from "../../errors.ts";
import { deepEqual, equal, rejects, show } from "../assertions.ts";
import { type Property, property } from "../property.ts";
import { text } from "../schemas.ts";
import { call } from "../support.ts";

/** Around the sizes at which backends split: DynamoDB 25 and 100, core's own 1,000. */
const SIZES = [1, 2, 24, 25, 26, 99, 100, 101, 1001];

const keysTo = (count: number): string[] => Array.from({ length: count }, (_, at) => `key ${at}`);

/** The same elements, in an order in which no backend keeps them, each time the same. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item, at) => ({ item, rank: Math.imul(at + 1, 2_654_435_761) >>> 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

const notIterable: readonly unknown[] = ["abc", "", 1, null, undefined, {}, { length: 1, 0: "a" }, true];

export const batches: readonly Property[] = [
  property({
    id: "batches/any-size",
    title: "Batches of any size are done whole: put, read, deleted and counted.",
    needs: ["write"],
    async run({ collection }) {
      for (const size of SIZES) {
        const c = collection();
        const keys = keysTo(size);
        equal(await c.putMany(keys.map((key, at) => ({ key, value: at }))), undefined, "what putMany resolves to");
        deepEqual(
          await c.getMany(keys),
          keys.map((_, at) => at),
          `getMany after putMany of ${size}`,
        );
        equal(await c.deleteMany([...keys, "missing"]), size, `deleteMany of ${size} records and one that is missing`);
        deepEqual(
          await c.getMany(keys),
          keys.map(() => undefined),
          `getMany after deleteMany of ${size}`,
        );
        equal(await c.deleteMany(keys), 0, `the second deleteMany of ${size}`);
      }
    },
  }),
  property({
    id: "batches/order-of-the-keys",
    title: "`getMany` and `getEntries` answer in the order of their keys, misses in their places.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      const keys = keysTo(150);
      const there = (at: number): boolean => at % 3 !== 0;
      await c.putMany(keys.flatMap((key, at) => (there(at) ? [{ key, value: at }] : [])));
      for (const order of [keys, keys.toReversed(), shuffled(keys)]) {
        const expected = order.map((key) => (there(keys.indexOf(key)) ? keys.indexOf(key) : undefined));
        deepEqual(await c.getMany(order), expected, `getMany in the order ${show(order)}`);
        const entries = await c.getEntries(order);
        deepEqual(
          entries.map((entry) => entry?.value),
          expected,
          "the values of getEntries",
        );
        deepEqual(
          entries.map((entry) => entry?.key),
          order.map((key) => (there(keys.indexOf(key)) ? key : undefined)),
          "the keys of getEntries",
        );
      }
    },
  }),
  property({
    id: "batches/duplicates",
    title: "Keys may repeat: each place is answered, and a deletion counts once.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.putMany([
        { key: "a", value: 1 },
        { key: "b", value: 2 },
      ]);
      deepEqual(
        await c.getMany(["a", "b", "a", "c", "a", "c"]),
        [1, 2, 1, undefined, 1, undefined],
        "getMany with duplicates",
      );
      const entries = await c.getEntries(["b", "b", "c", "b"]);
      deepEqual(
        entries.map((entry) => entry?.value),
        [2, 2, undefined, 2],
        "getEntries with duplicates",
      );
      const many = Array.from({ length: 300 }, (_, at) => `key ${at % 7}`);
      await c.putMany(many.map((key, at) => ({ key, value: at })));
      deepEqual(
        await c.getMany(many),
        many.map((_, at) => 294 + (at % 7) - (at % 7 > 5 ? 7 : 0)),
        "getMany after putMany of seven keys again and again",
      );
      equal(await c.deleteMany(["a", "a", "b", "c", "a"]), 2, "deleteMany with duplicates");
      deepEqual(await c.getMany(["a", "b"]), [undefined, undefined], "getMany after it");
    },
  }),
  property({
    id: "batches/the-last-one-wins",
    title: "Where a key repeats in `putMany`, the last value and the last TTL win.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.putMany([
        { key: "a", value: 1, ttl: 60 },
        { key: "b", value: 1 },
        { key: "a", value: 2 },
        { key: "b", value: 2, ttl: 60 },
        { key: "c", value: 1 },
      ]);
      const entries = await c.getEntries(["a", "b", "c"]);
      deepEqual(
        entries.map((entry) => entry?.value),
        [2, 2, 1],
        "the values",
      );
      deepEqual(
        entries.map((entry) => entry?.ttl !== undefined),
        [false, true, false],
        "which of them has a TTL",
      );
    },
  }),
  property({
    id: "batches/empty",
    title: "Empty batches are done at once, and answer nothing.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      deepEqual(await c.getMany([]), [], "getMany([])");
      deepEqual(await c.getEntries([]), [], "getEntries([])");
      equal(await c.putMany([]), undefined, "putMany([])");
      equal(await c.deleteMany([]), 0, "deleteMany([])");
    },
  }),
  property({
    id: "batches/any-iterable",
    title: "Batches take any iterable: sets, generators, the keys of a Map; each is read once.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      function* entries() {
        for (const key of ["a", "b", "c"]) yield { key, value: key };
      }
      function* keys() {
        yield* ["c", "a", "missing"];
      }
      await c.putMany(entries());
      deepEqual(await c.getMany(keys()), ["c", "a", undefined], "getMany of a generator");
      deepEqual(
        (await c.getEntries(new Map([["b", 1]]).keys())).map((entry) => entry?.value),
        ["b"],
        "getEntries of a Map's keys",
      );
      equal(await c.deleteMany(new Set(["a", "b"])), 2, "deleteMany of a Set");
      await c.putMany(new Set([{ key: "d", value: 1 }]));
      equal(await c.get("d"), 1, "get after putMany of a Set");
    },
  }),
  property({
    id: "batches/no-strings",
    title: "A string, or what cannot be iterated, in the place of keys or entries is an InvalidArgumentError.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      for (const given of notIterable) {
        for (const method of ["getMany", "getEntries", "deleteMany", "putMany"]) {
          // A string is no entry, but it can be iterated.
          const expected = method === "putMany" && typeof given === "string" ? InvalidNameError : InvalidArgumentError;
          if (method === "putMany" && given === "") continue;
          await rejects<KeyValueError>(() => call(c, method, given), expected, `${method} of ${show(given)}`, {
            operation: method,
          });
        }
      }
    },
  }),
  property({
    id: "batches/an-invalid-entry-refuses-all",
    title: "An invalid entry refuses the whole of `putMany` before anything is stored, and the error names its key.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.put("old", "before");
      const good = [...keysTo(120).map((key) => ({ key, value: 1 })), { key: "old", value: "after" }];
      const refused = [
        [
          "a value that is not JSON",
          { key: "bad", value: { a: [1n] } },
          InvalidValueError,
          { key: "bad", path: ["a", 0] },
        ],
        ["no value", { key: "bad" }, InvalidValueError, { key: "bad", path: [] }],
        ["a TTL of zero", { key: "bad", value: 1, ttl: 0 }, InvalidTtlError, { key: "bad" }],
        ["an empty key", { key: "", value: 1 }, InvalidNameError, {}],
        ["no key", { value: 1 }, InvalidNameError, {}],
        ["nothing", undefined, InvalidNameError, {}],
      ] as const;
      for (const [what, entry, error, shape] of refused) {
        for (const entries of [
          [...good, entry],
          [entry, ...good],
        ]) {
          await rejects<KeyValueError>(() => call(c, "putMany", entries), error, `putMany with ${what}`, {
            operation: "putMany",
            collection: c.name,
            outcome: "not-applied",
            ...shape,
          });
        }
      }
      deepEqual(
        await c.getMany(good.map(({ key }) => key)),
        good.map(({ key }) => (key === "old" ? "before" : undefined)),
        "the records after all that was refused",
      );
    },
  }),
  property({
    id: "batches/an-invalid-key-refuses-all",
    title: "An invalid key refuses the whole of `deleteMany`.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", 1);
      for (const key of ["", 1, undefined, "\ud800"]) {
        await rejects(
          () => call(c, "deleteMany", ["a", key]),
          InvalidNameError,
          `deleteMany with the key ${show(key)}`,
          {
            operation: "deleteMany",
            outcome: "not-applied",
          },
        );
      }
      equal(await c.get("a"), 1, "get after all that was refused");
    },
  }),
  property({
    id: "batches/an-iterable-that-throws",
    title: "An iterable that throws stores nothing, and makes a rejection, not an exception.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      function* entries() {
        yield { key: "a", value: 1 };
        throw new Error("on purpose");
      }
      let failed = false;
      await c.putMany(entries()).catch(() => {
        failed = true;
      });
      equal(failed, true, "whether putMany rejected");
      equal(await c.get("a"), undefined, "get of the entry before it");
    },
  }),
  property({
    id: "batches/one-failure-leaves-the-rest",
    title: "A batch that fails in part rejects with BatchError: which keys, why, and the results of the others.",
    needs: ["write"],
    async run({ store, unique }) {
      const name = unique();
      const plain = store.collection(name);
      await plain.putMany([
        { key: "a", value: "good" },
        { key: "b", value: 2 },
        { key: "c", value: "good too" },
      ]);
      const typed = store.collection(name, { schema: text });
      for (const method of ["getMany", "getEntries"] as const) {
        const error = await rejects(
          () => typed[method](["a", "b", "missing", "c", "b"]),
          BatchError,
          `${method} where one record does not fit`,
          {
            code: "BATCH_FAILED",
            operation: method,
            collection: name,
          },
        );
        deepEqual(
          error.failures.map(({ index, key, error: { code } }) => ({ index, key, code })),
          [
            { index: 1, key: "b", code: "SCHEMA_MISMATCH" },
            { index: 4, key: "b", code: "SCHEMA_MISMATCH" },
          ],
          `the failures of ${method}`,
        );
        deepEqual(
          error.failures.map((failure) => failure.error.key),
          ["b", "b"],
          "the keys in the errors themselves",
        );
        equal(error.results.length, 5, "the number of results");
        const values = error.results.map((one) =>
          typeof one === "object" && one !== null ? Reflect.get(one, "value") : one,
        );
        deepEqual(values, ["good", undefined, undefined, "good too", undefined], `the results of ${method}`);
      }
    },
  }),
];
