/** Chapter "atomics": `update`. */
import { deepEqual, equal, ok, show } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { revisionOf, times } from "./contenders.ts";

const needs = ["write", "atomic"] as const;

export const update: readonly Property[] = [
  property({
    id: "atomics/update",
    title: "`update` stores what the function makes of the value, at once or by a promise; `undefined` deletes.",
    needs,
    async run({ collection }) {
      const c = collection();
      const handed: unknown[] = [];
      const note =
        <T>(answer: T) =>
        (value: unknown): T => {
          handed.push(value);
          return answer;
        };
      deepEqual(await c.update("a", note({ n: 1 })), { n: 1 }, "update of a missing record");
      deepEqual(await c.get("a"), { n: 1 }, "get after it");
      const created = (await c.getEntry("a"))?.createdAt;
      equal(await c.update("a", note(Promise.resolve("later"))), "later", "update by a promise");
      deepEqual((await c.getEntry("a"))?.createdAt, created, "createdAt after update");
      equal(await c.update("a", note(null)), null, "update to null");
      equal(await c.update("a", note(undefined)), undefined, "update to undefined");
      equal(await c.has("a"), false, "has after it");
      equal(await c.update("a", note(undefined)), undefined, "update of a missing record to undefined");
      equal(await c.has("a"), false, "has after that");
      deepEqual(handed, [undefined, { n: 1 }, "later", null, undefined], "what the functions were handed");
    },
  }),
  property({
    id: "atomics/update-loses-nothing",
    title: "Of many concurrent updates of one record none is lost, also with functions that take their time.",
    needs,
    async run({ collection, settings }) {
      const c = collection();
      const count = settings.contenders;
      await times(count, (at) =>
        c.update("a", async (value) => {
          if (at % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
          return [...(Array.isArray(value) ? value : []), at];
        }),
      );
      const list = await c.get("a");
      ok(Array.isArray(list), "the value is the list that the updates made");
      deepEqual(
        list.toSorted((a, b) => Number(a) - Number(b)),
        Array.from({ length: count }, (_, at) => at),
        "what each update added",
      );
    },
  }),
  property({
    id: "atomics/update-passes-errors-through",
    title: "What the function of `update` throws, or rejects with, comes out unchanged, and nothing is changed.",
    needs,
    async run({ collection }) {
      const c = collection();
      await c.put("a", { n: 1 });
      const revision = await revisionOf(c, "a");
      for (const thrown of [new Error("on purpose"), "a string", undefined]) {
        const failing: [string, () => Promise<never> | never][] = [
          [
            "throws",
            () => {
              throw thrown;
            },
          ],
          ["rejects", () => Promise.reject(thrown)],
        ];
        for (const [what, change] of failing) {
          let caught: unknown = "nothing";
          await c.update("a", change).catch((error: unknown) => {
            caught = error;
          });
          ok(
            caught === thrown,
            `update, whose function ${what} ${show(thrown)}, rejects with the very same, not with ${show(caught)}`,
          );
        }
      }
      deepEqual(await c.get("a"), { n: 1 }, "get after it");
      equal(await revisionOf(c, "a"), revision, "the revision after it");
      deepEqual(await c.update("a", () => ({ n: 2 })), { n: 2 }, "the next update of the same key");
    },
  }),
];
