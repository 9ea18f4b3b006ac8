/** Chapter "atomics": `take`. */
import { deepEqual, equal, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { times } from "./contenders.ts";

const needs = ["write", "atomic"] as const;

export const take: readonly Property[] = [
  property({
    id: "atomics/take",
    title: "`take` gives the value and deletes the record; where there is none, `undefined`.",
    needs,
    async run({ collection }) {
      const c = collection();
      equal(await c.take("a"), undefined, "take of a missing record");
      await c.put("a", { n: 1 });
      await c.put("b", null);
      deepEqual(await c.take("a"), { n: 1 }, "take");
      equal(await c.has("a"), false, "has after take");
      equal(await c.take("a"), undefined, "the second take");
      equal(await c.take("b"), null, "take of null");
      equal(await c.has("b"), false, "has after take of null");
    },
  }),
  property({
    id: "atomics/take-has-one-winner",
    title: "Of many concurrent `take` on one key exactly one gets the value.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      for (const key of ["a", "b", "c"]) {
        await c.put(key, { only: "once" });
        const answers = await times(settings.contenders, () => c.take(key));
        const got = answers.filter((answer) => answer !== undefined);
        deepEqual(got, [{ only: "once" }], `what ${answers.length} concurrent take of ${show(key)} got`);
      }
    },
  }),
];
