/** Chapter "ttl": what is no time to live. */
import { InvalidTtlError } from "../../../errors.ts";
import { deepEqual, equal, rejects, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { call } from "../../support.ts";

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

export const invalid: readonly Property[] = [
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
