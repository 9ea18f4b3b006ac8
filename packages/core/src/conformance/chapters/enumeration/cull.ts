/** Chapter "enumeration": what `cull` leaves. */
import { deepEqual } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { keysTo } from "../../support.ts";

export const cull: readonly Property[] = [
  property({
    id: "enumeration/cull-keeps-what-lives",
    title: "`cull` deletes nothing that lives.",
    needs: ["write", "clear"],
    async run({ collection, store }) {
      const c = collection();
      const keys = keysTo(200);
      await c.putMany(keys.map((key, at) => (at % 2 === 0 ? { key, value: at } : { key, value: at, ttl: 600 })));
      await store.cull();
      deepEqual(
        await c.getMany(keys),
        keys.map((_, at) => at),
        "getMany after cull",
      );
    },
  }),
];
