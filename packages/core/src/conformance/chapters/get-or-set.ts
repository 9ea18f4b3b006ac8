/** Chapter "get-or-set": a value that is not there is made once, however many ask for it. */
import type { CallOptions } from "../../call.ts";
import type { StoreEvent } from "../../driver/driver.ts";
import { AbortedError, InvalidArgumentError, InvalidTtlError, InvalidValueError, SchemaError } from "../../errors.ts";
import type { Collection } from "../../store.ts";
import { deepEqual, equal, ok, rejects } from "../assertions.ts";
import { type Property, property } from "../property.ts";
import { user } from "../schemas.ts";
import { call, collect, conclusive, until } from "../support.ts";
import { quietly } from "../unhandled.ts";

const needs = ["write"] as const;
/** Time enough for whatever a call waits for on purpose. */
const patient: CallOptions = { timeout: "10s" };

/** A promise, and what settles it. */
function gate<T>() {
  let open: (value: T) => void = () => {};
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Looks again and again, since what it waits for happens beside any call. */
async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await condition())) {
    ok(performance.now() < end, `${what}, within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The error of a call that rejects with what is no error of the store's. */
async function thrownBy(run: () => Promise<unknown>, what: string): Promise<unknown> {
  let answer: unknown;
  try {
    answer = await run();
  } catch (error) {
    return error;
  }
  ok(false, `${what} rejects, and does not give ${String(answer)}`);
}

/** Stores a value that goes stale, and waits until it has. */
async function makeStale(c: Collection<"write">, key: string, value: string, ttl: number): Promise<void> {
  await c.getOrSet(key, () => value, { ttl: ttl / 1000, staleFor: "10m" });
  await until(Date.now() + ttl + 1);
}

export const getOrSet: readonly Property[] = [
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
      const make = async () => {
        calls++;
        await opened;
        return { n: calls };
      };
      // By collections of their own, too.
      const asked = Array.from({ length: settings.contenders }, () =>
        store.collection(name).getOrSet("a", make, patient),
      );
      await eventually(() => calls > 0, "the factory is called");
      const other = await store.collection(name).getOrSet("b", () => "at once", patient);
      equal(other, "at once", "getOrSet of another key meanwhile");
      open();
      const answers = await Promise.all(asked);
      equal(calls, 1, `calls of the factory for ${answers.length} callers`);
      for (const answer of answers) deepEqual(answer, { n: 1 }, "what each caller gets");
      equal(new Set(answers).size, answers.length, "copies");
    },
  }),
  property({
    id: "get-or-set/a-failed-factory-fails-the-call",
    title:
      "What the factory throws is what the callers get, as it is; nothing is stored, and the next call tries again.",
    needs,
    async run({ collection }) {
      const c = collection();
      const error = new Error("on purpose");
      const fails = async (): Promise<number> => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        throw error;
      };
      await quietly(async () => {
        const thrown = await Promise.all([1, 2, 3].map(() => thrownBy(() => c.getOrSet("a", fails), "getOrSet")));
        for (const one of thrown) equal(one, error, "what each caller gets");
        const atOnce = () => {
          throw error;
        };
        equal(await thrownBy(() => c.getOrSet("a", atOnce), "getOrSet"), error, "where it throws at once");
      });
      equal(await c.has("a"), false, "has after it");
      equal(await c.getOrSet("a", () => 1), 1, "the next getOrSet");
    },
  }),
  property({
    id: "get-or-set/what-is-no-value",
    title: "What the factory makes is checked as `put` does, by the schema too; what does not pass is not stored.",
    needs,
    async run({ store, collection, unique }) {
      const c = collection();
      const refused = { key: "a", operation: "getOrSet", outcome: "not-applied" };
      await rejects(() => call(c, "getOrSet", "a", () => ({ at: new Date() })), InvalidValueError, "a Date", {
        ...refused,
        path: ["at"],
      });
      equal(await c.has("a"), false, "has after it");
      const name = unique();
      const users = store.collection(name, { schema: user });
      const stale = { ttl: 600, staleFor: 600 };
      for (const options of [{}, stale]) {
        await rejects(
          () => call(users, "getOrSet", "a", () => ({ name: 1 }), options),
          SchemaError,
          "a misfit of the schema",
          { ...refused, path: ["name"] },
        );
      }
      equal(await users.has("a"), false, "has after it");
      const ada = await users.getOrSet("ada", () => ({ name: "Ada" }), stale);
      deepEqual(ada, { name: "Ada", tags: [], shout: "ADA" }, "what getOrSet gives: the schema's output");
      deepEqual(await store.collection(name).get("ada"), { name: "Ada" }, "what is stored");
    },
  }),
  property({
    id: "get-or-set/wrong-options",
    title: "What is no factory, no ttl or no staleFor is refused, also where there is a record.",
    needs,
    async run({ collection }) {
      const c = collection();
      await c.put("there", 1);
      for (const key of ["there", "new"]) {
        for (const factory of [undefined, null, 1, {}]) {
          await rejects(() => call(c, "getOrSet", key, factory), InvalidArgumentError, "no factory", {
            operation: "getOrSet",
            outcome: "not-applied",
          });
        }
        for (const options of [{ ttl: 0 }, { ttl: "1 hour" }, { ttl: 1, staleFor: -1 }, { ttl: 1, staleFor: Infinity }])
          await rejects(() => call(c, "getOrSet", key, () => 1, options), InvalidTtlError, "a wrong time");
        await rejects(
          () => call(c, "getOrSet", key, () => 1, { staleFor: 1 }),
          InvalidArgumentError,
          "staleFor without a ttl",
        );
      }
      equal(await c.has("new"), false, "has after all");
    },
  }),
  property({
    id: "get-or-set/an-aborted-caller-leaves-alone",
    title:
      "A caller that is aborted does not abort the others; the factory's signal is aborted when the last one leaves.",
    needs,
    async run({ collection }) {
      const c = collection();
      const first = new AbortController();
      const second = new AbortController();
      const { opened, open } = gate<string>();
      const begun = gate<void>();
      let signal: AbortSignal | undefined;
      const make = (context: { readonly signal: AbortSignal }) => {
        signal = context.signal;
        begun.open();
        return opened;
      };
      await quietly(async () => {
        const leaving = rejects(
          () => c.getOrSet("a", make, { ...patient, signal: first.signal }),
          AbortedError,
          "getOrSet that is aborted",
          { operation: "getOrSet", key: "a" },
        );
        await begun.opened;
        const staying = c.getOrSet("a", make, patient);
        // Until the second one has read that there is nothing, and waits as well.
        await new Promise((resolve) => setTimeout(resolve, 50));
        first.abort();
        await leaving;
        equal(signal?.aborted, false, "the factory's signal, while one caller waits");
        open("made");
        equal(await staying, "made", "what the other caller gets");

        const never = new Promise<string>(() => {});
        const alone = gate<AbortSignal>();
        const last = rejects(
          () =>
            c.getOrSet(
              "b",
              (context) => {
                alone.open(context.signal);
                return never;
              },
              { ...patient, signal: second.signal },
            ),
          AbortedError,
          "the only getOrSet, aborted",
        );
        const its = await alone.opened;
        second.abort();
        await last;
        await eventually(() => its.aborted, "the factory's signal is aborted");
      });
      equal(await c.getOrSet("b", () => "anew", patient), "anew", "getOrSet after the aborted one");
    },
  }),
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
  property({
    id: "get-or-set/close-waits",
    title: "close() waits for a factory under way, whose value is stored and given.",
    needs,
    async run({ open, unique, target }) {
      const store = await open();
      const name = unique();
      const begun = gate<void>();
      let answer: unknown;
      const asked = store
        .collection(name)
        .getOrSet(
          "a",
          async () => {
            begun.open();
            await new Promise((resolve) => setTimeout(resolve, 50));
            return "made";
          },
          patient,
        )
        .then((made) => {
          answer = made;
        });
      await begun.opened;
      await store.close();
      equal(answer, "made", "what the call had given when close() resolved");
      await asked;
      if (target.shared) equal(await (await open()).collection(name).get("a"), "made", "get in another store");
    },
  }),
  property({
    id: "get-or-set/one-call-among-instances",
    title: "Of two stores on the same data that both miss a value, one calls its factory; the other gets its value.",
    needs: ["write", "atomic"],
    wants: ["second"],
    async run({ store, open, unique }) {
      const name = unique();
      const other = (await open()).collection(name);
      const { opened, open: release } = gate<string>();
      const begun = gate<void>();
      let calls = 0;
      const make = () => {
        calls++;
        begun.open();
        return opened;
      };
      const first = store.collection(name).getOrSet("a", make, patient);
      await begun.opened;
      const second = other.getOrSet("a", make, patient);
      await new Promise((resolve) => setTimeout(resolve, 100));
      equal(calls, 1, "calls of the factory while the first is under way");
      release("made");
      deepEqual(await Promise.all([first, second]), ["made", "made"], "what both get");
      equal(calls, 1, "calls of the factory at last");
    },
  }),
  property({
    id: "get-or-set/a-dead-instance-is-replaced",
    title: "A store whose factory never ends is waited for only so long: the other then calls its own.",
    needs: ["write", "atomic"],
    wants: ["second"],
    waits: true,
    async run({ store, open, unique, settings }) {
      const name = unique();
      const other = (await open()).collection(name);
      const begun = gate<void>();
      const ended = new AbortController();
      const hangs = (): Promise<string> => {
        begun.open();
        return new Promise(() => {});
      };
      const first = thrownBy(
        () => store.collection(name).getOrSet("a", hangs, { ...patient, signal: ended.signal }),
        "getOrSet that is aborted",
      );
      await begun.opened;
      const timeout = 2000 * Math.max(1, settings.timeScale);
      equal(await other.getOrSet("a", () => "mine", { timeout }), "mine", "getOrSet of the other");
      ended.abort();
      await first;
    },
  }),
];
