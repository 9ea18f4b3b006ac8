/** Chapter "enumeration": `collections` gives the collections that hold records. */
import { deepEqual, sameElements } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { collect, each, keysTo } from "../../support.ts";
import { fill, neighbours } from "./names.ts";

const needs = ["write", "enumerate"] as const;

export const collections: readonly Property[] = [
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
];
