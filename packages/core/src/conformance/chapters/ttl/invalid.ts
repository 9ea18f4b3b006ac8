/** Chapter "ttl": what is no time to live. */
import { InvalidTtlError } from "../../../errors.ts";
import type { Collection } from "../../../store.ts";
import { deepEqual, type ErrorShape, equal, rejects, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { call } from "../../support.ts";
import { expiryOf } from "./clock.ts";

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

/** The call rejects for its TTL, and says that nothing was written. */
function refuses(
  c: Collection<never>,
  [method, ...args]: readonly [method: string, ...args: unknown[]],
  what: string,
  shape: ErrorShape = {},
): Promise<InvalidTtlError> {
  return rejects(() => call(c, method, ...args), InvalidTtlError, `${method} ${what}`, {
    code: "INVALID_TTL",
    outcome: "not-applied",
    ...shape,
  });
}

export const invalid: readonly Property[] = [
  property({
    id: "ttl/invalid-is-refused",
    title:
      "A TTL that is zero, negative, not a number, infinite, beyond the year 9999 or anything else is an InvalidTtlError.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", "before");
      const ofPut = { operation: "put", collection: c.name, key: "a" };
      const good = { key: "b", value: 1 };
      for (const given of invalidTtls) {
        const what = `with the TTL ${show(given)}`;
        await refuses(c, ["put", "a", 1, { ttl: given }], what, ofPut);
        await refuses(c, ["putMany", [good, { key: "a", value: 1, ttl: given }]], what, { key: "a" });
      }
      for (const given of invalidMoments()) {
        await refuses(c, ["put", "a", 1, { expiresAt: given }], `with expiresAt ${show(given)}`, ofPut);
      }
      const both = { ttl: 1, expiresAt: Date.now() + 1000 };
      await refuses(c, ["put", "a", 1, both], "with both ttl and expiresAt", ofPut);
      deepEqual(await c.getMany(["a", "b"]), ["before", undefined], "the records after all that was refused");
      await call(c, "put", "a", 1, { ttl: undefined, expiresAt: undefined });
      equal(await expiryOf(c, "a"), undefined, "expiresAt where both options are undefined");
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
      for (const given of invalidTtls) {
        const what = `with the TTL ${show(given)}`;
        await refuses(c, ["putIfAbsent", "b", 1, { ttl: given }], what);
        await refuses(c, ["compareAndSwap", "a", revision, 2, { ttl: given }], what);
        await refuses(c, ["update", "a", () => 2, { ttl: given }], what);
        await refuses(c, ["increment", "c", 1, { ttl: given }], what);
        if (given !== null) await refuses(c, ["touch", "a", given], what);
      }
      await refuses(c, ["touch", "a"], "without a TTL");
      deepEqual(await c.getMany(["a", "b", "c"]), [1, undefined, undefined], "the records after all that was refused");
      equal((await c.getEntry("a"))?.revision, revision, "the revision after all that was refused");
    },
  }),
];
