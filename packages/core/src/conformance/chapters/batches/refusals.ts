/** Chapter "batches": a batch that cannot be taken whole is refused whole. */
import { InvalidNameError, InvalidTtlError, InvalidValueError, type KeyValueError } from "../../../errors.ts";
import { deepEqual, equal, rejects, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { call, keysTo } from "../../support.ts";

export const refusals: readonly Property[] = [
  property({
    id: "batches/an-invalid-entry-refuses-all",
    title: "An invalid entry refuses the whole of `putMany` before anything is stored, and the error names its key.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.put("old", "before");
      const good = [...keysTo(120).map((key) => ({ key, value: 1 })), { key: "old", value: "after" }];
      const refused = [
        [
          "a value that is not JSON",
          { key: "bad", value: { a: [1n] } },
          InvalidValueError,
          { key: "bad", path: ["a", 0] },
        ],
        ["no value", { key: "bad" }, InvalidValueError, { key: "bad", path: [] }],
        ["a TTL of zero", { key: "bad", value: 1, ttl: 0 }, InvalidTtlError, { key: "bad" }],
        ["an empty key", { key: "", value: 1 }, InvalidNameError, {}],
        ["no key", { value: 1 }, InvalidNameError, {}],
        ["nothing", undefined, InvalidNameError, {}],
      ] as const;
      for (const [what, entry, error, shape] of refused) {
        for (const entries of [
          [...good, entry],
          [entry, ...good],
        ]) {
          await rejects<KeyValueError>(() => call(c, "putMany", entries), error, `putMany with ${what}`, {
            operation: "putMany",
            collection: c.name,
            outcome: "not-applied",
            ...shape,
          });
        }
      }
      deepEqual(
        await c.getMany(good.map(({ key }) => key)),
        good.map(({ key }) => (key === "old" ? "before" : undefined)),
        "the records after all that was refused",
      );
    },
  }),
  property({
    id: "batches/an-invalid-key-refuses-all",
    title: "An invalid key refuses the whole of `deleteMany`.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", 1);
      for (const key of ["", 1, undefined, "\ud800"]) {
        await rejects(
          () => call(c, "deleteMany", ["a", key]),
          InvalidNameError,
          `deleteMany with the key ${show(key)}`,
          {
            operation: "deleteMany",
            outcome: "not-applied",
          },
        );
      }
      equal(await c.get("a"), 1, "get after all that was refused");
    },
  }),
  property({
    id: "batches/an-iterable-that-throws",
    title: "An iterable that throws stores nothing, and makes a rejection, not an exception.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      function* entries() {
        yield { key: "a", value: 1 };
        throw new Error("on purpose");
      }
      let failed = false;
      await c.putMany(entries()).catch(() => {
        failed = true;
      });
      equal(failed, true, "whether putMany rejected");
      equal(await c.get("a"), undefined, "get of the entry before it");
    },
  }),
];
