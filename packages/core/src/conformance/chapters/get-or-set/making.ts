/** Chapter "get-or-set": what the factory makes is stored and given. */
import { deepEqual, equal } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { conclusive, until } from "../../support.ts";
import { gate, openedBy, patient } from "./waiting.ts";

const needs = ["write"] as const;

export const making: readonly Property[] = [
  property({
    id: "get-or-set/makes-what-is-not-there",
    title: "`getOrSet` gives the value that is there, `null` too; else what its factory makes, which `get` then reads.",
    needs,
    async run({ collection }) {
      const c = collection();
      let calls = 0;
      const make = () => ({ n: ++calls });
      deepEqual(await c.getOrSet("a", make), { n: 1 }, "getOrSet of a missing record");
      deepEqual(await c.get("a"), { n: 1 }, "get after it");
      deepEqual(await c.getOrSet("a", async () => make()), { n: 1 }, "getOrSet of a record");
      equal(calls, 1, "calls of the factory");
      await c.put("null", null);
      equal(await c.getOrSet("null", make), null, "getOrSet where the value is null");
      equal(await c.getOrSet("made null", async () => null), null, "getOrSet whose factory makes null");
      equal(await c.has("made null"), true, "has of null");
      const value = { list: [1] };
      const made = await c.getOrSet("own", () => value);
      value.list.push(2);
      deepEqual(made, { list: [1] }, "what getOrSet gave, after what the factory made was changed");
    },
  }),
  property({
    id: "get-or-set/undefined-stores-nothing",
    title: "A factory that gives `undefined` stores nothing, and is asked again the next time.",
    needs,
    async run({ collection }) {
      const c = collection();
      let calls = 0;
      for (const count of [1, 2]) {
        equal(await c.getOrSet("a", () => void calls++), undefined, "getOrSet whose factory gives undefined");
        equal(await c.has("a"), false, "has after it");
        equal(calls, count, "calls of the factory");
      }
    },
  }),
  property({
    id: "get-or-set/ttl",
    title: "What the factory makes lives as long as its `ttl`, and is made anew after it.",
    needs,
    waits: true,
    async run({ collection, settings }) {
      const c = collection();
      await c.getOrSet("for ever", () => 1);
      equal((await c.getEntry("for ever"))?.ttl, undefined, "the ttl of what is given none");
      await conclusive(settings, async (ttl) => {
        const key = `of ${ttl} ms`;
        const before = Date.now();
        await c.getOrSet(key, () => "first", { ttl: ttl / 1000 });
        const again = await c.getOrSet(key, () => "second", { ttl: ttl / 1000 });
        const latest = Date.now() + ttl;
        if (Date.now() < before + ttl) equal(again, "first", "getOrSet within the ttl");
        await until(latest + 1);
        equal(await c.get(key), undefined, "get after the ttl");
        equal(await c.getOrSet(key, () => "third"), "third", "getOrSet after the ttl");
        return again === "first";
      });
    },
  }),
  property({
    id: "get-or-set/one-call-in-the-process",
    title:
      "Of many concurrent `getOrSet` of one key, one calls its factory; all get its value, each a copy of its own.",
    needs,
    async run({ store, unique, settings }) {
      const name = unique();
      let calls = 0;
      const { opened, open } = gate<void>();
      const begun = gate<void>();
      const make = async () => {
        calls++;
        begun.open();
        await opened;
        return { n: calls };
      };
      // By collections of their own, too.
      const answers = Promise.all(
        Array.from({ length: settings.contenders }, () => store.collection(name).getOrSet("a", make, patient)),
      );
      await openedBy(begun.opened, answers);
      const other = await store.collection(name).getOrSet("b", () => "at once", patient);
      equal(other, "at once", "getOrSet of another key meanwhile");
      open();
      const given = await answers;
      equal(calls, 1, `calls of the factory for ${given.length} callers`);
      for (const answer of given) deepEqual(answer, { n: 1 }, "what each caller gets");
      equal(new Set(given).size, given.length, "copies");
    },
  }),
];
