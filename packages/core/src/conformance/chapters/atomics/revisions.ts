/** Chapter "atomics": each write has a revision of its own. */
import { equal, ok, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { revisionOf } from "./contenders.ts";

const needs = ["write", "atomic"] as const;

export const revisions: readonly Property[] = [
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
];
