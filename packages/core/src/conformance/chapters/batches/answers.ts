/** Chapter "batches": what batches answer, of any size and in any order. */
import { deepEqual, equal, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { keysTo } from "../../support.ts";

/** Around the sizes at which backends split: DynamoDB 25 and 100, core's own 1,000. */
const SIZES = [1, 2, 24, 25, 26, 99, 100, 101, 1001];

const valuesOf = (entries: readonly ({ readonly value: unknown } | undefined)[]): unknown[] =>
  entries.map((entry) => entry?.value);

/** The same elements, in an order in which no backend keeps them, each time the same. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item, at) => ({ item, rank: Math.imul(at + 1, 2_654_435_761) >>> 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

export const answers: readonly Property[] = [
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
        deepEqual(valuesOf(entries), expected, "the values of getEntries");
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
      deepEqual(valuesOf(entries), [2, 2, undefined, 2], "getEntries with duplicates");
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
      deepEqual(valuesOf(entries), [2, 2, 1], "the values");
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
];
