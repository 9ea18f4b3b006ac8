/** Chapter "atomics": several of its operations at once on one record. */
import { equal, ok } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { times } from "./contenders.ts";

const needs = ["write", "atomic"] as const;

export const mixedWriters: readonly Property[] = [
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
