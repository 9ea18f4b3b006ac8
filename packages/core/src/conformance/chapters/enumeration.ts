/** Chapter "enumeration": listing and clearing are complete, and reach nothing else. */
import type { Capability } from "../../capabilities.ts";
import { around, defineLayer } from "../../driver/layer.ts";
import { InvalidNameError } from "../../errors.ts";
import type { Collection } from "../../store.ts";
import { prefixCollections } from "../../wrappers/prefix-collections.ts";
import { prefixKeys } from "../../wrappers/prefix-keys.ts";
import { deepEqual, equal, ok, rejects, sameElements, show } from "../assertions.ts";
import { type Property, property } from "../property.ts";
import { call, collect, each } from "../support.ts";

const needs = ["write", "enumerate"] as const;

const keysTo = (count: number, name = "key"): string[] => Array.from({ length: count }, (_, at) => `${name} ${at}`);

async function fill<C extends Capability>(c: Collection<C | "write">, keys: readonly string[]): Promise<void> {
  await c.putMany(keys.map((key) => ({ key, value: { key } })));
}

/** Names that begin like another, or mean it as a pattern. */
const neighbours = (name: string): string[] =>
  ["b", ":", ":b", "::", "::b", "*", "?", "_", "__", "__b", "/", "/b", ".", "%", " ", "\0", "[a]", "\\", "-b", "A"].map(
    (end) => name + end,
  );

function checkOnce(
  seen: readonly string[],
  throughout: readonly string[],
  known: ReadonlySet<string>,
  what: string,
): void {
  const counts = new Map<string, number>();
  for (const key of seen) counts.set(key, (counts.get(key) ?? 0) + 1);
  const repeated = [...counts].filter(([, count]) => count > 1).map(([key]) => key);
  const missing = throughout.filter((key) => !counts.has(key));
  const unknown = [...counts.keys()].filter((key) => !known.has(key));
  ok(repeated.length === 0, `${what}: ${repeated.length} keys came more than once: ${show(repeated)}`);
  ok(
    missing.length === 0,
    `${what}: ${missing.length} of ${throughout.length} keys that were there throughout never came: ${show(missing)}`,
  );
  ok(unknown.length === 0, `${what}: keys came that nobody put: ${show(unknown)}`);
}

export const enumeration: readonly Property[] = [
  property({
    id: "enumeration/complete",
    title: "`keys` and `entries` give every record of the collection, each once, however many.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      const other = collection();
      const keys = keysTo(settings.records);
      await Promise.all([fill(c, keys), fill(other, keysTo(50, "other"))]);
      sameElements(await collect(c.keys()), keys, `keys() of ${keys.length} records`);
      const entries = await collect(c.entries());
      sameElements(
        entries.map(({ key }) => key),
        keys,
        `the keys of entries() of ${keys.length} records`,
      );
      for (const { key, value } of entries) deepEqual(value, { key }, `entries()' value of ${show(key)}`);
      sameElements(await collect(other.keys()), keysTo(50, "other"), "keys() of the other collection");
      await c.deleteMany(keys);
      deepEqual(await collect(c.keys()), [], "keys() after all were deleted");
    },
  }),
  property({
    id: "enumeration/entries-are-entries",
    title: "`entries` gives what `getEntry` gives.",
    needs,
    async run({ collection }) {
      const c = collection();
      await c.put("a", { n: 1 });
      await c.put("b", null, { expiresAt: Date.now() + 600_000 });
      for (const entry of await collect(c.entries())) {
        const { ttl, ...known } = entry;
        const { ttl: left, ...expected } = (await c.getEntry(entry.key)) ?? {};
        deepEqual(known, expected, `the entry of ${show(entry.key)}, its ttl apart`);
        if (entry.key === "b")
          ok(ttl !== undefined && left !== undefined && left <= ttl && ttl <= 600, `ttl, ${ttl}, is what is left`);
        else equal(ttl, undefined, "ttl of a record that never expires");
      }
    },
  }),
  property({
    id: "enumeration/empty",
    title: "A collection without records enumerates nothing, also after its last record was deleted.",
    needs,
    async run({ collection, store }) {
      const c = collection();
      deepEqual(await collect(c.keys()), [], "keys() of a collection that never was");
      deepEqual(await collect(c.entries()), [], "entries() of it");
      await c.put("a", 1);
      await c.delete("a");
      deepEqual(await collect(c.keys()), [], "keys() after delete");
      deepEqual(await collect(store.collections({ prefix: c.name })), [], "collections() after delete");
    },
  }),
  property({
    id: "enumeration/prefix",
    title: "`prefix` gives the keys that begin with it, its characters taken literally.",
    needs,
    async run({ collection }) {
      const c = collection();
      const keys = [
        "a",
        "ab",
        "abc",
        "b",
        "A",
        "a*",
        "a*b",
        "*",
        "?",
        "a?",
        "[a]",
        "[a",
        "\\",
        "\\*",
        "a\\",
        "a::b",
        "::",
        "::a",
        "é",
        "e\u0301",
        "e",
        "😀a",
        "%",
        "%3A",
        " a",
        `${"a".repeat(300)}1`,
        `${"a".repeat(300)}2`,
      ];
      await fill(c, keys);
      for (const prefix of [
        "",
        ...keys,
        "abcd",
        "nothing",
        "x".repeat(5000),
        "a".repeat(300),
        "a:",
        "^a",
        ".*",
        "\ud83d\ude00",
      ]) {
        const expected = keys.filter((key) => key.startsWith(prefix));
        sameElements(await collect(c.keys({ prefix })), expected, `keys({ prefix: ${show(prefix)} })`);
        sameElements(
          (await collect(c.entries({ prefix }))).map(({ key }) => key),
          expected,
          `entries({ prefix: ${show(prefix)} })`,
        );
      }
      sameElements(await collect(c.keys({ prefix: undefined })), keys, "keys({ prefix: undefined })");
      for (const prefix of [1, null, {}, "\ud800"]) {
        await rejects(() => call(c, "keys", { prefix }), InvalidNameError, `keys with the prefix ${show(prefix)}`, {
          operation: "keys",
        });
      }
    },
  }),
  property({
    id: "enumeration/neighbours-are-apart",
    title: "A collection's enumeration shows nothing of collections with similar names.",
    needs,
    async run({ store, unique }) {
      const name = unique();
      const all = [name, ...neighbours(name), name.toUpperCase()];
      await Promise.all(all.map((one) => store.collection(one).put(`key of ${one}`, 1)));
      for (const one of all) {
        deepEqual(
          await collect(store.collection(one).keys()),
          [`key of ${one}`],
          `keys() of the collection ${show(one)}`,
        );
      }
    },
  }),
  property({
    id: "enumeration/collections",
    title: "`collections` gives each collection that holds a record once; `prefix` those whose names begin with it.",
    needs,
    async run({ store, unique }) {
      const [first, second] = [unique(), unique()];
      const names = [first, ...neighbours(first)];
      for (const name of names) await fill(store.collection(name), keysTo(30));
      await store.collection(second).put("a", 1);
      const own = (list: readonly string[]): string[] =>
        list.filter((name) => name.startsWith(first) || name.startsWith(second));
      sameElements(await collect(store.collections({ prefix: first })), names, "collections() by the first name");
      sameElements(
        await collect(store.collections({ prefix: `${first}:` })),
        names.filter((name) => name.startsWith(`${first}:`)),
        "collections() by a longer prefix",
      );
      sameElements(
        await collect(store.collections({ prefix: `${first}*` })),
        [`${first}*`],
        "collections() by a prefix with a glob character",
      );
      sameElements(own(await collect(store.collections())), [...names, second], "collections() without a prefix");
      await store.collection(second).delete("a");
      deepEqual(
        await collect(store.collections({ prefix: second })),
        [],
        "collections() after the last record was deleted",
      );
    },
  }),
  property({
    id: "enumeration/many-collections",
    title: "`collections` is complete, however many there are.",
    needs,
    async run({ store, unique, settings }) {
      const prefix = unique();
      const names = keysTo(settings.records / 5, prefix);
      // Some backends make a table for each.
      await each(names, (name) => store.collection(name).put("a", 1), 16);
      sameElements(await collect(store.collections({ prefix })), names, `collections() of ${names.length}`);
    },
  }),
  property({
    id: "enumeration/while-others-write",
    title:
      "Each record that lives throughout comes exactly once, others at most once, while others put, overwrite and delete.",
    needs,
    async run({ collection, settings }) {
      for (const kind of ["keys", "entries"] as const) {
        const c = collection();
        const stable = keysTo(settings.records / 2, "stable");
        const doomed = keysTo(settings.records / 5, "doomed");
        const born = keysTo(settings.records / 5, "born");
        await fill(c, [...stable, ...doomed]);
        const writes: Promise<unknown>[] = [];
        const seen: string[] = [];
        const items = kind === "keys" ? c.keys() : c.entries();
        for await (const item of items) {
          const at = seen.push(typeof item === "string" ? item : item.key);
          if (at % 3 !== 0) continue;
          const [gone, made, kept] = [doomed[at / 3], born[at / 3], stable[stable.length - at]];
          if (gone) writes.push(c.delete(gone));
          if (made) writes.push(c.put(made, at));
          if (kept) writes.push(c.put(kept, { again: at }));
          if (at % 30 === 0) await Promise.all(writes);
        }
        await Promise.all(writes);
        checkOnce(seen, stable, new Set([...stable, ...doomed, ...born]), `${kind}()`);
      }
    },
  }),
  property({
    id: "enumeration/while-much-goes",
    title: "Nothing is skipped where many records, seen and unseen ones, are deleted in the middle of an enumeration.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      const stable = keysTo(settings.records / 5, "m");
      const [before, behind] = [keysTo(settings.records / 5, "a"), keysTo(settings.records / 5, "z")];
      const doomed = [...before, ...behind];
      await fill(c, [...before, ...stable, ...behind]);
      const seen: string[] = [];
      let rest = doomed;
      for await (const key of c.keys()) {
        // Now and then, those that came are deleted together with some that did not.
        if (seen.push(key) % 150 !== 0) continue;
        const came = new Set(seen);
        const gone = [...rest.filter((one) => came.has(one)), ...rest.filter((one) => !came.has(one)).slice(0, 40)];
        await c.deleteMany(gone);
        const set = new Set(gone);
        rest = rest.filter((one) => !set.has(one));
      }
      checkOnce(seen, stable, new Set([...stable, ...doomed]), "keys()");
    },
  }),
  property({
    id: "enumeration/deleting-what-comes",
    title: "A loop that deletes each key as it comes leaves none.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      const keys = keysTo(settings.records / 10);
      await fill(c, keys);
      const seen: string[] = [];
      for await (const key of c.keys()) {
        seen.push(key);
        equal(await c.delete(key), true, `delete(${show(key)}) as it comes`);
      }
      sameElements(seen, keys, "keys() with each deleted as it comes");
      deepEqual(await collect(c.keys()), [], "keys() after it");
    },
  }),
  property({
    id: "enumeration/early-end",
    title: "A loop may be left at any time; another one, also beside it, begins anew.",
    needs,
    async run({ collection, store }) {
      const c = collection();
      const keys = keysTo(300);
      await fill(c, keys);
      for (const stop of [1, 150]) {
        let count = 0;
        for await (const _ of c.keys()) if (++count === stop) break;
        equal(count, stop, "keys that came before the loop was left");
      }
      const unused = c.entries();
      await unused.return();
      deepEqual(await collect(unused), [], "an enumeration that was ended before its first element");
      const beside = await Promise.all([collect(c.keys()), collect(c.keys()), collect(c.entries())]);
      sameElements(beside[0], keys, "the first of three loops at once");
      sameElements(beside[1], keys, "the second of three loops at once");
      sameElements(
        beside[2].map(({ key }) => key),
        keys,
        "the third of three loops at once",
      );
      const names: string[] = [];
      for await (const name of store.collections()) {
        names.push(name);
        break;
      }
      equal(names.length, 1, "collections() left after the first");
      equal(await c.has("key 0"), true, "another operation after all that");
    },
  }),
  property({
    id: "enumeration/lazy",
    title: "An enumeration asks for a page only when the loop comes to it, and for none after the loop was left.",
    needs,
    async run({ store, unique, settings }) {
      let exchanges = 0;
      const counting = defineLayer("counting", (inner) =>
        around(inner, ({ operation }, call, exchange) => {
          if (operation === "list") exchanges++;
          return exchange(call);
        }),
      );
      const c = store.with(counting).collection(unique());
      await fill(c, keysTo(settings.records));
      const during = async (run: () => Promise<unknown>): Promise<number> => {
        const before = exchanges;
        await run();
        return exchanges - before;
      };
      equal(await during(() => c.keys().return()), 0, "exchanges of an enumeration that nobody reads");
      const all = await during(() => collect(c.keys()));
      const one = await during(async () => {
        for await (const _ of c.keys()) break;
      });
      // A backend may give all in one page, or empty ones first.
      ok(one < all || all === 1, `${one} exchanges for the first key, ${all} for all ${settings.records}`);
    },
  }),
  property({
    id: "enumeration/clear",
    title:
      "`clear` deletes all records of its collection, however many, and those of no other, however similar its name.",
    needs: ["write", "clear"],
    async run({ store, unique, settings }) {
      const name = unique();
      const c = store.collection(name);
      const others = [...neighbours(name), name.toUpperCase(), name.slice(0, -1), "default_collection"];
      const key = `key of ${name}`;
      const keys = keysTo(settings.records);
      await fill(c, keys);
      await c.put("with a TTL", 1, { ttl: 600 });
      await Promise.all(others.map((other) => store.collection(other).put(key, other)));
      equal(await c.clear(), undefined, "what clear resolves to");
      const left = (await c.getMany([...keys, "with a TTL"])).filter((value) => value !== undefined);
      equal(left.length, 0, `records of ${keys.length + 1} after clear`);
      for (const other of others)
        equal(
          await store.collection(other).get(key),
          other,
          `a record of the collection ${show(other)} after clear of ${show(name)}`,
        );
      await c.clear();
      await c.put("a", 1);
      equal(await c.get("a"), 1, "put and get after clear");
      await Promise.all(others.map((other) => store.collection(other).delete(key)));
    },
  }),
  property({
    id: "enumeration/clear-takes-names-literally",
    title: "`clear` of a collection whose name is a pattern, or part of another's stored name, deletes nothing else.",
    needs: ["write", "clear"],
    async run({ store, unique }) {
      const name = unique();
      const all = [name, ...neighbours(name), name.toUpperCase()];
      const key = "::b";
      for (const cleared of all) {
        await Promise.all(all.map((one) => store.collection(one).put(key, one)));
        await store.collection(cleared).clear();
        const values = await Promise.all(all.map((one) => store.collection(one).get(key)));
        for (const [at, one] of all.entries()) {
          equal(
            values[at],
            one === cleared ? undefined : one,
            `a record of ${show(one)} after clear of ${show(cleared)}`,
          );
        }
      }
    },
  }),
  property({
    id: "enumeration/clear-all-reaches-its-prefix",
    title: "`clearAll` deletes all that the store reaches: under a prefix all of that prefix, and nothing beside it.",
    needs: ["write", "clear"],
    async run({ store, unique }) {
      const prefix = unique();
      const under = store.with(prefixCollections(prefix));
      const beside = neighbours(prefix).map((other) => store.with(prefixCollections(other)));
      const plain = store.collection(prefix);
      const collections = ["a", "b::c", "default_collection", "_", "x".repeat(500)];
      await fill(under.collection("many"), keysTo(500));
      for (const name of collections) {
        await under.collection(name).put("key", 1);
        await Promise.all(beside.map((other) => other.collection(name).put("key", 2)));
      }
      await plain.put("key", 3);
      equal(await under.clearAll(), undefined, "what clearAll resolves to");
      for (const name of [...collections, "many"]) {
        equal(
          await under.collection(name).get("key"),
          undefined,
          `a record of ${show(name)} under the prefix, after clearAll`,
        );
      }
      deepEqual(
        (await under.collection("many").getMany(keysTo(500))).filter((value) => value !== undefined),
        [],
        "500 records under the prefix, after clearAll",
      );
      for (const [at, other] of beside.entries()) {
        for (const name of collections) {
          equal(
            await other.collection(name).get("key"),
            2,
            `a record of ${show(name)} under the prefix ${show(neighbours(prefix)[at])}, after clearAll under ${show(prefix)}`,
          );
        }
      }
      equal(await plain.get("key"), 3, "a record under no prefix");
    },
  }),
  property({
    id: "enumeration/prefixed-collections",
    title: "Under a prefix, `collections` gives the names without it, and no others.",
    needs,
    async run({ store, unique }) {
      const prefix = unique();
      const under = store.with(prefixCollections(prefix));
      const names = ["a", "_", "__", "a__b", "__a__", "%5F", "x".repeat(500)];
      await Promise.all(names.map((name) => under.collection(name).put("key", 1)));
      await Promise.all(
        neighbours(prefix).map((other) => store.with(prefixCollections(other)).collection("foreign").put("key", 1)),
      );
      await store.collection(prefix).put("key", 1);
      sameElements(await collect(under.collections()), names, "collections() under the prefix");
      sameElements(
        await collect(under.collections({ prefix: "_" })),
        ["_", "__", "__a__"],
        'collections({ prefix: "_" }) under the prefix',
      );
    },
  }),
  property({
    id: "enumeration/key-prefixes-are-apart",
    title: "Under a prefix of keys, enumerating and clearing reach what lies under it, and nothing beside it.",
    needs: ["write", "enumerate", "clear"],
    async run({ store, unique }) {
      const prefix = unique();
      const [name, other] = [unique(), unique()];
      const all = store.with(prefixCollections(unique()));
      const under = all.with(prefixKeys(prefix));
      const alike = [prefix, prefix.slice(0, -1), ...neighbours(prefix), `x__${prefix}`];
      const foreign = [...alike, ...alike.map((key) => `${key}__k`)].filter((key) => !key.startsWith(`${prefix}__`));
      // A key that is the prefix alone lies beside it, too: no key is empty.
      for (const others of [foreign, [...foreign, `${prefix}__`]]) {
        await Promise.all([fill(all.collection(name), others), fill(all.collection(other), others)]);
        for (const method of ["clear", "clearAll"] as const) {
          await fill(under.collection(name), keysTo(150));
          sameElements(await collect(under.collection(name).keys()), keysTo(150), "keys() under the prefix");
          sameElements(await collect(under.collections()), [name], "collections() under the prefix");
          await (method === "clear" ? under.collection(name).clear() : under.clearAll());
          deepEqual(await collect(under.collection(name).keys()), [], `keys() under the prefix, after ${method}`);
          for (const one of [name, other]) {
            sameElements(
              await collect(all.collection(one).keys()),
              others,
              `keys() beside the prefix, after ${method}`,
            );
          }
        }
      }
    },
  }),
  property({
    id: "enumeration/cull-keeps-what-lives",
    title: "`cull` deletes nothing that lives.",
    needs: ["write", "clear"],
    async run({ collection, store }) {
      const c = collection();
      const keys = keysTo(200);
      await c.putMany(keys.map((key, at) => (at % 2 === 0 ? { key, value: at } : { key, value: at, ttl: 600 })));
      await store.cull();
      deepEqual(
        await c.getMany(keys),
        keys.map((_, at) => at),
        "getMany after cull",
      );
    },
  }),
];
