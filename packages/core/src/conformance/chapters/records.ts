/** Chapter "records": what the plain operations answer, and that a resolved write is a stored write. */
import { deepEqual, equal, ok, show } from "../assertions.ts";
import { type Property, property } from "../property.ts";
import { each, keysTo, stamped } from "../support.ts";

export const records: readonly Property[] = [
  property({
    id: "records/missing-is-undefined",
    title: "Where there is no record, reads answer `undefined` and `false`, never an error.",
    async run({ collection }) {
      const empty = collection();
      equal(await empty.get("a"), undefined, "get");
      equal(await empty.has("a"), false, "has");
      equal(await empty.getEntry("a"), undefined, "getEntry");
      deepEqual(await empty.getMany(["a", "b"]), [undefined, undefined], "getMany");
      deepEqual(await empty.getEntries(["a", "b"]), [undefined, undefined], "getEntries");
    },
  }),
  property({
    id: "records/put-replaces",
    title: "`put` stores, and replaces what was there.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      equal(await c.put("a", { first: 1, both: 1 }), undefined, "what put resolves to");
      deepEqual(await c.get("a"), { first: 1, both: 1 }, "get after put");
      equal(await c.has("a"), true, "has after put");
      await c.put("a", { both: 2 });
      deepEqual(await c.get("a"), { both: 2 }, "get after the second put");
      await c.put("a", [1]);
      deepEqual(await c.get("a"), [1], "get after a value of another kind was put");
    },
  }),
  property({
    id: "records/delete-tells",
    title: "`delete` tells whether there was a record, and leaves none.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      equal(await c.delete("a"), false, "delete of a key that was never put");
      await c.put("a", null);
      await c.put("b", 1);
      equal(await c.delete("a"), true, "delete of a record");
      equal(await c.get("a"), undefined, "get after delete");
      equal(await c.has("a"), false, "has after delete");
      equal(await c.delete("a"), false, "the second delete");
      equal(await c.get("b"), 1, "another record");
    },
  }),
  property({
    id: "records/no-value-is-missing",
    title: '`null`, `{}`, `[]`, `""`, `0` and `false` are values: `has` is true, and no read takes them for a miss.',
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      for (const value of [null, {}, [], "", 0, false]) {
        await c.put("a", value);
        equal(await c.has("a"), true, `has after put of ${show(value)}`);
        deepEqual(await c.get("a"), value, `get after put of ${show(value)}`);
        deepEqual(await c.getMany(["a"]), [value], `getMany after put of ${show(value)}`);
        deepEqual((await c.getEntry("a"))?.value, value, `getEntry's value after put of ${show(value)}`);
        equal(await c.delete("a"), true, `delete after put of ${show(value)}`);
      }
    },
  }),
  property({
    id: "records/entry-tells-what-is-known",
    title: "`getEntry` gives key, value, creation time and revision; without a TTL neither `ttl` nor `expiresAt`.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      const { before, after } = await stamped(() => c.put("a", { b: 1 }));
      const entry = await c.getEntry("a");
      ok(entry, "getEntry of a record");
      deepEqual(Object.keys(entry).sort(), ["createdAt", "key", "revision", "value"], "the members of the entry");
      equal(entry.key, "a", "its key");
      deepEqual(entry.value, { b: 1 }, "its value");
      ok(entry.createdAt instanceof Date, "createdAt is a Date");
      const created = entry.createdAt.getTime();
      ok(
        before <= created && created <= after,
        `createdAt ${created} lies between ${before}, before put, and ${after}, after its answer`,
      );
      ok(typeof entry.revision === "string" && entry.revision !== "", "the revision is a non-empty string");
      deepEqual(await c.getEntries(["a", "b", "a"]), [entry, undefined, entry], "getEntries");
    },
  }),
  property({
    id: "records/resolved-is-stored",
    title: "A resolved write is a stored write: every one of many can be read the moment that it resolves.",
    needs: ["write"],
    async run({ collection, settings }) {
      const c = collection();
      const keys = keysTo(settings.thorough ? 5000 : 300);
      await each(keys, async (key, at) => {
        await c.put(key, at);
        equal(await c.get(key), at, `get(${show(key)}) right after put`);
      });
      await each(keys, async (key, at) => {
        if (at % 3 !== 0) return;
        equal(await c.delete(key), true, `delete(${show(key)})`);
        equal(await c.get(key), undefined, `get(${show(key)}) right after delete`);
      });
      for (const [at, value] of (await c.getMany(keys)).entries()) {
        equal(value, at % 3 === 0 ? undefined : at, `${show(keys[at])} at the end`);
      }
    },
  }),
  property({
    id: "records/concurrent-writes-are-kept",
    title:
      "Concurrent writes of different keys are all kept; of one key the last to be sent or another one wins whole.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      const keys = keysTo(200);
      await Promise.all(keys.map((key, at) => c.put(key, { at })));
      for (const [at, value] of (await c.getMany(keys)).entries()) deepEqual(value, { at }, `${show(keys[at])}`);
      const written = Array.from({ length: 50 }, (_, at) => ({ at, text: String(at).repeat(500) }));
      await Promise.all(written.map((value) => c.put("one", value)));
      const one = await c.get("one");
      ok(
        written.some((value) => JSON.stringify(value) === JSON.stringify(one)),
        `the value is one of those written, not ${show(one)}`,
      );
    },
  }),
  property({
    id: "records/collections-are-apart",
    title: "The same key in two collections is two records.",
    needs: ["write"],
    async run({ collection }) {
      const [a, b] = [collection(), collection()];
      await a.put("key", 1);
      equal(await b.get("key"), undefined, "get in the other collection");
      equal(await b.delete("key"), false, "delete in the other collection");
      await b.put("key", 2);
      equal(await a.get("key"), 1, "get in the first collection");
      await b.delete("key");
      equal(await a.get("key"), 1, "get in the first collection, after delete in the other");
    },
  }),
];
