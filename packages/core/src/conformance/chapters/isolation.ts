/** Chapter "isolation": what is put and what is read are copies, in memory too. */
import { deepEqual, equal, ok, show } from "../assertions.ts";
import { type Property, property } from "../property.ts";
import { collect } from "../support.ts";

const draft = () => ({ list: [{ n: 1 }, { n: 2 }], nested: { text: "a" } });

/** Changes a draft in all its parts. */
function spoil(value: unknown): void {
  ok(
    isObject(value) && Array.isArray(value.list) && isObject(value.nested),
    `a value as it was put, not ${show(value)}`,
  );
  value.extra = 1;
  value.nested.text = "spoilt";
  value.list.push({ n: 3 });
  value.list[0] = { n: 99 };
  if (isObject(value.list[1])) value.list[1].n = 98;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

export const isolation: readonly Property[] = [
  property({
    id: "isolation/what-was-put-may-change",
    title: "Changing what was put never changes the store, also right after the call, before its answer.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      const value = draft();
      const put = c.put("a", value);
      spoil(value);
      await put;
      deepEqual(await c.get("a"), draft(), "get, the value changed right after put was called");
      const again = draft();
      await c.put("a", again);
      spoil(again);
      deepEqual(await c.get("a"), draft(), "get, the value changed after put had resolved");
    },
  }),
  property({
    id: "isolation/what-was-put-in-a-batch-may-change",
    title: "Changing what was put by `putMany`, or the array itself, never changes the store.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      const shared = draft();
      const entries = [
        { key: "a", value: shared },
        { key: "b", value: shared },
      ];
      const put = c.putMany(entries);
      spoil(shared);
      entries.length = 0;
      await put;
      deepEqual(await c.getMany(["a", "b"]), [draft(), draft()], "getMany, all changed right after putMany was called");
      const first = await c.get("a");
      spoil(first);
      deepEqual(await c.get("b"), draft(), "the second record, after what was read of the first was changed");
      // More than any backend takes in one exchange, and the store is connected by now.
      const many = Array.from({ length: 1100 }, (_, at) => ({ key: `${at}`, value: draft() }));
      const putAgain = c.putMany(many);
      for (const { value } of many) spoil(value);
      await putAgain;
      const found = await c.getMany(many.map(({ key }) => key));
      deepEqual(
        found,
        new Array(many.length).fill(draft()),
        "getMany, all of a large batch changed right after putMany",
      );
    },
  }),
  property({
    id: "isolation/what-was-put-atomically-may-change",
    title: "Changing what was given to an atomic operation never changes the store.",
    needs: ["write", "atomic"],
    async run({ collection }) {
      const c = collection();
      const absent = draft();
      const made = c.putIfAbsent("a", absent);
      spoil(absent);
      const revision = await made;
      ok(revision !== undefined, "putIfAbsent of a new key");
      deepEqual(await c.get("a"), draft(), "get after putIfAbsent");
      const swapped = draft();
      const swap = c.compareAndSwap("a", revision, swapped);
      spoil(swapped);
      await swap;
      deepEqual(await c.get("a"), draft(), "get after compareAndSwap");
      const given = draft();
      const updated = await c.update("a", () => given);
      spoil(given);
      deepEqual(updated, draft(), "what update gave, after what its function had returned was changed");
      spoil(updated);
      deepEqual(await c.get("a"), draft(), "get after update");
      await c.update("a", (current) => {
        spoil(current);
        return draft();
      });
      deepEqual(await c.get("a"), draft(), "get after an update whose function changed what it was handed");
    },
  }),
  property({
    id: "isolation/a-failed-update-changes-nothing",
    title: "An update whose function changes its argument and then throws changes nothing.",
    needs: ["write", "atomic"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", draft());
      await c
        .update("a", (current) => {
          spoil(current);
          throw new Error("on purpose");
        })
        .catch(() => undefined);
      deepEqual(await c.get("a"), draft(), "get after the update that failed");
    },
  }),
  property({
    id: "isolation/what-was-read-may-change",
    title: "What is read is the caller's own copy: changing it changes neither the store nor what others read.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", draft());
      const first = await c.get("a");
      spoil(first);
      deepEqual(await c.get("a"), draft(), "get after a change of what get gave");
      const entry = await c.getEntry("a");
      spoil(entry?.value);
      entry?.createdAt?.setTime(0);
      deepEqual((await c.getEntry("a"))?.value, draft(), "getEntry after a change of what it gave");
      ok((await c.getEntry("a"))?.createdAt?.getTime() !== 0, "createdAt is not the Date that was changed");
      const [one, other] = await c.getMany(["a", "a"]);
      spoil(one);
      deepEqual(other, draft(), "getMany's second copy of one record, after a change of the first");
      const [left, right] = await c.getEntries(["a", "a"]);
      spoil(left?.value);
      deepEqual(right?.value, draft(), "getEntries' second copy of one record, after a change of the first");
      deepEqual(await c.get("a"), draft(), "get at last");
    },
  }),
  property({
    id: "isolation/what-was-listed-may-change",
    title: "What an enumeration gives is the caller's own copy.",
    needs: ["write", "enumerate"],
    async run({ collection }) {
      const c = collection();
      await c.put("a", draft());
      for (const entry of await collect(c.entries())) spoil(entry.value);
      deepEqual(await c.get("a"), draft(), "get after a change of what entries gave");
    },
  }),
  property({
    id: "isolation/frozen-values-are-taken",
    title: "Frozen values and options are taken, and nothing given is ever changed.",
    needs: ["write"],
    async run({ collection }) {
      const c = collection();
      const value = Object.freeze({ list: Object.freeze([Object.freeze({ n: 1 })]), gone: undefined });
      const options = Object.freeze({ ttl: 600 });
      await c.put("a", value, options);
      await c.putMany(Object.freeze([Object.freeze({ key: "b", value, ttl: 600 })]));
      deepEqual(value, { list: [{ n: 1 }], gone: undefined }, "the value that was given");
      const read = await c.get("a");
      deepEqual(read, { list: [{ n: 1 }] }, "get");
      ok(!Object.isFrozen(read), "what is read is not frozen");
      equal(await c.has("b"), true, "has after putMany");
    },
  }),
];
