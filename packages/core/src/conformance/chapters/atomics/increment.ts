/** Chapter "atomics": `increment`. */
import { InvalidArgumentError, InvalidCounterError } from "../../../errors.ts";
import { deepEqual, equal, rejects, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { call } from "../../support.ts";
import { times } from "./contenders.ts";

const needs = ["write", "atomic"] as const;

export const increment: readonly Property[] = [
  property({
    id: "atomics/increment",
    title: "`increment` adds to a number, which begins at 0, and gives the sum: integers, negative ones and floats.",
    needs,
    async run({ collection }) {
      const c = collection();
      equal(await c.increment("a"), 1, "increment of a missing record");
      equal(await c.increment("a"), 2, "increment again");
      equal(await c.increment("a", 40), 42, "increment by 40");
      equal(await c.increment("a", -50), -8, "increment by -50");
      equal(await c.increment("a", 0), -8, "increment by 0");
      equal(await c.get("a"), -8, "get");
      equal(await c.increment("a", 8), 0, "increment to 0");
      equal(await c.increment("float", 0.1), 0.1, "increment by 0.1");
      equal(await c.increment("float", 0.2), 0.1 + 0.2, "increment by 0.2");
      equal(await c.increment("float", 1e300), 1e300, "increment by 1e300");
      await c.put("put", 10);
      equal(await c.increment("put", -1), 9, "increment of a number that was put");
      await c.increment("gone", 5);
      await c.delete("gone");
      equal(await c.increment("gone"), 1, "increment after delete");
      equal(await c.get("gone"), 1, "get after it");
      equal(await c.increment("minus zero", -0), 0, "increment by -0");
      const before = await c.getEntry("put");
      await c.increment("put");
      deepEqual((await c.getEntry("put"))?.createdAt, before?.createdAt, "createdAt after increment");
    },
  }),
  property({
    id: "atomics/increment-is-exact",
    title: "Of many concurrent increments none is lost, and each sum is given once.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      const rounds = settings.thorough ? 50 : 5;
      const sums: number[] = [];
      for (let round = 0; round < rounds; round++) {
        sums.push(...(await times(settings.contenders, () => c.increment("a"))));
      }
      const total = rounds * settings.contenders;
      equal(await c.get("a"), total, `the number after ${total} increments`);
      deepEqual(
        sums.toSorted((a, b) => a - b),
        Array.from({ length: total }, (_, at) => at + 1),
        "the sums that were given",
      );
    },
  }),
  property({
    id: "atomics/increment-has-bounds",
    title: "A sum that is neither a safe integer nor a finite float is an InvalidCounterError, and changes nothing.",
    needs,
    async run({ collection }) {
      const c = collection();
      const max = Number.MAX_SAFE_INTEGER;
      await c.put("a", max - 1);
      equal(await c.increment("a"), max, "increment to 2^53 - 1");
      const shape = {
        code: "INVALID_COUNTER",
        operation: "increment",
        key: "a",
        outcome: "not-applied",
        retryable: false,
      };
      await rejects(() => c.increment("a"), InvalidCounterError, "increment beyond 2^53 - 1", shape);
      await rejects(() => c.increment("a", max), InvalidCounterError, "increment far beyond 2^53 - 1", shape);
      equal(await c.get("a"), max, "get after it");
      equal(await c.increment("a", -max), 0, "increment back to 0");
      equal(await c.increment("a", -max), -max, "increment to -2^53 + 1");
      await rejects(() => c.increment("a", -1), InvalidCounterError, "increment below -2^53 + 1", shape);
      await c.put("a", Number.MAX_VALUE);
      await rejects(() => c.increment("a", Number.MAX_VALUE), InvalidCounterError, "increment to Infinity", shape);
      equal(await c.get("a"), Number.MAX_VALUE, "get after it");
      for (const by of [Number.NaN, Number.POSITIVE_INFINITY, "1", null, 1n, {}]) {
        await rejects(() => call(c, "increment", "a", by), InvalidArgumentError, `increment by ${show(by)}`, {
          outcome: "not-applied",
        });
      }
    },
  }),
  property({
    id: "atomics/increment-wants-a-number",
    title: "`increment` of what is no number is an InvalidCounterError, and changes nothing.",
    needs,
    async run({ collection }) {
      const c = collection();
      for (const value of ["1", "", null, true, {}, [], [1], { value: 1 }]) {
        await c.put("a", value);
        await rejects(() => c.increment("a"), InvalidCounterError, `increment of ${show(value)}`, {
          code: "INVALID_COUNTER",
          outcome: "not-applied",
        });
        deepEqual(await c.get("a"), value, "get after it");
      }
    },
  }),
];
