/** Chapter "ttl": what `cull` deletes. */
import { deepEqual, equal } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { withExpired } from "./clock.ts";

export const cull: readonly Property[] = [
  property({
    id: "ttl/cull-removes-only-what-expired",
    title: "`cull` deletes what has expired and nothing that lives.",
    needs: ["write", "clear"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, async (records, length) => {
        await records.put("b", 1);
        await records.put("c", 1, { ttl: 600 });
        await records.put("a", 1, { ttl: length });
      });
      equal(await context.store.cull(), undefined, "what cull resolves to");
      deepEqual(
        await c.getMany(["a", "b", "c"]),
        [undefined, 1, 1],
        "an expired, an eternal and a live record, after cull",
      );
    },
  }),
];
