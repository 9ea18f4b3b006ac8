/** Chapter "values": every JSON value comes back as it was put, and nothing else is taken. */
import { InvalidValueError, ValueTooLargeError } from "../../errors.ts";
import { deepEqual, equal, ok, rejects, show } from "../assertions.ts";
import { invalidValues, largeText, randomText, validValues, valueSizes } from "../corpus.ts";
import { type Property, property } from "../property.ts";
import { collect, each } from "../support.ts";

export const values: readonly Property[] = [
  property({
    id: "values/json-comes-back",
    title: "Any JSON value comes back as it was put, from `get` and `getMany`.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await each(validValues, ({ given }, at) => c.put(String(at), given));
      const batch = await c.getMany(validValues.map((_, at) => String(at)));
      await each(validValues, async (one, at) => {
        const expected = "read" in one ? one.read : one.given;
        deepEqual(await c.get(String(at)), expected, `get after put of ${one.what}`);
        deepEqual(batch[at], expected, `getMany after put of ${one.what}`);
      });
    },
  }),
  property({
    id: "values/json-comes-back-from-batches",
    title: "Any JSON value comes back as it was put by `putMany`.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.putMany(validValues.map(({ given }, at) => ({ key: String(at), value: given })));
      for (const [at, entry] of (await c.getEntries(validValues.map((_, at) => String(at)))).entries()) {
        const one = validValues[at];
        ok(one && entry, `the entry of ${one?.what}`);
        deepEqual(entry.value, "read" in one ? one.read : one.given, `getEntries after putMany of ${one.what}`);
      }
    },
  }),
  property({
    id: "values/json-comes-back-from-atomics",
    title: "Any JSON value comes back as it was put by the atomic operations.",
    needs: ["write", "atomic"],
    async run({ collection }) {
      const c = collection();
      await each(validValues, async (one, at) => {
        const expected = "read" in one ? one.read : one.given;
        const key = String(at);
        const revision = await c.putIfAbsent(key, one.given);
        ok(revision !== undefined, `putIfAbsent of ${one.what} on an empty key`);
        deepEqual(await c.get(key), expected, `get after putIfAbsent of ${one.what}`);
        ok(await c.compareAndSwap(key, revision, one.given), `compareAndSwap to ${one.what}`);
        deepEqual(await c.update(key, (value) => value), expected, `what update gave for ${one.what}`);
        equal(await c.touch(key, 600), true, `touch of ${one.what}`);
        deepEqual(await c.take(key), expected, `take of ${one.what}`);
      });
    },
  }),
  property({
    id: "values/json-comes-back-from-entries",
    title: "Any JSON value comes back as it was put from an enumeration.",
    needs: ["write", "enumerate"],
    async run({ collection }) {
      const c = collection();
      await c.putMany(validValues.map(({ given }, at) => ({ key: String(at), value: given })));
      const entries = await collect(c.entries());
      equal(entries.length, validValues.length, "the number of entries");
      for (const { key, value } of entries) {
        const one = validValues[Number(key)];
        ok(one, `an entry that was put, not ${show(key)}`);
        deepEqual(value, "read" in one ? one.read : one.given, `entries() after put of ${one.what}`);
      }
    },
  }),
  property({
    id: "values/property-order-is-kept",
    title: "Properties come back in their order.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      const value = { b: 1, a: { z: 1, "": 2, y: [{ d: 1, c: 2 }] }, B: 2, 2: "two", 1: "one", __proto_: 0 };
      await c.put("a", value);
      equal(JSON.stringify(await c.get("a")), JSON.stringify(value), "the value as text");
    },
  }),
  property({
    id: "values/large-values-are-whole",
    title: "Large values come back whole, at every size at which encodings change.",
    needs: ["write"],
    async run({ collection, store }) {
      const c = collection();
      const limit = store.capabilities.limits?.recordBytes ?? Number.POSITIVE_INFINITY;
      await each(
        valueSizes.filter((size) => size < limit / 2),
        async (size) => {
          const text = largeText(size);
          const parts = { parts: [text.slice(0, size / 2), text.slice(size / 2)] };
          await c.put(`text ${size}`, text);
          await c.put(`parts ${size}`, parts);
          ok((await c.get(`text ${size}`)) === text, `a string of ${size} bytes`);
          ok(JSON.stringify(await c.get(`parts ${size}`)) === JSON.stringify(parts), `${size} bytes in an object`);
        },
        4,
      );
    },
  }),
  property({
    id: "values/over-the-limit-is-refused",
    title: "A value over the store's limit is a ValueTooLargeError, and changes nothing.",
    needs: ["write"],
    async run({ collection, store }) {
      const limit = store.capabilities.limits?.recordBytes;
      // Without a limit there is nothing to be over.
      if (limit === undefined || limit > 2 ** 25) return;
      const c = collection();
      await c.put("a", "before");
      const shape = { code: "VALUE_TOO_LARGE", operation: "put", key: "a", outcome: "not-applied", retryable: false };
      const error = await rejects(
        () => c.put("a", randomText(limit)),
        ValueTooLargeError,
        `put of ${limit} characters`,
        shape,
      );
      equal(error.limit, limit, "the error's limit");
      ok(error.size > limit, `the error's size, ${error.size}, is over the limit, ${limit}`);
      equal(await c.get("a"), "before", "the value after the put that was refused");
    },
  }),
  property({
    id: "values/what-is-not-json-is-refused",
    title: "What is not JSON is an InvalidValueError that names the path, and changes nothing.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", "before");
      for (const { what, make, path } of invalidValues) {
        const shape = {
          code: "INVALID_VALUE",
          operation: "put",
          collection: c.name,
          key: "a",
          outcome: "not-applied",
          path,
        };
        await rejects(() => c.put("a", make()), InvalidValueError, `put of ${what}`, shape);
      }
      equal(await c.get("a"), "before", "the value after all that was refused");
    },
  }),
  property({
    id: "values/what-is-not-json-is-refused-by-atomics",
    title: "Atomic operations refuse what is not JSON, and change nothing.",
    needs: ["write", "atomic"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", "before");
      const revision = (await c.getEntry("a"))?.revision;
      ok(revision !== undefined, "getEntry's revision");
      for (const { what, make, path } of invalidValues) {
        // Of update's function undefined deletes, and a promise is waited for.
        const calls = {
          putIfAbsent: () => c.putIfAbsent("b", make()),
          compareAndSwap: () => c.compareAndSwap("a", revision, make()),
          ...(what !== "undefined" && what !== "a Promise" && { update: () => c.update("a", () => make()) }),
        };
        for (const [operation, call] of Object.entries(calls)) {
          const shape = { code: "INVALID_VALUE", operation, outcome: "not-applied", path };
          await rejects(call, InvalidValueError, `${operation} with ${what}`, shape);
        }
      }
      equal(await c.get("a"), "before", "the value after all that was refused");
      equal(await c.has("b"), false, "whether a refused putIfAbsent made a record");
      equal((await c.getEntry("a"))?.revision, revision, "the revision after all that was refused");
    },
  }),
];
