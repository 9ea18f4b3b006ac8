/** Chapter "schema": typed collections, checked on the way in and on the way out. */
import { BatchError, SchemaError } from "../../errors.ts";
import { deepEqual, equal, ok, rejects } from "../assertions.ts";
import { type Property, property } from "../property.ts";
import { slowUser, small, text, user } from "../schemas.ts";
import { call, collect } from "../support.ts";

const ada = { name: "Ada", tags: ["maths"] };
const adaRead = { name: "Ada", tags: ["maths"], shout: "ADA" };

/** What does not fit a user, and the path of its fault. */
const misfits: readonly (readonly [value: unknown, path: readonly PropertyKey[]])[] = [
  [1, []],
  [null, []],
  [{}, ["name"]],
  [{ name: 1 }, ["name"]],
  [{ name: "Ada", tags: "none" }, ["tags"]],
  [{ name: "Ada", tags: ["a", 2] }, ["tags", 1]],
];

export const schema: readonly Property[] = [
  property({
    id: "schema/output-is-read",
    title: "What was put is stored as it was given; what is read is the schema's output.",
    needs: ["write"],
    async run({ store, unique }) {
      const name = unique();
      for (const users of [store.collection(name, { schema: user }), store.collection(name, { schema: slowUser })]) {
        await users.put("ada", ada);
        deepEqual(await store.collection(name).get("ada"), ada, "what is stored");
        deepEqual(await users.get("ada"), adaRead, "get");
        deepEqual((await users.getEntry("ada"))?.value, adaRead, "getEntry's value");
        await users.putMany([{ key: "bob", value: { name: "Bob" } }]);
        deepEqual(await store.collection(name).get("bob"), { name: "Bob" }, "what putMany stores");
        const bobRead = { name: "Bob", tags: [], shout: "BOB" };
        deepEqual(await users.getMany(["bob", "none", "ada"]), [bobRead, undefined, adaRead], "getMany");
        deepEqual(
          (await users.getEntries(["bob", "none"])).map((entry) => entry?.value),
          [bobRead, undefined],
          "getEntries",
        );
      }
    },
  }),
  property({
    id: "schema/misfits-are-not-stored",
    title: "A value that does not fit is a SchemaError that names the path, and is not stored.",
    needs: ["write"],
    async run({ store, unique }) {
      for (const schema of [user, slowUser]) {
        const name = unique();
        const users = store.collection(name, { schema });
        await users.put("ada", ada);
        for (const [value, path] of misfits) {
          const shape = { code: "SCHEMA_MISMATCH", collection: name, outcome: "not-applied", retryable: false };
          await rejects(() => call(users, "put", "ada", value), SchemaError, "put of a misfit", {
            ...shape,
            key: "ada",
            operation: "put",
            path,
          });
          const batch = [
            { key: "bob", value: ada },
            { key: "ada", value },
          ];
          await rejects(() => call(users, "putMany", batch), SchemaError, "putMany with a misfit", {
            ...shape,
            operation: "putMany",
            path,
          });
        }
        deepEqual(
          await store.collection(name).getMany(["ada", "bob"]),
          [ada, undefined],
          "what is stored after all that was refused",
        );
      }
    },
  }),
  property({
    id: "schema/misfits-are-not-read",
    title:
      "A stored record that does not fit is a SchemaError that names the path, never a miss; `has` and `delete` don't mind.",
    needs: ["write"],
    async run({ store, unique }) {
      for (const schema of [user, slowUser]) {
        const name = unique();
        const plain = store.collection(name);
        const users = store.collection(name, { schema });
        for (const [value, path] of misfits) {
          await plain.put("ada", value);
          const shape = { code: "SCHEMA_MISMATCH", collection: name, key: "ada", path, retryable: false };
          await rejects(() => users.get("ada"), SchemaError, "get of a misfit", { ...shape, operation: "get" });
          await rejects(() => users.getEntry("ada"), SchemaError, "getEntry of a misfit", {
            ...shape,
            operation: "getEntry",
          });
          await rejects(() => users.getMany(["ada"]), BatchError, "getMany of a misfit", { operation: "getMany" });
          equal(await users.has("ada"), true, "has of a misfit");
        }
        equal(await users.delete("ada"), true, "delete of a misfit");
      }
    },
  }),
  property({
    id: "schema/misfits-are-not-enumerated-silently",
    title: "An enumeration stops with a SchemaError at a record that does not fit; `keys` gives its key.",
    needs: ["write", "enumerate"],
    async run({ store, unique }) {
      const name = unique();
      const texts = store.collection(name, { schema: text });
      await texts.put("a", "fits");
      deepEqual(
        (await collect(texts.entries())).map(({ value }) => value),
        ["fits"],
        "the values of entries()",
      );
      await store.collection(name).put("b", 1);
      await rejects(() => collect(texts.entries()), SchemaError, "entries() with a misfit", {
        operation: "entries",
        collection: name,
        key: "b",
      });
      deepEqual((await collect(texts.keys())).sort(), ["a", "b"], "keys()");
    },
  }),
  property({
    id: "schema/atomics-are-checked",
    title: "Atomic operations check what they store and what they read, and destroy no record that does not fit.",
    needs: ["write", "atomic"],
    async run({ store, unique }) {
      const name = unique();
      const plain = store.collection(name);
      const users = store.collection(name, { schema: user });
      const revision = await users.putIfAbsent("ada", ada);
      ok(revision !== undefined, "putIfAbsent of what fits");
      const [misfit] = misfits;
      const refused = { code: "SCHEMA_MISMATCH", collection: name, outcome: "not-applied" };
      await rejects(
        () => call(users, "putIfAbsent", "bob", misfit?.[0]),
        SchemaError,
        "putIfAbsent of a misfit",
        refused,
      );
      await rejects(
        () => call(users, "compareAndSwap", "ada", revision, misfit?.[0]),
        SchemaError,
        "compareAndSwap to a misfit",
        refused,
      );
      await rejects(() => call(users, "update", "ada", () => misfit?.[0]), SchemaError, "update to a misfit", refused);
      deepEqual(await plain.getMany(["ada", "bob"]), [ada, undefined], "what is stored after all that was refused");
      const updated = await users.update("ada", (current) => {
        deepEqual(current, adaRead, "what update's function is handed");
        return { name: "Eve" };
      });
      deepEqual(updated, { name: "Eve", tags: [], shout: "EVE" }, "what update gives");
      deepEqual(await plain.get("ada"), { name: "Eve" }, "what update stores");
      deepEqual(await users.take("ada"), { name: "Eve", tags: [], shout: "EVE" }, "take");
      await plain.put("ada", "a misfit");
      await rejects(() => users.take("ada"), SchemaError, "take of a misfit", refused);
      await rejects(() => users.update("ada", () => ada), SchemaError, "update of a misfit", refused);
      equal(await plain.get("ada"), "a misfit", "the misfit, after take and update were refused");
      const counters = store.collection(name, { schema: small });
      equal(await counters.increment("n", 2), 2, "increment to what fits");
      await rejects(() => counters.increment("n", 2), SchemaError, "increment to a misfit", refused);
      equal(await plain.get("n"), 2, "the number after it");
    },
  }),
];
