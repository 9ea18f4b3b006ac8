/** Chapter "ttl": an expired record is absent to every atomic operation. */
import { deepEqual, equal, ok } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { conclusive, stamped, until } from "../../support.ts";
import { expiredBesideLive, expiryOf, ms, withExpired } from "./clock.ts";

export const absentToAtomics: readonly Property[] = [
  property({
    id: "ttl/absent-to-put-if-absent",
    title: "An expired record does not stand in the way of `putIfAbsent`.",
    needs: ["write", "atomic"],
    waits: true,
    async run(context) {
      const c = await expiredBesideLive(context);
      ok((await c.putIfAbsent("a", "new")) !== undefined, "putIfAbsent where there is an expired record");
      equal(await c.get("a"), "new", "get after it");
      equal(await expiryOf(c, "a"), undefined, "its expiresAt");
      equal(await c.putIfAbsent("b", "new"), undefined, "putIfAbsent where there is a live record");
    },
  }),
  property({
    id: "ttl/absent-to-take",
    title: "An expired record is not taken.",
    needs: ["write", "atomic"],
    waits: true,
    async run(context) {
      const c = await expiredBesideLive(context);
      equal(await c.take("a"), undefined, "take of an expired record");
    },
  }),
  property({
    id: "ttl/absent-to-compare-and-swap",
    title: "An expired record is neither swapped nor deleted by its revision.",
    needs: ["write", "atomic"],
    waits: true,
    run: (context) =>
      conclusive(context.settings, async (length) => {
        const c = context.collection();
        const { after } = await stamped(() => c.put("a", 1, { ttl: ms(length) }));
        const revision = (await c.getEntry("a"))?.revision;
        if (revision === undefined) return false;
        await until(after + length);
        equal(await c.compareAndDelete("a", revision), false, "compareAndDelete of an expired record by its revision");
        equal(
          await c.compareAndSwap("a", revision, 2),
          undefined,
          "compareAndSwap of an expired record by its revision",
        );
        equal(await c.get("a"), undefined, "get after both");
        return true;
      }),
  }),
  property({
    id: "ttl/absent-to-increment",
    title: "A counter that has expired starts anew, without its old expiry.",
    needs: ["write", "atomic"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, (records, length) => records.put("a", 41, { ttl: length }));
      equal(await c.increment("a"), 1, "increment of an expired counter");
      equal(await expiryOf(c, "a"), undefined, "its expiresAt");
    },
  }),
  property({
    id: "ttl/absent-to-touch",
    title: "An expired record is not brought back by `touch`.",
    needs: ["write", "atomic"],
    waits: true,
    async run(context) {
      const c = await expiredBesideLive(context);
      equal(await c.touch("a", 600), false, "touch of an expired record");
      equal(await c.touch("a", null), false, "touch of an expired record with null");
      equal(await c.get("a"), undefined, "get after it");
    },
  }),
  property({
    id: "ttl/absent-to-update",
    title: "An expired record is `undefined` to the function of `update`, and its expiry is not kept.",
    needs: ["write", "atomic"],
    waits: true,
    async run(context) {
      const c = await expiredBesideLive(context);
      const handed: unknown[] = [];
      const updated = await c.update(
        "a",
        (current) => {
          handed.push(current);
          return "new";
        },
        { keepTtl: true },
      );
      deepEqual(handed, [undefined], "what the function was handed");
      equal(updated, "new", "what update gave");
      equal(await expiryOf(c, "a"), undefined, "expiresAt after keepTtl of an expired record");
    },
  }),
];
