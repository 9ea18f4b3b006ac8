/** Chapter "enumeration": what is listed and cleared under a prefix of collections or of keys. */
import { prefixCollections } from "../../../wrappers/prefix-collections.ts";
import { prefixKeys } from "../../../wrappers/prefix-keys.ts";
import { deepEqual, sameElements } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { collect, keysTo } from "../../support.ts";
import { fill, neighbours } from "./names.ts";

const needs = ["write", "enumerate"] as const;

export const prefixes: readonly Property[] = [
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
];
