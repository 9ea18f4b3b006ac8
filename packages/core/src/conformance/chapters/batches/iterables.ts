/** Chapter "batches": what a batch may be given as. */
import { InvalidArgumentError, InvalidNameError, type KeyValueError } from "../../../errors.ts";
import { deepEqual, equal, rejects, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { call } from "../../support.ts";

const notIterable: readonly unknown[] = ["abc", "", 1, null, undefined, {}, { length: 1, 0: "a" }, true];

export const iterables: readonly Property[] = [
  property({
    id: "batches/any-iterable",
    title: "Batches take any iterable: sets, generators, the keys of a Map; each is read once.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      function* entries() {
        for (const key of ["a", "b", "c"]) yield { key, value: key };
      }
      function* keys() {
        yield* ["c", "a", "missing"];
      }
      await c.putMany(entries());
      deepEqual(await c.getMany(keys()), ["c", "a", undefined], "getMany of a generator");
      deepEqual(
        (await c.getEntries(new Map([["b", 1]]).keys())).map((entry) => entry?.value),
        ["b"],
        "getEntries of a Map's keys",
      );
      equal(await c.deleteMany(new Set(["a", "b"])), 2, "deleteMany of a Set");
      await c.putMany(new Set([{ key: "d", value: 1 }]));
      equal(await c.get("d"), 1, "get after putMany of a Set");
    },
  }),
  property({
    id: "batches/no-strings",
    title: "A string, or what cannot be iterated, in the place of keys or entries is an InvalidArgumentError.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      for (const given of notIterable) {
        for (const method of ["getMany", "getEntries", "deleteMany", "putMany"]) {
          // A string is no entry, but it can be iterated.
          const expected = method === "putMany" && typeof given === "string" ? InvalidNameError : InvalidArgumentError;
          if (method === "putMany" && given === "") continue;
          await rejects<KeyValueError>(() => call(c, method, given), expected, `${method} of ${show(given)}`, {
            operation: method,
          });
        }
      }
    },
  }),
];
