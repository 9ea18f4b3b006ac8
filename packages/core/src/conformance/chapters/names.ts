/** Chapter "names": any string names a record or a collection, and no two pairs of names meet. */
import { InvalidNameError } from "../../errors.ts";
import { equal, rejects, sameElements, show } from "../assertions.ts";
import { confusablePairs, hostileNames, invalidNames } from "../corpus.ts";
import { type Property, property } from "../property.ts";
import { call, collect, keyOperations } from "../support.ts";

export const names: readonly Property[] = [
  property({
    id: "names/any-string-is-a-key",
    title: "Any non-empty, well-formed string is a key; different keys never share a record.",
    needs: ["write"],
    async run({ collection }) {
      const records = collection();
      await Promise.all(hostileNames.map((key, at) => records.put(key, at)));
      const single = await Promise.all(hostileNames.map((key) => records.get(key)));
      const batch = await records.getMany(hostileNames);
      for (const [at, key] of hostileNames.entries()) {
        equal(
          single[at],
          at,
          `get(${show(key)}), after each of ${hostileNames.length} keys was put with its own number`,
        );
        equal(batch[at], at, `getMany at the key ${show(key)}`);
      }
    },
  }),
  property({
    id: "names/any-string-is-a-collection",
    title: "Any non-empty, well-formed string is a collection; different collections never share a record.",
    needs: ["write"],
    async run({ store, unique }) {
      const key = unique();
      await Promise.all(hostileNames.map((name, at) => store.collection(name).put(key, at)));
      const values = await Promise.all(hostileNames.map((name) => store.collection(name).get(key)));
      for (const [at, name] of hostileNames.entries()) {
        equal(
          values[at],
          at,
          `get of one key in the collection ${show(name)}, after each collection got its own number`,
        );
      }
      await Promise.all(hostileNames.map((name) => store.collection(name).delete(key)));
    },
  }),
  property({
    id: "names/pairs-never-meet",
    title: "Two different pairs of collection and key never share a record, whatever they hold.",
    needs: ["write"],
    async run({ store, unique }) {
      const pairs = confusablePairs(unique());
      await Promise.all(pairs.map(([name, key], at) => store.collection(name).put(key, at)));
      const read = () => Promise.all(pairs.map(([name, key]) => store.collection(name).get(key)));
      for (const [at, value] of (await read()).entries()) {
        equal(
          value,
          at,
          `get of the pair ${show(pairs[at])}, after each of ${pairs.length} pairs was put with its number`,
        );
      }
      for (const [at, [name, key]] of pairs.entries()) if (at % 2 === 0) await store.collection(name).delete(key);
      for (const [at, value] of (await read()).entries()) {
        equal(
          value,
          at % 2 === 0 ? undefined : at,
          `get of the pair ${show(pairs[at])}, after every other pair was deleted`,
        );
      }
    },
  }),
  property({
    id: "names/deleting-one-leaves-the-others",
    title: "Deleting under one name leaves all others, however alike.",
    needs: ["write"],
    async run({ collection }) {
      const records = collection();
      const entries = hostileNames.map((key, at) => ({ key, value: at }));
      for (const odd of [true, false]) {
        await records.putMany(entries);
        const isDoomed = (at: number): boolean => (at % 2 === 1) === odd;
        const doomed = hostileNames.filter((_, at) => isDoomed(at));
        equal(await records.deleteMany(doomed), doomed.length, `deleteMany of ${doomed.length} of the keys`);
        for (const [at, value] of (await records.getMany(hostileNames)).entries()) {
          const expected = isDoomed(at) ? undefined : at;
          equal(value, expected, `the key ${show(hostileNames[at])}, after every other one was deleted`);
        }
      }
    },
  }),
  property({
    id: "names/keys-are-listed-as-given",
    title: "Keys are enumerated as they were given, hashed or escaped as they may lie in the backend.",
    needs: ["write", "enumerate"],
    async run({ collection }) {
      const records = collection();
      await records.putMany(hostileNames.map((key, at) => ({ key, value: at })));
      sameElements(await collect(records.keys()), hostileNames, "keys()");
      const entries = new Map((await collect(records.entries())).map(({ key, value }) => [key, value]));
      for (const [at, key] of hostileNames.entries()) equal(entries.get(key), at, `the entry of ${show(key)}`);
    },
  }),
  property({
    id: "names/collections-are-listed-as-given",
    title: "Collections are enumerated as they were given.",
    needs: ["write", "enumerate"],
    async run({ store, unique }) {
      const prefix = unique();
      const wanted = hostileNames.map((name) => `${prefix}${name}`);
      await Promise.all(wanted.map((name) => store.collection(name).put("a", 1)));
      sameElements(await collect(store.collections({ prefix })), wanted, `collections({ prefix: ${show(prefix)} })`);
    },
  }),
  property({
    id: "names/atomics-tell-names-apart",
    title: "Atomic operations, too, tell all names apart.",
    needs: ["write", "atomic"],
    async run({ collection }) {
      const records = collection();
      const made = await Promise.all(hostileNames.map((key, at) => records.putIfAbsent(key, at)));
      for (const [at, revision] of made.entries()) {
        equal(typeof revision, "string", `what putIfAbsent of the new key ${show(hostileNames[at])} gave`);
      }
      const taken = await Promise.all(hostileNames.map((key) => records.take(key)));
      for (const [at, value] of taken.entries()) equal(value, at, `take(${show(hostileNames[at])})`);
    },
  }),
  property({
    id: "names/invalid-keys-are-refused",
    title: "A key that is no non-empty, well-formed string is an InvalidNameError in every operation.",
    async run({ store, collection }) {
      const records = collection();
      for (const { method, needs, args } of keyOperations) {
        if (needs !== undefined && !store.can(needs)) continue;
        for (const [what, key] of invalidNames) {
          await rejects(
            () => call(records, method, ...args(key)),
            InvalidNameError,
            `${method} with ${what} as the key`,
            {
              code: "INVALID_NAME",
              operation: method,
              collection: records.name,
            },
          );
        }
      }
    },
  }),
  property({
    id: "names/invalid-collections-are-refused",
    title: "A collection that is no non-empty, well-formed string is an InvalidNameError.",
    async run({ store }) {
      for (const [what, name] of invalidNames) {
        // No name is the default collection.
        if (name === undefined) continue;
        await rejects(async () => call(store, "collection", name), InvalidNameError, `collection() with ${what}`, {
          code: "INVALID_NAME",
        });
      }
    },
  }),
  property({
    id: "names/default-collection",
    title: "A store's own operations are those of its default collection: `default_collection`, unless it is given.",
    needs: ["write"],
    async run({ store, open, unique }) {
      const key = unique();
      await store.put(key, 1);
      equal(
        await store.collection("default_collection").get(key),
        1,
        'collection("default_collection").get after store.put',
      );
      equal(await store.collection().get(key), 1, "collection().get after store.put");
      equal(await store.delete(key), true, "store.delete");
      const defaultCollection = unique();
      const other = await open({ defaultCollection });
      await other.put(key, 2);
      equal(
        await other.collection(defaultCollection).get(key),
        2,
        "the collection given as defaultCollection, after store.put",
      );
      equal(other.collection().name, defaultCollection, "the name of collection()");
      equal(await other.collection("default_collection").get(key), undefined, "the usual default collection then");
    },
  }),
];
