/** Chapter "get-or-set": with `staleFor` an expired value is given while it is made anew, and to nobody else. */
import type { StoreEvent } from "../../../driver/driver.ts";
import { deepEqual, equal } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { collect, until } from "../../support.ts";
import { quietly } from "../../unhandled.ts";
import { eventually, gate, makeStale, patient } from "./waiting.ts";

const needs = ["write"] as const;

export const stale: readonly Property[] = [
  property({
    id: "get-or-set/stale-at-once",
    title: "With `staleFor` the expired value is given at once, and made anew beside the call, once.",
    needs,
    waits: true,
    async run({ collection, settings }) {
      const c = collection();
      const ttl = 150 * settings.timeScale;
      await makeStale(c, "a", "old", ttl);
      const { opened, open } = gate<string>();
      let calls = 0;
      const options = { ttl: "10m", staleFor: "10m", ...patient } as const;
      const make = () => {
        calls++;
        return opened;
      };
      for (const turn of ["first", "second"]) {
        equal(await c.getOrSet("a", make, options), "old", `the ${turn} getOrSet while it is made anew`);
      }
      await eventually(() => calls > 0, "the factory is called");
      open("new");
      await eventually(async () => (await c.get("a")) === "new", "the new value is stored");
      equal(calls, 1, "calls of the factory");
      equal(await c.getOrSet("a", make, options), "new", "getOrSet after it");
      equal(calls, 1, "calls of the factory at last");
    },
  }),
  property({
    id: "get-or-set/stale-to-nobody-else",
    title: "A value past its ttl is given to `getOrSet` with `staleFor` alone: to every other operation it is absent.",
    needs,
    waits: true,
    async run({ store, collection, settings }) {
      const c = collection();
      await makeStale(c, "a", "old", 150 * settings.timeScale);
      equal(await c.get("a"), undefined, "get");
      equal(await c.has("a"), false, "has");
      equal(await c.getEntry("a"), undefined, "getEntry");
      deepEqual(await c.getMany(["a"]), [undefined], "getMany");
      if (store.can("enumerate")) {
        const records = store.collection(c.name);
        deepEqual(await collect(records.keys()), [], "keys");
        deepEqual(await collect(records.entries()), [], "entries");
      }
      if (store.can("atomic")) equal(await store.collection(c.name).take("a"), undefined, "take");
      equal(await c.delete("a"), false, "delete");
      equal(await c.getOrSet("a", () => "new"), "new", "getOrSet without staleFor");
    },
  }),
  property({
    id: "get-or-set/stale-where-the-factory-fails",
    title:
      "Where the factory fails, the expired value is given, `onEvent` is told, and no rejection is left unhandled.",
    needs,
    waits: true,
    async run({ open, unique, settings }) {
      const events: StoreEvent[] = [];
      const c = (await open({ onEvent: (event) => void events.push(event) })).collection(unique());
      await makeStale(c, "a", "old", 150 * settings.timeScale);
      const error = new Error("on purpose");
      const fails = async (): Promise<string> => {
        throw error;
      };
      await quietly(async () => {
        const options = { ttl: 600, staleFor: 600 };
        equal(await c.getOrSet("a", fails, options), "old", "getOrSet whose factory fails");
        await eventually(() => events.some((event) => event.error === error), "onEvent is told of the error");
        equal(await c.getOrSet("a", fails, options), "old", "the next one");
      });
    },
  }),
  property({
    id: "get-or-set/stale-not-for-ever",
    title:
      "After `ttl` and `staleFor` an expired value is given to nobody; a factory that gives `undefined` ends it, too.",
    needs,
    waits: true,
    async run({ collection, settings }) {
      const c = collection();
      const ttl = 150 * settings.timeScale;
      await c.getOrSet("a", () => "old", { ttl: ttl / 1000, staleFor: ttl / 1000 });
      await makeStale(c, "gone", "old", ttl);
      await until(Date.now() + ttl + 1);
      equal(await c.getOrSet("a", () => "new", { ttl: 600, staleFor: 600 }), "new", "getOrSet after both");
      const nothing = (): string | undefined => undefined;
      const asked = () => c.getOrSet("gone", nothing, { ttl: 600, staleFor: 600 });
      await eventually(async () => (await asked()) === undefined, "getOrSet whose factory gives undefined");
    },
  }),
  property({
    id: "get-or-set/what-was-deleted-is-not-stale",
    title: "A value that was deleted, overwritten or cleared is never given as an expired one.",
    needs,
    waits: true,
    async run({ store, unique, settings }) {
      const ttl = 150 * settings.timeScale;
      const name = unique();
      const c = store.collection(name);
      const stale = { ttl: ttl / 1000, staleFor: "10m" } as const;
      const changes = new Map<string, (key: string) => Promise<unknown>>([
        ["delete", (key) => c.delete(key)],
        ["deleteMany", (key) => c.deleteMany([key, "none"])],
        ["put", (key) => c.put(key, "other", { ttl: 0.001 })],
        ["putMany", (key) => c.putMany([{ key, value: "other", ttl: 0.001 }])],
      ]);
      const keys = [...changes.keys()].flatMap((change) => [`${change} early`, `${change} late`]);
      for (const [change, run] of changes) {
        await c.getOrSet(`${change} early`, () => "old", stale);
        await run(`${change} early`);
        await c.getOrSet(`${change} late`, () => "old", stale);
      }
      if (store.can("atomic")) {
        const records = store.collection(name);
        await c.getOrSet("take", () => "old", stale);
        // Where it comes too late, there is nothing to take or to update, and so no change.
        if ((await records.take("take")) === "old") keys.push("take");
        await c.getOrSet("update", () => "old", stale);
        let before: unknown;
        await records.update("update", (current) => {
          before = current;
          return undefined;
        });
        if (before === "old") keys.push("update");
      }
      await until(Date.now() + ttl + 1);
      for (const [change, run] of changes) await run(`${change} late`);
      await until(Date.now() + 2);
      for (const key of keys) {
        equal(await c.getOrSet(key, () => "new", stale), "new", `getOrSet after ${key}`);
      }
      if (!store.can("clear")) return;
      const records = store.collection(name);
      await until(Date.now() + ttl + 1);
      await records.clear();
      equal(await c.getOrSet("put early", () => "newest", stale), "newest", "getOrSet after clear");
    },
  }),
  property({
    id: "get-or-set/keeps-nothing-in-sight",
    title: "What `getOrSet` keeps for itself is not enumerated, and `clear` leaves nothing of it.",
    needs: ["write", "enumerate", "clear"],
    async run({ store, unique }) {
      const name = unique();
      const c = store.collection(name);
      await c.getOrSet("a", () => 1, { ttl: 600, staleFor: 600 });
      await c.getOrSet("b", () => 2, { ttl: 600, staleFor: 600 });
      deepEqual((await collect(c.keys())).sort(), ["a", "b"], "keys");
      deepEqual((await collect(c.entries())).map(({ value }) => value).sort(), [1, 2], "values");
      await c.clear();
      deepEqual(await collect(store.collections({ prefix: name })), [], "collections after clear");
    },
  }),
];
