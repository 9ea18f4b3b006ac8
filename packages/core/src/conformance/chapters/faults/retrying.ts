/** Chapter "faults": what `retry` makes of a connection that breaks. */
import type { Capability } from "../../../capabilities.ts";
import type { Collection } from "../../../store.ts";
import { retry } from "../../../wrappers/retry.ts";
import { deepEqual, equal, ok, show } from "../../assertions.ts";
import { type FaultProxy, proxyOf } from "../../fault-proxy.ts";
import { checkOutage } from "../../outage.ts";
import { type Context, type Property, property } from "../../property.ts";

/** A collection behind a proxy, under `retry`. */
async function retried<C extends Capability>(
  context: Context<C>,
): Promise<{ readonly proxy: FaultProxy; readonly records: Collection<C> }> {
  const proxy = await proxyOf(context);
  const store = (await context.openThrough(proxy.address)).with(retry({ attempts: 8 }));
  return { proxy, records: store.collection(context.unique()) };
}

export const retrying: readonly Property[] = [
  property({
    id: "faults/retry-reads",
    title: "Under retry(), a read whose connection breaks is repeated, and succeeds.",
    needs: ["write"],
    wants: ["proxy"],
    async run(context) {
      for (const fault of [
        { type: "lose-reply", by: "reset" },
        { type: "cut", bytes: 3 },
        { type: "reset" },
      ] as const) {
        const { proxy, records } = await retried(context);
        await records.put("a", 1);
        await proxy.inject(fault, "existing");
        equal(await records.get("a"), 1, `get under retry, with the fault ${show(fault)}`);
        await proxy.inject(fault, "existing");
        deepEqual(
          await records.getMany(["a", "b"]),
          [1, undefined],
          `getMany under retry, with the fault ${show(fault)}`,
        );
      }
    },
  }),

  property({
    id: "faults/retry-settles-a-lost-reply",
    title: "Under retry(), a putIfAbsent or compareAndSwap whose reply was lost is settled by its own revision.",
    needs: ["write", "atomic"],
    wants: ["proxy"],
    async run(context) {
      const fault = { type: "lose-reply", by: "reset" } as const;
      const { proxy, records } = await retried(context);
      await records.get("a");

      await proxy.inject(fault, "existing");
      const created = await records.putIfAbsent("a", 1);
      ok(created !== undefined, "putIfAbsent whose reply was lost knows that it has won");
      equal((await records.getEntry("a"))?.revision, created, "the record's revision after it");

      await proxy.inject(fault, "existing");
      const swapped = await records.compareAndSwap("a", created, 2);
      ok(swapped !== undefined, "compareAndSwap whose reply was lost knows that it has won");
      equal((await records.getEntry("a"))?.revision, swapped, "the record's revision after it");

      for (const losing of [() => records.putIfAbsent("a", 3), () => records.compareAndSwap("a", created, 3)]) {
        await proxy.inject(fault, "existing");
        const told = await losing().catch((error: unknown) => {
          checkOutage(error, "reset", "a write that lost, and whose reply was lost");
          return error.outcome;
        });
        ok(
          told === undefined || told === "unknown",
          `a write that lost, and whose reply was lost, was told ${show(told)}`,
        );
        equal(await records.get("a"), 2, "the record after it");
      }

      for (const spared of [0, 1]) {
        await records.put("n", 1);
        await proxy.inject({ ...fault, spared }, "existing");
        equal(await records.increment("n"), 2, `increment whose reply ${spared} was lost`);
        equal(await records.get("n"), 2, "the number after it");
      }
    },
  }),
];
