/** Chapter "enumeration": `keys` and `entries` give the records of their collection, and no others. */
import { InvalidNameError } from "../../../errors.ts";
import { deepEqual, equal, ok, rejects, sameElements, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { call, collect, keysOf, keysTo } from "../../support.ts";
import { fill, neighbours } from "./names.ts";

const needs = ["write", "enumerate"] as const;

export const listing: readonly Property[] = [
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
      sameElements(keysOf(entries), keys, `the keys of entries() of ${keys.length} records`);
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
        sameElements(keysOf(await collect(c.entries({ prefix }))), expected, `entries({ prefix: ${show(prefix)} })`);
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
];
