/** Chapter "ttl": what `put` and `putMany` do with a time to live. */
import { deepEqual, equal } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { conclusive, stamped, until } from "../../support.ts";
import { expiryOf, ms, watch } from "./clock.ts";

export const puts: readonly Property[] = [
  property({
    id: "ttl/overwriting-removes-it",
    title: "Overwriting without a TTL removes the old one; overwriting with one sets it.",
    needs: ["write"],
    waits: true,
    run: ({ collection, settings }) =>
      conclusive(settings, async (length) => {
        const c = collection();
        const keys = ["put", "putMany"];
        const first = await stamped(() => Promise.all(keys.map((key) => c.put(key, 1, { ttl: ms(length) }))));
        const second = await stamped(async () => {
          await c.put("put", 2);
          await c.putMany([{ key: "putMany", value: 2 }]);
        });
        const third = await stamped(async () => {
          await c.put("sooner", 1, { ttl: 600 });
          await c.put("sooner", 2, { ttl: ms(length) });
          await c.put("later", 1, { ttl: ms(length) });
          await c.put("later", 2, { ttl: 600 });
        });
        await until(Math.max(first.after, third.after) + length);
        equal(await c.get("sooner"), undefined, "a record overwritten with a shorter TTL, after that");
        equal(await c.get("later"), 2, "a record overwritten with a longer TTL, after the old one");
        for (const key of keys) {
          equal(await c.get(key), 2, `a record with a TTL overwritten by ${key} without one, after the old TTL`);
          deepEqual(await expiryOf(c, key), undefined, `its expiresAt, overwritten by ${key}`);
        }
        return second.after < first.before + length;
      }),
  }),
  property({
    id: "ttl/in-batches",
    title: "`putMany` takes a TTL or an `expiresAt` for each entry.",
    needs: ["write"],
    waits: true,
    async run({ collection, settings }) {
      const c = collection();
      const length = 200 * settings.timeScale;
      const moment = Date.now() + length;
      const { before, after } = await stamped(() =>
        c.putMany([
          { key: "ttl", value: 1, ttl: ms(length) },
          { key: "never", value: 1 },
          { key: "moment", value: 1, expiresAt: moment },
          { key: "late", value: 1, ttl: 600 },
          ...Array.from({ length: 120 }, (_, at) => ({ key: `more ${at}`, value: 1, ttl: ms(length) })),
        ]),
      );
      await Promise.all([
        watch(c, "ttl", before + length, after + length, "an entry of putMany with a TTL"),
        watch(c, "more 119", before + length, after + length, "the last entry of putMany with a TTL"),
        watch(c, "moment", moment, moment + after - before, "an entry of putMany with expiresAt"),
      ]);
      await until(Math.max(after + length, moment + after - before));
      const keys = ["ttl", "never", "moment", "late", ...Array.from({ length: 120 }, (_, at) => `more ${at}`)];
      const expected = keys.map((key) => (key === "never" || key === "late" ? 1 : undefined));
      deepEqual(await c.getMany(keys), expected, "getMany after the TTL of most");
    },
  }),
];
