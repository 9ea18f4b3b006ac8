/** Chapter "instances": two stores on the same data are one store. */

import type { Capability } from "../../capabilities.ts";
import type { Collection } from "../../store.ts";
import { deepEqual, equal, ok, sameElements } from "../assertions.ts";
import { type Context, type Property, property } from "../property.ts";
import { collect, conclusive, keysOf, keysTo, stamped, until } from "../support.ts";

/** One collection in two stores. */
async function pair<C extends Capability>({
  store,
  open,
  unique,
}: Context<C>): Promise<[Collection<C>, Collection<C>]> {
  const name = unique();
  return [store.collection(name), (await open()).collection(name)];
}

export const instances: readonly Property[] = [
  property({
    id: "instances/reads-what-the-other-wrote",
    title: "What one store wrote, another reads at once, by every way of reading.",
    needs: ["write"],
    wants: ["second"],
    async run(context) {
      const [one, other] = await pair(context);
      equal(await other.get("a"), undefined, "get in the other store before anything was put");
      for (const value of [{ n: 1 }, "2", null]) {
        await one.put("a", value, { ttl: "1h" });
        deepEqual(await other.get("a"), value, "get in the other store");
        equal(await other.has("a"), true, "has in the other store");
        deepEqual(await other.getMany(["b", "a"]), [undefined, value], "getMany in the other store");
        const [mine, theirs] = [await one.getEntry("a"), await other.getEntry("a")];
        equal(theirs?.revision, mine?.revision, "the revision in both stores");
        deepEqual(theirs?.expiresAt, mine?.expiresAt, "expiresAt in both stores");
        deepEqual(theirs?.createdAt, mine?.createdAt, "createdAt in both stores");
      }
      await other.put("a", 4);
      equal(await one.get("a"), 4, "get in the one after the other has overwritten");
      await other.putMany([{ key: "b", value: 5 }]);
      deepEqual(await one.getMany(["a", "b"]), [4, 5], "getMany in the one after a putMany in the other");
    },
  }),

  property({
    id: "instances/deletes",
    title: "What one store deletes is gone in the other; of two that delete a record, one is told that it was there.",
    needs: ["write"],
    wants: ["second"],
    async run(context) {
      const [one, other] = await pair(context);
      await one.put("a", 1);
      equal(await other.get("a"), 1, "get in the other store");
      equal(await one.delete("a"), true, "delete");
      equal(await other.get("a"), undefined, "get in the other store after delete");
      equal(await other.delete("a"), false, "delete in the other store");
      for (let round = 0; round < 10; round++) {
        await one.put("b", round);
        const told = await Promise.all([one.delete("b"), other.delete("b"), one.delete("b"), other.delete("b")]);
        equal(told.filter(Boolean).length, 1, `of ${told.length} that deleted one record, were told that it was there`);
      }
    },
  }),

  property({
    id: "instances/expires",
    title: "What one store wrote with a TTL expires in the other, not before and not after.",
    needs: ["write"],
    wants: ["second"],
    waits: true,
    async run(context) {
      const [one, other] = await pair(context);
      await conclusive(context.settings, async (ttl) => {
        const put = await stamped(() => one.put("a", 1, { ttl: `${ttl}ms` }));
        const early = await stamped(() => other.get("a"));
        if (early.after < put.before + ttl) equal(early.answer, 1, "get in the other store before the TTL had passed");
        await until(put.after + ttl + 1);
        equal(await other.get("a"), undefined, "get in the other store after the TTL had passed");
        equal(await one.get("a"), undefined, "get in the store itself after the TTL had passed");
        return early.after < put.before + ttl;
      });
    },
  }),

  property({
    id: "instances/overwriting-the-expiry",
    title: "What one store overwrites without a TTL no longer expires in the other.",
    needs: ["write"],
    wants: ["second"],
    waits: true,
    async run(context) {
      const [one, other] = await pair(context);
      await conclusive(context.settings, async (ttl) => {
        const put = await stamped(() => one.put("a", 1, { ttl: `${ttl}ms` }));
        await other.put("a", 2);
        const now = Date.now();
        await until(put.after + ttl);
        equal(await one.get("a"), 2, "get after another store had overwritten the record without a TTL");
        return now < put.before + ttl;
      });
    },
  }),

  property({
    id: "instances/lists",
    title: "What one store wrote, another lists; what it deleted, not.",
    needs: ["write", "enumerate"],
    wants: ["second"],
    async run(context) {
      const [one, other] = await pair(context);
      await one.putMany(keysTo(150).map((key) => ({ key, value: key })));
      await other.put("from-the-other", 1);
      await one.delete("key 7");
      const expected = [...keysTo(150).filter((key) => key !== "key 7"), "from-the-other"];
      for (const [whose, records] of Object.entries({ one, other })) {
        sameElements(await collect(records.keys()), expected, `keys in the ${whose} store`);
        const entries = await collect(records.entries());
        sameElements(keysOf(entries), expected, `keys of the entries in the ${whose} store`);
      }
      const found = await collect((await context.open()).collections({ prefix: one.name }));
      deepEqual(found, [one.name], "collections in a third store");
    },
  }),

  property({
    id: "instances/clears",
    title: "What one store clears is gone in the other.",
    needs: ["write", "clear"],
    wants: ["second"],
    async run(context) {
      const [one, other] = await pair(context);
      const kept = context.collection();
      await kept.put("a", 1);
      await one.putMany(keysTo(150).map((key) => ({ key, value: key })));
      await other.put("from-the-other", 1);
      await other.clear();
      const left = (await one.getMany([...keysTo(150), "from-the-other"])).filter((value) => value !== undefined);
      deepEqual(left, [], "records in the one store after the other cleared the collection");
      equal(await kept.get("a"), 1, "a record of another collection");
    },
  }),

  property({
    id: "instances/compares-and-swaps",
    title: "A revision read in one store is good in the other, until one of them writes.",
    needs: ["write", "atomic"],
    wants: ["second"],
    async run(context) {
      const [one, other] = await pair(context);
      const first = await one.putIfAbsent("a", 1);
      ok(first !== undefined, "putIfAbsent where there is none");
      equal(await other.putIfAbsent("a", 2), undefined, "putIfAbsent in the other store");
      const second = await other.compareAndSwap("a", first, 2);
      ok(second !== undefined, "compareAndSwap in the other store with the revision of the first");
      equal(await one.compareAndSwap("a", first, 3), undefined, "compareAndSwap with the revision from before");
      equal(await one.compareAndDelete("a", first), false, "compareAndDelete with the revision from before");
      equal(await one.get("a"), 2, "get");
      equal(await one.compareAndDelete("a", second), true, "compareAndDelete with the revision of the other store");
      equal(await other.get("a"), undefined, "get in the other store");
    },
  }),

  property({
    id: "instances/one-winner",
    title: "Of contenders in two stores one wins: putIfAbsent, compareAndSwap, take.",
    needs: ["write", "atomic"],
    wants: ["second"],
    async run(context) {
      const both = await pair(context);
      const contenders = Array.from({ length: context.settings.contenders }, (_, at) => ({
        at,
        records: both[at % 2 ? 1 : 0],
      }));
      const winners = <T>(answers: readonly (T | undefined)[]): T[] => answers.filter((one) => one !== undefined);

      const created = await Promise.all(contenders.map(({ records, at }) => records.putIfAbsent("a", at)));
      const [revision, ...more] = winners(created);
      ok(
        revision !== undefined && more.length === 0,
        `${winners(created).length} of ${created.length} won putIfAbsent`,
      );
      equal(await both[0].get("a"), created.indexOf(revision), "the record is the winner's");

      const swapped = await Promise.all(contenders.map(({ records, at }) => records.compareAndSwap("a", revision, at)));
      equal(winners(swapped).length, 1, `winners of ${swapped.length} compareAndSwap`);
      equal(swapped[Number(await both[1].get("a"))], winners(swapped)[0], "the record is the winner's");

      const taken = await Promise.all(contenders.map(({ records }) => records.take("a")));
      equal(winners(taken).length, 1, `winners of ${taken.length} take`);
    },
  }),

  property({
    id: "instances/increments-add-up",
    title: "Increments in two stores add up.",
    needs: ["write", "atomic"],
    wants: ["second"],
    async run(context) {
      const both = await pair(context);
      const times = context.settings.thorough ? 500 : 50;
      const sums = await Promise.all(
        both.flatMap((records) => Array.from({ length: times }, () => records.increment("n"))),
      );
      equal(await both[0].get("n"), 2 * times, `the sum of ${times} increments in each of two stores`);
      const expected = Array.from({ length: 2 * times }, (_, at) => at + 1);
      deepEqual(
        sums.sort((a, b) => a - b),
        expected,
        "the sums that the increments were told",
      );
    },
  }),

  property({
    id: "instances/updates-lose-nothing",
    title: "Updates in two stores lose nothing.",
    needs: ["write", "atomic"],
    wants: ["second"],
    async run(context) {
      const both = await pair(context);
      const times = context.settings.thorough ? 200 : 20;
      const names = both.flatMap((_, whose) => Array.from({ length: times }, (__, at) => `${whose}-${at}`));
      await Promise.all(
        names.map((name, at) =>
          both[at % 2 ? 1 : 0].update("list", (before) => [...(Array.isArray(before) ? before : []), name]),
        ),
      );
      const list = await both[0].get("list");
      sameElements(Array.isArray(list) ? list.map(String) : [], names, "what was added by updates in two stores");
    },
  }),

  property({
    id: "instances/touches",
    title: "A new TTL given in one store counts in the other.",
    needs: ["write", "atomic"],
    wants: ["second"],
    waits: true,
    async run(context) {
      const [one, other] = await pair(context);
      await conclusive(context.settings, async (ttl) => {
        const put = await stamped(() => one.put("a", 1, { ttl: `${ttl}ms` }));
        const touched = await stamped(() => other.touch("a", null));
        if (touched.after >= put.before + ttl) return false;
        equal(touched.answer, true, "touch in the other store");
        await until(put.after + ttl);
        equal(await one.get("a"), 1, "get after another store had made the record last for ever");
        return true;
      });
    },
  }),
];
