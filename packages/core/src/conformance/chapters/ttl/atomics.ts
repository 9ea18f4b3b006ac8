/** Chapter "ttl": what atomic operations do with a time to live: set it, keep it, remove it. */
import { deepEqual, equal, ok } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { conclusive, stamped, until } from "../../support.ts";
import { expiryOf, livesFor, ms } from "./clock.ts";

export const atomics: readonly Property[] = [
  property({
    id: "ttl/of-atomic-writes",
    title: "`putIfAbsent`, `compareAndSwap` and `update` take a TTL; without one the record never expires.",
    needs: ["write", "atomic"],
    waits: true,
    async run({ collection, settings }) {
      const c = collection();
      const length = 250 * settings.timeScale;
      const old = { ttl: 600 };
      const made = await c.putIfAbsent("swap", 1, old);
      const plain = await c.putIfAbsent("plain swap", 1, old);
      await c.put("plain update", 1, old);
      ok(made !== undefined && plain !== undefined, "putIfAbsent of new keys");
      const ttl = ms(length);
      const watched = (key: string, write: () => Promise<unknown>) =>
        livesFor(c, key, length, write, `${key} with a TTL`);
      await Promise.all([
        watched("putIfAbsent", () => c.putIfAbsent("putIfAbsent", 1, { ttl })),
        watched("swap", () => c.compareAndSwap("swap", made, 2, { ttl })),
        watched("update", () => c.update("update", () => 2, { ttl })),
      ]);
      await c.compareAndSwap("plain swap", plain, 2);
      await c.update("plain update", () => 2);
      for (const key of ["plain swap", "plain update"]) {
        const entry = await c.getEntry(key);
        equal(entry?.value, 2, key);
        equal(entry?.expiresAt, undefined, `expiresAt after a ${key} without a TTL`);
      }
    },
  }),
  property({
    id: "ttl/touch-sets-it",
    title: "`touch` gives a live record a new time to live, shorter or longer, and keeps its value and creation time.",
    needs: ["write", "atomic"],
    waits: true,
    run: ({ collection, settings }) =>
      conclusive(settings, async (length) => {
        const c = collection();
        const put = await stamped(async () => {
          for (const key of ["longer", "for ever"]) await c.put(key, { at: key }, { ttl: ms(length) });
        });
        await c.put("shorter", { at: "shorter" }, { ttl: 600 });
        const created = (await c.getEntry("shorter"))?.createdAt;
        const shorter = await stamped(() => c.touch("shorter", ms(length)));
        equal(shorter.answer, true, "touch of a live record");
        const touched = [await c.touch("longer", 600), await c.touch("for ever", null)];
        if (Date.now() >= put.before + length) return false;
        deepEqual(touched, [true, true], "touch of two live records");
        const entry = await c.getEntry("shorter");
        if (entry) {
          deepEqual(entry.value, { at: "shorter" }, "the value after touch");
          deepEqual(entry.createdAt, created, "createdAt after touch");
          const moment = entry.expiresAt?.getTime() ?? 0;
          ok(shorter.before + length <= moment && moment <= shorter.after + length, `expiresAt ${moment} after touch`);
        }
        await until(Math.max(put.after, shorter.after) + length);
        equal(
          await c.get("shorter"),
          undefined,
          "a record with a long TTL after it was touched with a short one, which is over",
        );
        deepEqual(
          await c.get("longer"),
          { at: "longer" },
          "a record with a short TTL, over now, that was touched with a long one",
        );
        deepEqual(
          await c.get("for ever"),
          { at: "for ever" },
          "a record with a short TTL, over now, that was touched with null",
        );
        equal(await expiryOf(c, "for ever"), undefined, "expiresAt after touch with null");
        equal(await c.touch("missing", 600), false, "touch of a key without a record");
        return true;
      }),
  }),
  property({
    id: "ttl/increment-keeps-it",
    title: "`increment` sets a TTL only when it creates the number; else the expiry stays as it is.",
    needs: ["write", "atomic"],
    waits: true,
    run: ({ collection, settings }) =>
      conclusive(settings, async (length) => {
        const c = collection();
        const made = await stamped(() => c.increment("new", 1, { ttl: ms(length) }));
        const expiry = await expiryOf(c, "new");
        await c.put("old", 1);
        equal(await c.increment("old", 1, { ttl: ms(length) }), 2, "increment of a number that was put without a TTL");
        const again = await stamped(() => c.increment("new", 1, { ttl: 600 }));
        if (again.after >= made.before + length) return false;
        equal(again.answer, 2, "the second increment");
        const kept = await expiryOf(c, "new");
        if (Date.now() < made.before + length) deepEqual(kept, expiry, "expiresAt after the second increment");
        await until(Math.max(made.after, again.after) + length);
        equal(
          await c.get("new"),
          undefined,
          "a counter made with a TTL, incremented with a longer one, after the first",
        );
        equal(await c.get("old"), 2, "a counter made without a TTL, after the TTL of its increment");
        return true;
      }),
  }),
  property({
    id: "ttl/update-keeps-it-when-told",
    title: "`update` with `keepTtl` keeps the expiry as it is; without it and without a TTL there is none.",
    needs: ["write", "atomic"],
    waits: true,
    run: ({ collection, settings }) =>
      conclusive(settings, async (length) => {
        const c = collection();
        const put = await stamped(async () => {
          await c.put("kept", 1, { ttl: ms(length) });
          await c.put("dropped", 1, { ttl: ms(length) });
        });
        const expiry = await expiryOf(c, "kept");
        await c.update("kept", () => 2, { keepTtl: true });
        await c.update("dropped", () => 2);
        const kept = await expiryOf(c, "kept");
        if (Date.now() >= put.before + length) return false;
        deepEqual(kept, expiry, "expiresAt after update with keepTtl");
        await until(put.after + length);
        equal(await c.get("kept"), undefined, "a record updated with keepTtl, after its TTL");
        equal(await c.get("dropped"), 2, "a record updated without keepTtl, after its old TTL");
        return true;
      }),
  }),
];
