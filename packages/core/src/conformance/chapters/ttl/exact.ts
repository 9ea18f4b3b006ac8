/** Chapter "ttl": the moment at which a record expires. */
import type { Duration } from "../../../record.ts";
import { equal, ok, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { stamped, until } from "../../support.ts";
import { livesFor, ms, watch } from "./clock.ts";

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

export const exact: readonly Property[] = [
  property({
    id: "ttl/exact-to-the-millisecond",
    title:
      "A record is there until its time to live is over, counted from a moment between call and answer, and not after it.",
    needs: ["write"],
    waits: true,
    async run({ collection, settings: { timeScale } }) {
      const c = collection();
      const attempt = (given: Duration, length: number, key: string): Promise<boolean> =>
        livesFor(c, key, length, () => c.put(key, 1, { ttl: given }), `a TTL of ${show(given)}`);
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
];
