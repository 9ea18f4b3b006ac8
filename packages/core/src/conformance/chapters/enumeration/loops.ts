/** Chapter "enumeration": a loop asks only for what it comes to, and may be left at any time. */
import { around, defineLayer } from "../../../driver/layer.ts";
import { deepEqual, equal, ok, sameElements } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { collect, keysOf, keysTo } from "../../support.ts";
import { fill } from "./names.ts";

const needs = ["write", "enumerate"] as const;

export const loops: readonly Property[] = [
  property({
    id: "enumeration/early-end",
    title: "A loop may be left at any time; another one, also beside it, begins anew.",
    needs,
    async run({ collection, store }) {
      const c = collection();
      const keys = keysTo(300);
      await fill(c, keys);
      for (const stop of [1, 150]) {
        let count = 0;
        for await (const _ of c.keys()) if (++count === stop) break;
        equal(count, stop, "keys that came before the loop was left");
      }
      const unused = c.entries();
      await unused.return();
      deepEqual(await collect(unused), [], "an enumeration that was ended before its first element");
      const beside = await Promise.all([collect(c.keys()), collect(c.keys()), collect(c.entries())]);
      sameElements(beside[0], keys, "the first of three loops at once");
      sameElements(beside[1], keys, "the second of three loops at once");
      sameElements(keysOf(beside[2]), keys, "the third of three loops at once");
      const names: string[] = [];
      for await (const name of store.collections()) {
        names.push(name);
        break;
      }
      equal(names.length, 1, "collections() left after the first");
      equal(await c.has("key 0"), true, "another operation after all that");
    },
  }),
  property({
    id: "enumeration/lazy",
    title: "An enumeration asks for a page only when the loop comes to it, and for none after the loop was left.",
    needs,
    async run({ store, unique, settings }) {
      let exchanges = 0;
      const counting = defineLayer("counting", (inner) =>
        around(inner, ({ operation }, call, exchange) => {
          if (operation === "list") exchanges++;
          return exchange(call);
        }),
      );
      const c = store.with(counting).collection(unique());
      await fill(c, keysTo(settings.records));
      const during = async (run: () => Promise<unknown>): Promise<number> => {
        const before = exchanges;
        await run();
        return exchanges - before;
      };
      equal(await during(() => c.keys().return()), 0, "exchanges of an enumeration that nobody reads");
      const all = await during(() => collect(c.keys()));
      const one = await during(async () => {
        for await (const _ of c.keys()) break;
      });
      // A backend may give all in one page, or empty ones first.
      ok(one < all || all === 1, `${one} exchanges for the first key, ${all} for all ${settings.records}`);
    },
  }),
];
