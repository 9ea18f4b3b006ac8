/** Chapter "ttl": an expired record is absent to every read, deletion and enumeration. */
import { deepEqual, equal } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { call, collect, keysOf } from "../../support.ts";
import { expiredBesideLive, withExpired } from "./clock.ts";

/** Reads that may be the first to meet an expired record. */
const firstReads = [
  { id: "ttl/absent-to-has", method: "has", args: ["a"], absent: false },
  { id: "ttl/absent-to-get-entry", method: "getEntry", args: ["a"], absent: undefined },
  { id: "ttl/absent-to-get-many", method: "getMany", args: [["a", "a"]], absent: [undefined, undefined] },
  { id: "ttl/absent-to-get-entries", method: "getEntries", args: [["a", "a"]], absent: [undefined, undefined] },
] as const;

export const absent: readonly Property[] = [
  property({
    id: "ttl/reads-agree",
    title: "An expired record is absent to every read.",
    needs: ["write"],
    waits: true,
    async run(context) {
      const c = await expiredBesideLive(context);
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
        const c = await expiredBesideLive(context);
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
      const c = await expiredBesideLive(context);
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
      const c = await expiredBesideLive(context);
      equal(await c.deleteMany(["a", "b", "c"]), 1, "deleteMany of an expired, a live and a missing record");
    },
  }),
  property({
    id: "ttl/absent-to-keys",
    title: "An expired record is not enumerated.",
    needs: ["write", "enumerate"],
    waits: true,
    async run(context) {
      const c = await expiredBesideLive(context);
      deepEqual(await collect(c.keys()), ["b"], "keys()");
      deepEqual(keysOf(await collect(c.entries())), ["b"], "the keys of entries()");
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
];
