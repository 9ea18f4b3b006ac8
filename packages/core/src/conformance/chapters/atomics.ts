/** Chapter "atomics": what is done in one step, whoever else is at it. */
import type { Capability } from "../../capabilities.ts";
import { InvalidArgumentError, InvalidCounterError } from "../../errors.ts";
import type { Revision } from "../../record.ts";
import type { Collection } from "../../store.ts";
import { deepEqual, equal, ok, rejects, show } from "../assertions.ts";
import { type Property, property } from "../property.ts";
import { call } from "../support.ts";

const needs = ["write", "atomic"] as const;

async function revisionOf<C extends Capability>(c: Collection<C>, key: string): Promise<Revision> {
  const entry = await c.getEntry(key);
  ok(entry, `getEntry(${show(key)}) of a record`);
  return entry.revision;
}

const times = <T>(count: number, run: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => run(at)));

export const atomics: readonly Property[] = [
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
        const winners = answers.flatMap((answer, at) => (answer === undefined ? [] : [at]));
        equal(winners.length, 1, `winners among ${answers.length} on ${show(key)}`);
        deepEqual(await c.get(key), { at: winners[0] }, "get after it: the winner's value");
        equal(await revisionOf(c, key), answers[winners[0] ?? 0], "the winner's revision");
      }
    },
  }),
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
        const winners = answers.flatMap((answer, at) => (answer === undefined ? [] : [at]));
        equal(winners.length, 1, `winners among ${answers.length}`);
        deepEqual(await c.get("a"), { round, at: winners[0] }, "get after it: the winner's value");
        equal(await revisionOf(c, "a"), answers[winners[0] ?? 0], "the winner's revision");
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
  property({
    id: "atomics/revision-of-each-write",
    title: "A revision is unique to a write, also of an equal value, and stays as long as nothing is written.",
    needs,
    async run({ collection }) {
      const c = collection();
      const seen = new Set<string>();
      const add = (revision: string | undefined, what: string): void => {
        ok(revision !== undefined && revision !== "", `${what} has a revision`);
        ok(!seen.has(revision), `${what} has a revision of its own, not ${show(revision)} again`);
        seen.add(revision);
      };
      const writes: [string, () => Promise<unknown>][] = [
        ["put", () => c.put("a", 1)],
        ["put of the same value", () => c.put("a", 1)],
        ["putMany", () => c.putMany([{ key: "a", value: 1 }])],
        ["increment", () => c.increment("a")],
        ["increment by 0", () => c.increment("a", 0)],
        ["update to the same value", () => c.update("a", (value) => value)],
        ["touch", () => c.touch("a", 600)],
        ["put after delete", async () => [await c.delete("a"), await c.put("a", 1)]],
        ["putIfAbsent after take", async () => [await c.take("a"), await c.putIfAbsent("a", 1)]],
        ["compareAndSwap", async () => c.compareAndSwap("a", await revisionOf(c, "a"), 1)],
      ];
      for (const [what, write] of writes) {
        await write();
        const revision = await revisionOf(c, "a");
        add(revision, `the record after ${what}`);
        await c.get("a");
        await c.getMany(["a"]);
        equal(await revisionOf(c, "a"), revision, `the revision read again after ${what}`);
        equal((await c.getEntries(["a"]))[0]?.revision, revision, `getEntries' revision after ${what}`);
      }
      await c.putMany([
        { key: "b", value: 1 },
        { key: "c", value: 1 },
      ]);
      add(await revisionOf(c, "b"), "the first entry of a batch");
      add(await revisionOf(c, "c"), "the second entry of a batch");
    },
  }),
  property({
    id: "atomics/no-aba",
    title: "A record that was deleted and made again, or changed and changed back, is not taken for the old one.",
    needs,
    async run({ collection }) {
      const c = collection();
      await c.put("again", { n: 1 });
      await c.put("back", { n: 1 });
      const [again, back] = [await revisionOf(c, "again"), await revisionOf(c, "back")];
      await c.delete("again");
      await c.put("again", { n: 1 });
      await c.put("back", { n: 2 });
      await c.put("back", { n: 1 });
      equal(
        await c.compareAndSwap("again", again, 2),
        undefined,
        "compareAndSwap by the revision before delete and put",
      );
      equal(await c.compareAndSwap("back", back, 2), undefined, "compareAndSwap by the revision before two changes");
      equal(await c.compareAndDelete("again", again), false, "compareAndDelete by the revision before delete and put");
    },
  }),
  property({
    id: "atomics/increment",
    title: "`increment` adds to a number, which begins at 0, and gives the sum: integers, negative ones and floats.",
    needs,
    async run({ collection }) {
      const c = collection();
      equal(await c.increment("a"), 1, "increment of a missing record");
      equal(await c.increment("a"), 2, "increment again");
      equal(await c.increment("a", 40), 42, "increment by 40");
      equal(await c.increment("a", -50), -8, "increment by -50");
      equal(await c.increment("a", 0), -8, "increment by 0");
      equal(await c.get("a"), -8, "get");
      equal(await c.increment("a", 8), 0, "increment to 0");
      equal(await c.increment("float", 0.1), 0.1, "increment by 0.1");
      equal(await c.increment("float", 0.2), 0.1 + 0.2, "increment by 0.2");
      equal(await c.increment("float", 1e300), 1e300, "increment by 1e300");
      await c.put("put", 10);
      equal(await c.increment("put", -1), 9, "increment of a number that was put");
      await c.increment("gone", 5);
      await c.delete("gone");
      equal(await c.increment("gone"), 1, "increment after delete");
      equal(await c.get("gone"), 1, "get after it");
      equal(await c.increment("minus zero", -0), 0, "increment by -0");
      const before = await c.getEntry("put");
      await c.increment("put");
      deepEqual((await c.getEntry("put"))?.createdAt, before?.createdAt, "createdAt after increment");
    },
  }),
  property({
    id: "atomics/increment-is-exact",
    title: "Of many concurrent increments none is lost, and each sum is given once.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      const rounds = settings.thorough ? 50 : 5;
      const sums: number[] = [];
      for (let round = 0; round < rounds; round++) {
        sums.push(...(await times(settings.contenders, () => c.increment("a"))));
      }
      const total = rounds * settings.contenders;
      equal(await c.get("a"), total, `the number after ${total} increments`);
      deepEqual(
        sums.toSorted((a, b) => a - b),
        Array.from({ length: total }, (_, at) => at + 1),
        "the sums that were given",
      );
    },
  }),
  property({
    id: "atomics/increment-has-bounds",
    title: "A sum that is neither a safe integer nor a finite float is an InvalidCounterError, and changes nothing.",
    needs,
    async run({ collection }) {
      const c = collection();
      const max = Number.MAX_SAFE_INTEGER;
      await c.put("a", max - 1);
      equal(await c.increment("a"), max, "increment to 2^53 - 1");
      const shape = {
        code: "INVALID_COUNTER",
        operation: "increment",
        key: "a",
        outcome: "not-applied",
        retryable: false,
      };
      await rejects(() => c.increment("a"), InvalidCounterError, "increment beyond 2^53 - 1", shape);
      await rejects(() => c.increment("a", max), InvalidCounterError, "increment far beyond 2^53 - 1", shape);
      equal(await c.get("a"), max, "get after it");
      equal(await c.increment("a", -max), 0, "increment back to 0");
      equal(await c.increment("a", -max), -max, "increment to -2^53 + 1");
      await rejects(() => c.increment("a", -1), InvalidCounterError, "increment below -2^53 + 1", shape);
      await c.put("a", Number.MAX_VALUE);
      await rejects(() => c.increment("a", Number.MAX_VALUE), InvalidCounterError, "increment to Infinity", shape);
      equal(await c.get("a"), Number.MAX_VALUE, "get after it");
      for (const by of [Number.NaN, Number.POSITIVE_INFINITY, "1", null, 1n, {}]) {
        await rejects(() => call(c, "increment", "a", by), InvalidArgumentError, `increment by ${show(by)}`, {
          outcome: "not-applied",
        });
      }
    },
  }),
  property({
    id: "atomics/increment-wants-a-number",
    title: "`increment` of what is no number is an InvalidCounterError, and changes nothing.",
    needs,
    async run({ collection }) {
      const c = collection();
      for (const value of ["1", "", null, true, {}, [], [1], { value: 1 }]) {
        await c.put("a", value);
        await rejects(() => c.increment("a"), InvalidCounterError, `increment of ${show(value)}`, {
          code: "INVALID_COUNTER",
          outcome: "not-applied",
        });
        deepEqual(await c.get("a"), value, "get after it");
      }
    },
  }),
  property({
    id: "atomics/update",
    title: "`update` stores what the function makes of the value, at once or by a promise; `undefined` deletes.",
    needs,
    async run({ collection }) {
      const c = collection();
      const handed: unknown[] = [];
      const note =
        <T>(answer: T) =>
        (value: unknown): T => {
          handed.push(value);
          return answer;
        };
      deepEqual(await c.update("a", note({ n: 1 })), { n: 1 }, "update of a missing record");
      deepEqual(await c.get("a"), { n: 1 }, "get after it");
      const created = (await c.getEntry("a"))?.createdAt;
      equal(await c.update("a", note(Promise.resolve("later"))), "later", "update by a promise");
      deepEqual((await c.getEntry("a"))?.createdAt, created, "createdAt after update");
      equal(await c.update("a", note(null)), null, "update to null");
      equal(await c.update("a", note(undefined)), undefined, "update to undefined");
      equal(await c.has("a"), false, "has after it");
      equal(await c.update("a", note(undefined)), undefined, "update of a missing record to undefined");
      equal(await c.has("a"), false, "has after that");
      deepEqual(handed, [undefined, { n: 1 }, "later", null, undefined], "what the functions were handed");
    },
  }),
  property({
    id: "atomics/update-loses-nothing",
    title: "Of many concurrent updates of one record none is lost, also with functions that take their time.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      const count = settings.contenders;
      await times(count, (at) =>
        c.update("a", async (value) => {
          if (at % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
          return [...(Array.isArray(value) ? value : []), at];
        }),
      );
      const list = await c.get("a");
      ok(Array.isArray(list), "the value is the list that the updates made");
      deepEqual(
        list.toSorted((a, b) => Number(a) - Number(b)),
        Array.from({ length: count }, (_, at) => at),
        "what each update added",
      );
    },
  }),
  property({
    id: "atomics/update-passes-errors-through",
    title: "What the function of `update` throws, or rejects with, comes out unchanged, and nothing is changed.",
    needs,
    async run({ collection }) {
      const c = collection();
      await c.put("a", { n: 1 });
      const revision = await revisionOf(c, "a");
      for (const thrown of [new Error("on purpose"), "a string", undefined]) {
        const failing: [string, () => Promise<never> | never][] = [
          [
            "throws",
            () => {
              throw thrown;
            },
          ],
          ["rejects", () => Promise.reject(thrown)],
        ];
        for (const [what, change] of failing) {
          let caught: unknown = "nothing";
          await c.update("a", change).catch((error: unknown) => {
            caught = error;
          });
          ok(
            caught === thrown,
            `update, whose function ${what} ${show(thrown)}, rejects with the very same, not with ${show(caught)}`,
          );
        }
      }
      deepEqual(await c.get("a"), { n: 1 }, "get after it");
      equal(await revisionOf(c, "a"), revision, "the revision after it");
      deepEqual(await c.update("a", () => ({ n: 2 })), { n: 2 }, "the next update of the same key");
    },
  }),
  property({
    id: "atomics/mixed-writers",
    title: "Increments, updates and swaps of one number, all at once, add up.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      await c.put("a", 0);
      const swapUp = async (): Promise<void> => {
        for (;;) {
          const entry = await c.getEntry("a");
          ok(entry, "the record is there throughout");
          if ((await c.compareAndSwap("a", entry.revision, Number(entry.value) + 1)) !== undefined) return;
        }
      };
      const count = settings.contenders;
      const writers: readonly (() => Promise<unknown>)[] = [
        swapUp,
        () => c.update("a", (value) => Number(value) + 1),
        () => c.increment("a"),
        () => c.increment("a", 1, { ttl: 600 }),
      ];
      await times(count, async (at) => writers[at % writers.length]?.());
      equal(await c.get("a"), count, `the number after ${count} additions`);
    },
  }),
];
