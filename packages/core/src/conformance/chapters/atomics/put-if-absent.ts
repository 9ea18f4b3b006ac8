/** Chapter "atomics": `putIfAbsent`. */
import { deepEqual, equal, ok, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { revisionOf, times, winnerOf } from "./contenders.ts";

const needs = ["write", "atomic"] as const;

export const putIfAbsent: readonly Property[] = [
  property({
    id: "atomics/put-if-absent",
    title:
      "`putIfAbsent` stores where there is no record, and gives its revision; else it changes nothing and gives `undefined`.",
    needs,
    async run({ collection }) {
      const c = collection();
      const revision = await c.putIfAbsent("a", { n: 1 });
      equal(await revisionOf(c, "a"), revision, "getEntry's revision after putIfAbsent");
      equal(await c.putIfAbsent("a", { n: 2 }), undefined, "putIfAbsent where there is a record");
      deepEqual(await c.get("a"), { n: 1 }, "get after it");
      equal(await revisionOf(c, "a"), revision, "the revision after it");
      await c.put("null", null);
      equal(await c.putIfAbsent("null", 1), undefined, "putIfAbsent where the value is null");
      await c.delete("a");
      ok((await c.putIfAbsent("a", { n: 3 })) !== undefined, "putIfAbsent after delete gives a revision");
    },
  }),
  property({
    id: "atomics/put-if-absent-has-one-winner",
    title: "Of many concurrent `putIfAbsent` on one key exactly one wins, and its value is kept.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      for (const key of ["a", "b", "c"]) {
        const answers = await times(settings.contenders, (at) => c.putIfAbsent(key, { at }));
        const winner = winnerOf(answers, `winners among ${answers.length} on ${show(key)}`);
        deepEqual(await c.get(key), { at: winner.at }, "get after it: the winner's value");
        equal(await revisionOf(c, key), winner.answer, "the winner's revision");
      }
    },
  }),
];
