/** Chapter "enumeration": what is listed while records come and go. */
import { deepEqual, equal, ok, sameElements, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { collect, keysTo } from "../../support.ts";
import { fill } from "./names.ts";

const needs = ["write", "enumerate"] as const;

function checkOnce(
  seen: readonly string[],
  throughout: readonly string[],
  known: ReadonlySet<string>,
  what: string,
): void {
  const counts = new Map<string, number>();
  for (const key of seen) counts.set(key, (counts.get(key) ?? 0) + 1);
  const repeated = [...counts].filter(([, count]) => count > 1).map(([key]) => key);
  const missing = throughout.filter((key) => !counts.has(key));
  const unknown = [...counts.keys()].filter((key) => !known.has(key));
  ok(repeated.length === 0, `${what}: ${repeated.length} keys came more than once: ${show(repeated)}`);
  ok(
    missing.length === 0,
    `${what}: ${missing.length} of ${throughout.length} keys that were there throughout never came: ${show(missing)}`,
  );
  ok(unknown.length === 0, `${what}: keys came that nobody put: ${show(unknown)}`);
}

export const meanwhile: readonly Property[] = [
  property({
    id: "enumeration/while-others-write",
    title:
      "Each record that lives throughout comes exactly once, others at most once, while others put, overwrite and delete.",
    needs,
    async run({ collection, settings }) {
      for (const kind of ["keys", "entries"] as const) {
        const c = collection();
        const stable = keysTo(settings.records / 2, "stable");
        const doomed = keysTo(settings.records / 5, "doomed");
        const born = keysTo(settings.records / 5, "born");
        await fill(c, [...stable, ...doomed]);
        const writes: Promise<unknown>[] = [];
        const seen: string[] = [];
        const items = kind === "keys" ? c.keys() : c.entries();
        for await (const item of items) {
          const at = seen.push(typeof item === "string" ? item : item.key);
          if (at % 3 !== 0) continue;
          const [gone, made, kept] = [doomed[at / 3], born[at / 3], stable[stable.length - at]];
          if (gone) writes.push(c.delete(gone));
          if (made) writes.push(c.put(made, at));
          if (kept) writes.push(c.put(kept, { again: at }));
          if (at % 30 === 0) await Promise.all(writes);
        }
        await Promise.all(writes);
        checkOnce(seen, stable, new Set([...stable, ...doomed, ...born]), `${kind}()`);
      }
    },
  }),
  property({
    id: "enumeration/while-much-goes",
    title: "Nothing is skipped where many records, seen and unseen ones, are deleted in the middle of an enumeration.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      const stable = keysTo(settings.records / 5, "m");
      const [before, behind] = [keysTo(settings.records / 5, "a"), keysTo(settings.records / 5, "z")];
      const doomed = [...before, ...behind];
      await fill(c, [...before, ...stable, ...behind]);
      const seen: string[] = [];
      let rest = doomed;
      for await (const key of c.keys()) {
        // Now and then, those that came are deleted together with some that did not.
        if (seen.push(key) % 150 !== 0) continue;
        const came = new Set(seen);
        const gone = [...rest.filter((one) => came.has(one)), ...rest.filter((one) => !came.has(one)).slice(0, 40)];
        await c.deleteMany(gone);
        const set = new Set(gone);
        rest = rest.filter((one) => !set.has(one));
      }
      checkOnce(seen, stable, new Set([...stable, ...doomed]), "keys()");
    },
  }),
  property({
    id: "enumeration/deleting-what-comes",
    title: "A loop that deletes each key as it comes leaves none.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      const keys = keysTo(settings.records / 10);
      await fill(c, keys);
      const seen: string[] = [];
      for await (const key of c.keys()) {
        seen.push(key);
        equal(await c.delete(key), true, `delete(${show(key)}) as it comes`);
      }
      sameElements(seen, keys, "keys() with each deleted as it comes");
      deepEqual(await collect(c.keys()), [], "keys() after it");
    },
  }),
];
