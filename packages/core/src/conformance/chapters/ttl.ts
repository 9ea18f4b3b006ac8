/**
 * Chapter "ttl": a record is there until its time has come, to the millisecond, and absent to every operation after it.
 * The clock is the real one. A put happened between two stamps: until the first plus the TTL its record must be there,
 * from the second plus the TTL on it must be gone.
 */
import type { Capability } from "../../capabilities.ts";
import { InvalidTtlError } from "../../errors.ts";
import type { Duration } from "../../record.ts";
import type { Collection } from "../../store.ts";
import { deepEqual, equal, ok, rejects, show } from "../assertions.ts";
import { type Context, type Property, property } from "../property.ts";
import { call, collect, conclusive, stamped, until } from "../support.ts";

const ms = (milliseconds: number): `${number}ms` => `${milliseconds}ms`;

/** A collection with the expired record "a", of whose existence nothing has read since, beside the live "b". */
async function withExpired<C extends Capability>(
  { collection, settings }: Context<C>,
  put: (c: Collection<NoInfer<C>>, ttl: Duration) => Promise<unknown>,
): Promise<Collection<C>> {
  const c = collection();
  const ttl = 100 * settings.timeScale;
  const { after } = await stamped(() => put(c, ms(ttl)));
  await until(after + ttl);
  return c;
}

const putBoth = async (c: Collection<"write">, ttl: Duration): Promise<void> => {
  await c.put("b", { live: true });
  await c.put("a", { old: true }, { ttl });
};

/** Reads on and on, each read judged by the stamps around it, until the record has gone. Whether it was seen at all. */
async function watch(c: Collection<never>, key: string, from: number, to: number, what: string): Promise<boolean> {
  let seen = false;
  for (;;) {
    const { answer, before, after } = await stamped(() => c.get(key));
    if (answer === undefined) {
      ok(after >= from, `${what}: gone ${from - after} ms early`);
      return seen;
    }
    seen = true;
    ok(before < to, `${what}: still there ${before - to} ms after its time`);
    // Others wait as well: near the end at every turn, before it now and then.
    await until(Math.min(from - 10, Date.now() + 20));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What counts as a time to live, and its milliseconds. */
const durations: readonly (readonly [ttl: Duration, milliseconds: number])[] = [
  [0.15, 150],
  [0.3005, 301],
  ["200ms", 200],
  ["0.25s", 250],
  ["0.005m", 300],
  ["0.0001h", 360],
  [1, 1000],
  ["1.5s", 1500],
];

/** Longer ones, of which only the computed expiry is checked. */
const longDurations: readonly (readonly [ttl: Duration, milliseconds: number])[] = [
  [90, 90_000],
  ["15m", 900_000],
  ["1.5h", 5_400_000],
  ["30d", 2_592_000_000],
  ["1w", 604_800_000],
  ["3650d", 315_360_000_000],
  [2 ** 31, 2 ** 31 * 1000],
];

const invalidTtls: readonly unknown[] = [
  ...[0, -0, -1, -0.001, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e12, Number.MAX_VALUE],
  ...["", "0s", "-1s", "1", "1 s", " 1s", "1S", "s", "1y", "1h30m", "1e3s", "١s", "Infinitys", "9999999999999d"],
  ...[null, true, {}, [], [1], new Date(Date.now() + 60_000), 1n, () => 1],
];

const invalidMoments = (): readonly unknown[] => [
  ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, Date.now() - 1, 253_402_300_800_000, 8.64e15],
  ...[new Date(0), new Date(Number.NaN), new Date(Date.now() - 1), new Date(253_402_300_800_000)],
  ...["2999-01-01", "1h", null, true, {}, 1n],
];

/** Reads that may be the first to meet an expired record. */
const firstReads = [
  { id: "ttl/absent-to-has", method: "has", args: ["a"], absent: false },
  { id: "ttl/absent-to-get-entry", method: "getEntry", args: ["a"], absent: undefined },
  { id: "ttl/absent-to-get-many", method: "getMany", args: [["a", "a"]], absent: [undefined, undefined] },
  { id: "ttl/absent-to-get-entries", method: "getEntries", args: [["a", "a"]], absent: [undefined, undefined] },
] as const;

export const ttl: readonly Property[] = [
  property({
    id: "ttl/exact-to-the-millisecond",
    title:
      "A record is there until its time to live is over, counted from a moment between call and answer, and not after it.",
    needs: ["write"],
    waits: true,
    async run({ collection, settings: { timeScale } }) {
      const c = collection();
      const attempt = async (given: Duration, milliseconds: number, key: string): Promise<boolean> => {
        const { before, after } = await stamped(() => c.put(key, 1, { ttl: given }));
        return watch(c, key, before + milliseconds, after + milliseconds, `a TTL of ${show(given)}`);
      };
      // Where the server answers too late to see the short ones, the long ones tell.
      const seen = await Promise.all(durations.map(([given, length]) => attempt(given, length, `ttl ${given}`)));
      const longest = 1500 * timeScale;
      ok(seen.at(-1) || (await attempt(ms(longest), longest, "again")), `the record with ${longest} ms was never seen`);
    },
  }),
  property({
    id: "ttl/exact-at-the-second",
    title: "Wherever in a second of the clock a record is written, its time to live is the same.",
    needs: ["write"],
    waits: true,
    async run({ collection }) {
      const c = collection();
      const start = Date.now();
      await Promise.all(
        [0, 125, 250, 375, 500, 625, 750, 875].map(async (offset) => {
          await until(start + offset);
          const { before, after } = await stamped(() => c.put(`at ${offset}`, 1, { ttl: "400ms" }));
          await watch(
            c,
            `at ${offset}`,
            before + 400,
            after + 400,
            `a TTL of 400 ms, written ${before % 1000} ms after the full second`,
          );
        }),
      );
    },
  }),
  property({
    id: "ttl/expires-at",
    title: "`expiresAt`, a Date or milliseconds, is the very moment of a record's end.",
    needs: ["write"],
    waits: true,
    async run({ collection, settings }) {
      const c = collection();
      const length = 300 * settings.timeScale;
      const moment = Date.now() + length;
      const puts = [
        ["a number", moment, moment],
        ["a Date", new Date(moment), moment],
        ["a fraction of a millisecond", moment + 0.5, moment + 1],
      ] as const;
      await Promise.all(
        puts.map(async ([what, expiresAt, exact]) => {
          const { before, after } = await stamped(() => c.put(what, 1, { expiresAt }));
          const entry = await c.getEntry(what);
          if (entry) equal(entry.expiresAt?.getTime(), exact, `getEntry's expiresAt for ${what}`);
          // A backend may be told the time that is left, which begins when it is told.
          await watch(c, what, exact, exact + after - before, `expiresAt as ${what}`);
        }),
      );
      const last = 253_402_300_799_999;
      await c.put("last", 1, { expiresAt: last });
      equal((await c.getEntry("last"))?.expiresAt?.getTime(), last, "expiresAt at the last moment of the year 9999");
    },
  }),
  property({
    id: "ttl/entry-tells-it",
    title: "`getEntry` tells the exact `expiresAt`, and as `ttl` the seconds that are left.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      for (const [given, milliseconds] of longDurations) {
        const put = await stamped(() => c.put("a", 1, { ttl: given }));
        const { answer: entry, before, after } = await stamped(() => c.getEntry("a"));
        ok(
          entry?.expiresAt instanceof Date && entry.ttl !== undefined,
          `expiresAt and ttl of a record with ${show(given)}`,
        );
        const moment = entry.expiresAt.getTime();
        ok(
          put.before + milliseconds <= moment && moment <= put.after + milliseconds,
          `expiresAt ${moment} for ${show(given)} lies between the call, ${put.before}, and its answer, ${put.after}, plus ${milliseconds}`,
        );
        const left = Math.round(entry.ttl * 1000);
        ok(
          moment - after <= left && left <= moment - before,
          `ttl ${entry.ttl} is what is left until ${moment}, read between ${before} and ${after}`,
        );
      }
      const [listed] = await c.getEntries(["a"]);
      ok(listed?.expiresAt && listed.ttl && listed.ttl > 0, "getEntries tells them, too");
    },
  }),
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
          deepEqual((await c.getEntry(key))?.expiresAt, undefined, `its expiresAt, overwritten by ${key}`);
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
  property({
    id: "ttl/reads-agree",
    title: "An expired record is absent to every read.",
    needs: ["write"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, putBoth);
      equal(await c.has("a"), false, "has of an expired record");
      deepEqual(await c.getMany(["a", "b", "a"]), [undefined, { live: true }, undefined], "getMany");
      equal(await c.getEntry("a"), undefined, "getEntry of an expired record");
      const [a, b] = await c.getEntries(["a", "b"]);
      equal(a, undefined, "getEntries at an expired record");
      deepEqual(b?.value, { live: true }, "getEntries at a live record");
      equal(await c.get("a"), undefined, "get of an expired record");
      await c.put("a", "new");
      equal(await c.get("a"), "new", "get after the expired record was put anew");
    },
  }),
  ...firstReads.map(({ id, method, args, absent }) =>
    property({
      id,
      title: `An expired record is absent to \`${method}\`, from the very millisecond.`,
      needs: ["write"],
      waits: true,
      async run(context) {
        const c = await withExpired(context, putBoth);
        deepEqual(await call(c, method, ...args), absent, `${method}, the first that is asked after the TTL`);
      },
    }),
  ),
  property({
    id: "ttl/absent-to-delete",
    title: "An expired record is absent to `delete`, which answers false.",
    needs: ["write"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, putBoth);
      equal(await c.delete("a"), false, "delete of an expired record");
      equal(await c.delete("b"), true, "delete of a live record");
    },
  }),
  property({
    id: "ttl/absent-to-delete-many",
    title: "An expired record is not counted by `deleteMany`.",
    needs: ["write"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, putBoth);
      equal(await c.deleteMany(["a", "b", "c"]), 1, "deleteMany of an expired, a live and a missing record");
    },
  }),
  property({
    id: "ttl/absent-to-keys",
    title: "An expired record is not enumerated.",
    needs: ["write", "enumerate"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, putBoth);
      deepEqual(await collect(c.keys()), ["b"], "keys()");
      deepEqual(
        (await collect(c.entries())).map(({ key }) => key),
        ["b"],
        "the keys of entries()",
      );
      deepEqual(await collect(c.keys({ prefix: "a" })), [], 'keys({ prefix: "a" })');
    },
  }),
  property({
    id: "ttl/absent-to-collections",
    title: "A collection of which all records have expired is not enumerated.",
    needs: ["write", "enumerate"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, (records, length) => records.put("a", 1, { ttl: length }));
      deepEqual(await collect(context.store.collections({ prefix: c.name })), [], "collections()");
    },
  }),
  property({
    id: "ttl/absent-to-put-if-absent",
    title: "An expired record does not stand in the way of `putIfAbsent`.",
    needs: ["write", "atomic"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, putBoth);
      ok((await c.putIfAbsent("a", "new")) !== undefined, "putIfAbsent where there is an expired record");
      equal(await c.get("a"), "new", "get after it");
      equal((await c.getEntry("a"))?.expiresAt, undefined, "its expiresAt");
      equal(await c.putIfAbsent("b", "new"), undefined, "putIfAbsent where there is a live record");
    },
  }),
  property({
    id: "ttl/absent-to-take",
    title: "An expired record is not taken.",
    needs: ["write", "atomic"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, putBoth);
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
      equal((await c.getEntry("a"))?.expiresAt, undefined, "its expiresAt");
    },
  }),
  property({
    id: "ttl/absent-to-touch",
    title: "An expired record is not brought back by `touch`.",
    needs: ["write", "atomic"],
    waits: true,
    async run(context) {
      const c = await withExpired(context, putBoth);
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
      const c = await withExpired(context, putBoth);
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
      equal((await c.getEntry("a"))?.expiresAt, undefined, "expiresAt after keepTtl of an expired record");
    },
  }),
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
      const watched = async (key: string, write: () => Promise<unknown>): Promise<void> => {
        const { before, after } = await stamped(write);
        await watch(c, key, before + length, after + length, `${key} with a TTL`);
      };
      await Promise.all([
        watched("putIfAbsent", () => c.putIfAbsent("putIfAbsent", 1, { ttl: ms(length) })),
        watched("swap", () => c.compareAndSwap("swap", made, 2, { ttl: ms(length) })),
        watched("update", () => c.update("update", () => 2, { ttl: ms(length) })),
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
        equal((await c.getEntry("for ever"))?.expiresAt, undefined, "expiresAt after touch with null");
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
        const expiry = (await c.getEntry("new"))?.expiresAt;
        await c.put("old", 1);
        equal(await c.increment("old", 1, { ttl: ms(length) }), 2, "increment of a number that was put without a TTL");
        const again = await stamped(() => c.increment("new", 1, { ttl: 600 }));
        if (again.after >= made.before + length) return false;
        equal(again.answer, 2, "the second increment");
        const kept = (await c.getEntry("new"))?.expiresAt;
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
        const expiry = (await c.getEntry("kept"))?.expiresAt;
        await c.update("kept", () => 2, { keepTtl: true });
        await c.update("dropped", () => 2);
        const kept = (await c.getEntry("kept"))?.expiresAt;
        if (Date.now() >= put.before + length) return false;
        deepEqual(kept, expiry, "expiresAt after update with keepTtl");
        await until(put.after + length);
        equal(await c.get("kept"), undefined, "a record updated with keepTtl, after its TTL");
        equal(await c.get("dropped"), 2, "a record updated without keepTtl, after its old TTL");
        return true;
      }),
  }),
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
  property({
    id: "ttl/invalid-is-refused",
    title:
      "A TTL that is zero, negative, not a number, infinite, beyond the year 9999 or anything else is an InvalidTtlError.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", "before");
      const shape = { code: "INVALID_TTL", operation: "put", collection: c.name, key: "a", outcome: "not-applied" };
      for (const given of invalidTtls) {
        await rejects(
          () => call(c, "put", "a", 1, { ttl: given }),
          InvalidTtlError,
          `put with the TTL ${show(given)}`,
          shape,
        );
        await rejects(
          () =>
            call(c, "putMany", [
              { key: "b", value: 1 },
              { key: "a", value: 1, ttl: given },
            ]),
          InvalidTtlError,
          `putMany with the TTL ${show(given)}`,
          { code: "INVALID_TTL", key: "a", outcome: "not-applied" },
        );
      }
      for (const given of invalidMoments()) {
        await rejects(
          () => call(c, "put", "a", 1, { expiresAt: given }),
          InvalidTtlError,
          `put with expiresAt ${show(given)}`,
          shape,
        );
      }
      const both = { ttl: 1, expiresAt: Date.now() + 1000 };
      await rejects(() => call(c, "put", "a", 1, both), InvalidTtlError, "put with both ttl and expiresAt", shape);
      deepEqual(await c.getMany(["a", "b"]), ["before", undefined], "the records after all that was refused");
      await call(c, "put", "a", 1, { ttl: undefined, expiresAt: undefined });
      equal((await c.getEntry("a"))?.expiresAt, undefined, "expiresAt where both options are undefined");
    },
  }),
  property({
    id: "ttl/invalid-is-refused-by-atomics",
    title: "Atomic operations refuse an invalid TTL, and change nothing.",
    needs: ["write", "atomic"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", 1);
      const revision = (await c.getEntry("a"))?.revision;
      const shape = { code: "INVALID_TTL", outcome: "not-applied" };
      for (const given of invalidTtls) {
        const what = `with the TTL ${show(given)}`;
        const options = { ttl: given };
        await rejects(() => call(c, "putIfAbsent", "b", 1, options), InvalidTtlError, `putIfAbsent ${what}`, shape);
        await rejects(
          () => call(c, "compareAndSwap", "a", revision, 2, options),
          InvalidTtlError,
          `compareAndSwap ${what}`,
          shape,
        );
        await rejects(() => call(c, "update", "a", () => 2, options), InvalidTtlError, `update ${what}`, shape);
        await rejects(() => call(c, "increment", "c", 1, options), InvalidTtlError, `increment ${what}`, shape);
        if (given !== null) await rejects(() => call(c, "touch", "a", given), InvalidTtlError, `touch ${what}`, shape);
      }
      await rejects(() => call(c, "touch", "a"), InvalidTtlError, "touch without a TTL", shape);
      deepEqual(await c.getMany(["a", "b", "c"]), [1, undefined, undefined], "the records after all that was refused");
      equal((await c.getEntry("a"))?.revision, revision, "the revision after all that was refused");
    },
  }),
];
