/** Chapter "enumeration": `clear` and `clearAll` delete what they reach, and nothing beside it. */
import { prefixCollections } from "../../../wrappers/prefix-collections.ts";
import { deepEqual, equal, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { keysTo } from "../../support.ts";
import { fill, neighbours } from "./names.ts";

export const clearing: readonly Property[] = [
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
];
