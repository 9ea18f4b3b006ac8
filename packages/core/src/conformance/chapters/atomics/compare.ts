/** Chapter "atomics": `compareAndSwap` and `compareAndDelete`. */
import { InvalidArgumentError } from "../../../errors.ts";
import { deepEqual, equal, ok, rejects, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { call } from "../../support.ts";
import { revisionOf, times, winnerOf } from "./contenders.ts";

const needs = ["write", "atomic"] as const;

export const compare: readonly Property[] = [
  property({
    id: "atomics/compare-and-swap",
    title: "`compareAndSwap` stores only where the record has the revision, and gives the new one.",
    needs,
    async run({ collection }) {
      const c = collection();
      await c.put("a", 1);
      const first = await revisionOf(c, "a");
      const second = await c.compareAndSwap("a", first, 2);
      ok(second !== undefined && second !== first, "the revision that compareAndSwap gave is a new one");
      equal(await c.get("a"), 2, "get after compareAndSwap");
      equal(await revisionOf(c, "a"), second, "the revision after compareAndSwap");
      equal(await c.compareAndSwap("a", first, 3), undefined, "compareAndSwap with the revision before");
      equal(await c.get("a"), 2, "get after it");
      equal(await revisionOf(c, "a"), second, "the revision after it");
    },
  }),
  property({
    id: "atomics/compare-and-swap-by-no-other-revision",
    title: "The revision of another record, of a deleted one, or a made-up one swaps and deletes nothing.",
    needs,
    async run({ collection }) {
      const c = collection();
      const other = collection();
      await c.put("a", 1);
      await c.put("b", 1);
      await other.put("a", 1);
      await c.put("gone", 1);
      const gone = await revisionOf(c, "gone");
      await c.delete("gone");
      const own = await revisionOf(c, "a");
      const wrong: [string, unknown][] = [
        ["the revision of another key with the same value", await revisionOf(c, "b")],
        ["the revision of the key in another collection", await revisionOf(other, "a")],
        ["the revision of a record that is gone", gone],
        ["a made-up revision", "made-up"],
        ["a revision with a character more", `${own}a`],
        ["a revision with a character less", own.slice(0, -1)],
        ["a revision in the other case", own === own.toUpperCase() ? own.toLowerCase() : own.toUpperCase()],
        ["a glob", "*"],
        ["a number in text", "0"],
      ];
      for (const [what, revision] of wrong) {
        equal(await call(c, "compareAndSwap", "a", revision, 2), undefined, `compareAndSwap by ${what}`);
        equal(await call(c, "compareAndDelete", "a", revision), false, `compareAndDelete by ${what}`);
        equal(
          await call(c, "compareAndSwap", "gone", revision, 2),
          undefined,
          `compareAndSwap of a missing record by ${what}`,
        );
        equal(
          await call(c, "compareAndDelete", "gone", revision),
          false,
          `compareAndDelete of a missing record by ${what}`,
        );
      }
      equal(await c.get("a"), 1, "get after all of them");
      equal(await c.has("gone"), false, "has of the record that is gone");
      for (const revision of [undefined, null, "", 1, {}, "absent"]) {
        const what = `with the revision ${show(revision)}`;
        await rejects(
          () => call(c, "compareAndSwap", "a", revision, 2),
          InvalidArgumentError,
          `compareAndSwap ${what}`,
          { outcome: "not-applied" },
        );
        await rejects(
          () => call(c, "compareAndDelete", "a", revision),
          InvalidArgumentError,
          `compareAndDelete ${what}`,
          { outcome: "not-applied" },
        );
      }
      equal(await c.get("a"), 1, "get at last");
    },
  }),
  property({
    id: "atomics/compare-and-swap-has-one-winner",
    title: "Of many concurrent `compareAndSwap` by one revision exactly one wins.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      await c.put("a", "start");
      for (let round = 0; round < 3; round++) {
        const revision = await revisionOf(c, "a");
        const answers = await times(settings.contenders, (at) => c.compareAndSwap("a", revision, { round, at }));
        const winner = winnerOf(answers, `winners among ${answers.length}`);
        deepEqual(await c.get("a"), { round, at: winner.at }, "get after it: the winner's value");
        equal(await revisionOf(c, "a"), winner.answer, "the winner's revision");
      }
    },
  }),
  property({
    id: "atomics/compare-and-delete",
    title: "`compareAndDelete` deletes only where the record has the revision, and tells whether it did.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      await c.put("a", 1);
      const old = await revisionOf(c, "a");
      await c.put("a", 1);
      equal(await c.compareAndDelete("a", old), false, "compareAndDelete by the revision before");
      equal(await c.get("a"), 1, "get after it");
      const revision = await revisionOf(c, "a");
      const answers = await times(settings.contenders, () => c.compareAndDelete("a", revision));
      equal(answers.filter(Boolean).length, 1, `winners among ${answers.length} concurrent compareAndDelete`);
      equal(await c.has("a"), false, "has after it");
      equal(await c.compareAndSwap("a", revision, 2), undefined, "compareAndSwap by the revision that was deleted");
      equal(await c.has("a"), false, "has after that");
    },
  }),
];
