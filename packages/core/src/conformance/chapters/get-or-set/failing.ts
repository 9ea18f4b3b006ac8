/** Chapter "get-or-set": a factory that fails, or makes what is no value, stores nothing. */
import { InvalidArgumentError, InvalidTtlError, InvalidValueError, SchemaError } from "../../../errors.ts";
import { deepEqual, equal, rejects } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { user } from "../../schemas.ts";
import { call } from "../../support.ts";
import { quietly } from "../../unhandled.ts";
import { thrownBy } from "./waiting.ts";

const needs = ["write"] as const;

export const failing: readonly Property[] = [
  property({
    id: "get-or-set/a-failed-factory-fails-the-call",
    title:
      "What the factory throws is what the callers get, as it is; nothing is stored, and the next call tries again.",
    needs,
    async run({ collection }) {
      const c = collection();
      const error = new Error("on purpose");
      const fails = async (): Promise<number> => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        throw error;
      };
      await quietly(async () => {
        const thrown = await Promise.all([1, 2, 3].map(() => thrownBy(() => c.getOrSet("a", fails), "getOrSet")));
        for (const one of thrown) equal(one, error, "what each caller gets");
        const atOnce = () => {
          throw error;
        };
        equal(await thrownBy(() => c.getOrSet("a", atOnce), "getOrSet"), error, "where it throws at once");
      });
      equal(await c.has("a"), false, "has after it");
      equal(await c.getOrSet("a", () => 1), 1, "the next getOrSet");
    },
  }),
  property({
    id: "get-or-set/what-is-no-value",
    title: "What the factory makes is checked as `put` does, by the schema too; what does not pass is not stored.",
    needs,
    async run({ store, collection, unique }) {
      const c = collection();
      const refused = { key: "a", operation: "getOrSet", outcome: "not-applied" };
      await rejects(() => call(c, "getOrSet", "a", () => ({ at: new Date() })), InvalidValueError, "a Date", {
        ...refused,
        path: ["at"],
      });
      equal(await c.has("a"), false, "has after it");
      const name = unique();
      const users = store.collection(name, { schema: user });
      const stale = { ttl: 600, staleFor: 600 };
      for (const options of [{}, stale]) {
        await rejects(
          () => call(users, "getOrSet", "a", () => ({ name: 1 }), options),
          SchemaError,
          "a misfit of the schema",
          { ...refused, path: ["name"] },
        );
      }
      equal(await users.has("a"), false, "has after it");
      const ada = await users.getOrSet("ada", () => ({ name: "Ada" }), stale);
      deepEqual(ada, { name: "Ada", tags: [], shout: "ADA" }, "what getOrSet gives: the schema's output");
      deepEqual(await store.collection(name).get("ada"), { name: "Ada" }, "what is stored");
    },
  }),
  property({
    id: "get-or-set/wrong-options",
    title: "What is no factory, no ttl or no staleFor is refused, also where there is a record.",
    needs,
    async run({ collection }) {
      const c = collection();
      await c.put("there", 1);
      for (const key of ["there", "new"]) {
        for (const factory of [undefined, null, 1, {}]) {
          await rejects(() => call(c, "getOrSet", key, factory), InvalidArgumentError, "no factory", {
            operation: "getOrSet",
            outcome: "not-applied",
          });
        }
        for (const options of [{ ttl: 0 }, { ttl: "1 hour" }, { ttl: 1, staleFor: -1 }, { ttl: 1, staleFor: Infinity }])
          await rejects(() => call(c, "getOrSet", key, () => 1, options), InvalidTtlError, "a wrong time");
        await rejects(
          () => call(c, "getOrSet", key, () => 1, { staleFor: 1 }),
          InvalidArgumentError,
          "staleFor without a ttl",
        );
      }
      equal(await c.has("new"), false, "has after all");
    },
  }),
];
