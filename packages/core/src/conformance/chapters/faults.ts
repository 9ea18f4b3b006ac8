/** Chapter "faults": a server that is down, hangs or answers garbage is an error in time, never a miss and never a lie. */
import type { Capability } from "../../capabilities.ts";
import type { KeyValueError } from "../../errors.ts";
import type { Collection } from "../../store.ts";
import { retry } from "../../wrappers/retry.ts";
import { ConformanceError, deepEqual, equal, ok, sameElements, show } from "../assertions.ts";
import { type Fault, type FaultProxy, proxyOf } from "../fault-proxy.ts";
import { answersWithin, checkOutage } from "../outage.ts";
import { type Context, type Property, property } from "../property.ts";
import { call, collect } from "../support.ts";
import { quietly } from "../unhandled.ts";

/** How long after its deadline a call may be noticed to have ended, in milliseconds. */
const LATE = 4000;
/** How long a server may be back before the store has noticed. */
const BACK = 8000;
/** For the calls around the one that is tried. */
const PATIENT = { timeout: "10s" } as const;

/** What every trial begins with. */
const BEFORE: Readonly<Record<string, string | number>> = { there: "secret-value", n: 5, still: "here" };

/** One call that meets a fault. */
interface Trial {
  readonly method: string;
  readonly needs?: Capability;
  /** Much like another one: tried where it matters most, and in the longer setting. */
  readonly extra?: true;
  args(setup: { readonly revision: string | undefined }): readonly unknown[];
  /** Fails where the answer is not the one of a store without faults. */
  answers(answer: unknown): void;
  /** Of a write: the record that it changes, and what it makes of it. */
  readonly writes?: { readonly key: string; readonly after: unknown };
}

const revision = (answer: unknown): void => equal(typeof answer, "string", "the new revision is the answer");
const answer = (expected: unknown) => (given: unknown) => deepEqual(given, expected, "the answer");

const trials: readonly Trial[] = [
  { method: "get", args: () => ["there"], answers: answer("secret-value") },
  { method: "has", extra: true, args: () => ["there"], answers: answer(true) },
  { method: "getMany", args: () => [["there", "nowhere"]], answers: answer(["secret-value", undefined]) },
  {
    method: "keys",
    needs: "enumerate",
    args: () => [],
    answers: (given) => sameElements(Array.isArray(given) ? given : [], Object.keys(BEFORE), "the keys"),
  },
  {
    method: "put",
    args: () => ["there", "new"],
    answers: answer(undefined),
    writes: { key: "there", after: "new" },
  },
  {
    method: "putMany",
    extra: true,
    args: () => [[{ key: "there", value: "new" }]],
    answers: answer(undefined),
    writes: { key: "there", after: "new" },
  },
  {
    method: "delete",
    extra: true,
    args: () => ["there"],
    answers: answer(true),
    writes: { key: "there", after: undefined },
  },
  {
    method: "deleteMany",
    extra: true,
    args: () => [["there"]],
    answers: answer(1),
    writes: { key: "there", after: undefined },
  },
  {
    method: "putIfAbsent",
    needs: "atomic",
    args: () => ["fresh", "new"],
    answers: revision,
    writes: { key: "fresh", after: "new" },
  },
  {
    method: "compareAndSwap",
    extra: true,
    needs: "atomic",
    args: (setup) => ["there", setup.revision, "new"],
    answers: revision,
    writes: { key: "there", after: "new" },
  },
  {
    method: "take",
    extra: true,
    needs: "atomic",
    args: () => ["there"],
    answers: answer("secret-value"),
    writes: { key: "there", after: undefined },
  },
  { method: "increment", needs: "atomic", args: () => ["n", 1], answers: answer(6), writes: { key: "n", after: 6 } },
];

/** Milliseconds that a call has while the server is at fault. */
const timeoutOf = ({ settings }: Context<never>): number => 250 * settings.timeScale;

/** A store behind a proxy, and the same collection past it. */
interface Scene {
  readonly proxy: FaultProxy;
  readonly records: Collection<"write">;
  readonly control: Collection<"write">;
}

async function sceneOf(context: Context<"write">, proxy?: FaultProxy): Promise<Scene> {
  const between = proxy ?? (await proxyOf(context));
  const store = await context.openThrough(between.address, { timeout: timeoutOf(context) });
  const name = `secret-collection-${context.unique()}`;
  const control = context.store.collection(name);
  await control.putMany(
    Object.entries(BEFORE).map(([key, value]) => ({ key, value })),
    PATIENT,
  );
  return { proxy: between, records: store.collection(name), control };
}

/** Calls until the server is noticed to be back. */
async function recovers({ records }: Scene, what: string): Promise<void> {
  equal(await answersWithin(BACK, records, "still", what), "here", `${what}: get after the fault is gone`);
}

/** A call that begins while the fault is there. */
async function readsOrFails(records: Collection<"write">, fault: Fault, what: string): Promise<void> {
  try {
    equal(await records.get("still"), "here", what);
  } catch (error) {
    if (error instanceof ConformanceError) throw error;
    checkOutage(error, fault.type, what);
  }
}

/** One call on a connection that breaks in mid-call, or is broken before. */
async function tryOut(context: Context<"write">, trial: Trial, fault: Fault, scope: "all" | "existing"): Promise<void> {
  const scene = await sceneOf(context);
  const { proxy, records, control } = scene;
  const what = `${trial.method} while the server's fault is ${show(fault)}`;
  const entry = await records.getEntry("there", PATIENT);
  await proxy.inject(fault, scope);

  const began = performance.now();
  let failure: KeyValueError | undefined;
  try {
    trial.answers(await call(records, trial.method, ...trial.args({ revision: entry?.revision })));
  } catch (error) {
    if (error instanceof ConformanceError) throw new ConformanceError(`${what}: ${error.message}`);
    checkOutage(error, fault.type, what);
    failure = error;
  }
  const elapsed = performance.now() - began;
  ok(elapsed < timeoutOf(context) + LATE, `${what}: settled only after ${Math.round(elapsed)} ms`);

  if (scope === "all") await readsOrFails(records, fault, `get after ${what}`);
  // What was sent behind the back of the call meets the fault, too.
  await new Promise((resolve) => setTimeout(resolve, 30));
  if (scope === "all") await proxy.heal();
  // What is under way then still arrives.
  if (fault.type === "delay") await new Promise((resolve) => setTimeout(resolve, 2 * fault.milliseconds));
  await recovers(scene, what);
  if (trial.writes) await checkWrite(control, trial.writes, failure, what);
}

/** A write that resolved has happened, once; one that was not applied has not; of any other nobody can tell. */
async function checkWrite(
  control: Collection<"write">,
  { key, after }: NonNullable<Trial["writes"]>,
  failure: KeyValueError | undefined,
  what: string,
): Promise<void> {
  const before = BEFORE[key];
  const found = await control.get(key, PATIENT);
  if (failure === undefined) {
    deepEqual(found, after, `${what}: the record after a write that resolved`);
    return;
  }
  ok(failure.outcome !== undefined, `${what}: the error says what became of the write`);
  if (failure.outcome === "not-applied") {
    deepEqual(found, before, `${what}: the record after a write that was said not to have been applied`);
  }
  const possible = Object.is(found, before) || Object.is(found, after);
  ok(possible, `${what}: the record is ${show(found)}, neither ${show(before)} as before nor ${show(after)}`);
}

/** The trials that apply to the store. */
function trialsOf({ store, settings }: Context<"write">, all: boolean): Trial[] {
  const { capabilities } = store;
  return trials.filter(
    ({ needs, extra }) => (needs === undefined || capabilities[needs]) && (all || settings.thorough || !extra),
  );
}

/** All trials that apply, each with a proxy of its own, at the same time. */
async function tryAll(context: Context<"write">, fault: Fault, scope: "all" | "existing"): Promise<void> {
  const apply = trialsOf(context, fault.type === "lose-reply" && fault.by !== "silence");
  await quietly(async () => {
    await Promise.all(apply.map((trial) => tryOut(context, trial, fault, scope)));
  });
}

interface FaultCase {
  readonly id: `faults/${string}`;
  readonly title: string;
  readonly scope: "all" | "existing";
  readonly waits?: true;
  readonly faults: (timeout: number) => readonly Fault[];
}

const cases: readonly FaultCase[] = [
  {
    id: "faults/refused",
    title: "A server that refuses connections is an error in time; when it is back, so is the store.",
    scope: "all",
    faults: () => [{ type: "refuse" }],
  },
  {
    id: "faults/reset",
    title: "A server that resets all connections is an error in time; when it stops, the store is back.",
    scope: "all",
    faults: () => [{ type: "reset" }],
  },
  {
    id: "faults/dropped",
    title: "Connections that were dropped are replaced.",
    scope: "existing",
    faults: () => [{ type: "reset" }],
  },
  {
    id: "faults/silent",
    title: "A server that no longer answers is an error at the deadline; when it answers again, the store is back.",
    scope: "all",
    waits: true,
    faults: () => [{ type: "silence" }],
  },
  {
    id: "faults/dead-connection",
    title: "A connection on which nothing comes any more is replaced by another one.",
    scope: "existing",
    waits: true,
    faults: () => [{ type: "silence" }],
  },
  {
    id: "faults/too-slow",
    title:
      "A server that answers after the deadline is an error at the deadline, and a late answer is not another call's.",
    scope: "all",
    waits: true,
    faults: (timeout) => [{ type: "delay", milliseconds: timeout }],
  },
  {
    id: "faults/cut-in-mid-reply",
    title: "A reply that breaks off is an error, never half an answer.",
    scope: "existing",
    faults: () => [1, 5, 12].map((bytes) => ({ type: "cut", bytes })),
  },
  {
    id: "faults/lost-reply",
    title: "A write whose reply was lost is not sent again: its outcome is unknown, or it was done once.",
    scope: "existing",
    faults: () => [
      { type: "lose-reply", by: "reset" },
      { type: "lose-reply", by: "end" },
      { type: "lose-reply", by: "reset", spared: 1 },
    ],
  },
  {
    id: "faults/lost-reply-then-silence",
    title: "A write whose reply was lost without a sign is an error at the deadline whose outcome is unknown.",
    scope: "existing",
    waits: true,
    faults: () => [{ type: "lose-reply", by: "silence" }],
  },
  {
    id: "faults/garbage",
    title:
      "A server that answers garbage is an error in time, never a miss; when it makes sense again, the store is back.",
    scope: "all",
    faults: () => [{ type: "garbage" }],
  },
];

export const faults: readonly Property[] = [
  ...cases.map(({ id, title, scope, waits = false, faults: faultsOf }) =>
    property({
      id,
      title,
      needs: ["write"],
      wants: ["proxy"],
      waits,
      async run(context) {
        for (const fault of faultsOf(timeoutOf(context))) await tryAll(context, fault, scope);
      },
    }),
  ),

  property({
    id: "faults/slow-but-in-time",
    title: "A server that is slow, but answers before the deadline, is none the worse.",
    needs: ["write"],
    wants: ["proxy"],
    waits: true,
    async run(context) {
      await Promise.all(
        trialsOf(context, true).map(async (trial) => {
          const { proxy, records, control } = await sceneOf(context);
          const entry = await records.getEntry("there", PATIENT);
          await proxy.inject({ type: "delay", milliseconds: 20 });
          trial.answers(await call(records, trial.method, ...trial.args({ revision: entry?.revision }), PATIENT));
          if (trial.writes) await checkWrite(control, trial.writes, undefined, `${trial.method} on a slow connection`);
        }),
      );
    },
  }),

  property({
    id: "faults/down-at-first",
    title:
      "Where the server is down at first, calls fail in time and writes were not applied; when it comes, all works.",
    needs: ["write"],
    wants: ["proxy"],
    async run(context) {
      await quietly(async () => {
        const proxy = await proxyOf(context);
        await proxy.inject({ type: "refuse" });
        const scene = await sceneOf(context, proxy);
        for (const [method, args] of [
          ["get", ["there"]],
          ["put", ["there", "new"]],
        ] as const) {
          let failure: unknown;
          await call(scene.records, method, ...args).catch((error: unknown) => {
            failure = error;
          });
          checkOutage(failure, "refuse", `${method} while the server is down`);
          const expected = method === "put" ? "not-applied" : undefined;
          equal(failure.outcome, expected, `${method} while the server is down: outcome`);
        }
        await proxy.heal();
        await recovers(scene, "a store whose server was down at first");
        equal(await scene.records.get("there"), "secret-value", "the record after a put that was not applied");
      });
    },
  }),

  property({
    id: "faults/dropped-in-flight",
    title: "Of many calls in flight when the connection breaks, each settles, and says what became of it.",
    needs: ["write"],
    wants: ["proxy"],
    async run(context) {
      await quietly(async () => {
        const scene = await sceneOf(context);
        const { proxy, records, control } = scene;
        await records.get("still", PATIENT);
        await proxy.inject({ type: "delay", milliseconds: 20 });
        const keys = Array.from({ length: 40 }, (_, at) => `key-${at}`);
        const calls = keys.map((key, at) =>
          at % 4 === 0
            ? records.get("there").then((value) => equal(value, "secret-value", "get"))
            : records.put(key, at),
        );
        setTimeout(() => proxy.drop(), 30);
        const settled = await Promise.allSettled(calls);
        await proxy.heal();
        await recovers(scene, "a store whose connection was dropped");
        for (const [at, result] of settled.entries()) {
          const key = `key-${at}`;
          const stored = await control.get(key, PATIENT);
          if (result.status === "fulfilled") {
            if (at % 4 !== 0) equal(stored, at, `the record of the put of ${key}, which resolved`);
            continue;
          }
          const error: unknown = result.reason;
          if (error instanceof ConformanceError) throw error;
          checkOutage(error, "reset", `the call on ${key}`);
          if (error.outcome === "not-applied") equal(stored, undefined, `the record of ${key}, which was not applied`);
        }
      });
    },
  }),

  property({
    id: "faults/enumeration",
    title: "An enumeration whose server goes away rejects: it never ends as if it were complete.",
    needs: ["write", "enumerate"],
    wants: ["proxy"],
    async run(context) {
      const scene = await sceneOf(context);
      const { proxy, control } = scene;
      const keys = Array.from({ length: 3000 }, (_, at) => `key-${at}`);
      await control.putMany(keys.map((key) => ({ key, value: key })));
      const records = (await context.openThrough(proxy.address, { timeout: timeoutOf(context) })).collection(
        control.name,
      );
      const loop = records.keys();
      const first = await loop.next();
      ok(!first.done, "the enumeration gives a key");
      await proxy.inject({ type: "refuse" });
      let rest: string[];
      try {
        rest = await collect(loop);
      } catch (error) {
        checkOutage(error, "refuse", "the enumeration");
        return;
      }
      sameElements(
        [first.value, ...rest],
        [...keys, ...Object.keys(BEFORE)],
        "keys of a loop that ended without an error",
      );
    },
  }),

  property({
    id: "faults/retry-reads",
    title: "Under retry(), a read whose connection breaks is repeated, and succeeds.",
    needs: ["write"],
    wants: ["proxy"],
    async run(context) {
      for (const fault of [
        { type: "lose-reply", by: "reset" },
        { type: "cut", bytes: 3 },
        { type: "reset" },
      ] as const) {
        const proxy = await proxyOf(context);
        const store = (await context.openThrough(proxy.address)).with(retry({ attempts: 8 }));
        const records = store.collection(context.unique());
        await records.put("a", 1);
        await proxy.inject(fault, "existing");
        equal(await records.get("a"), 1, `get under retry, with the fault ${show(fault)}`);
        await proxy.inject(fault, "existing");
        deepEqual(
          await records.getMany(["a", "b"]),
          [1, undefined],
          `getMany under retry, with the fault ${show(fault)}`,
        );
      }
    },
  }),

  property({
    id: "faults/retry-settles-a-lost-reply",
    title: "Under retry(), a putIfAbsent or compareAndSwap whose reply was lost is settled by its own revision.",
    needs: ["write", "atomic"],
    wants: ["proxy"],
    async run(context) {
      const fault = { type: "lose-reply", by: "reset" } as const;
      const proxy = await proxyOf(context);
      const store = (await context.openThrough(proxy.address)).with(retry({ attempts: 8 }));
      const records = store.collection(context.unique());
      await records.get("a");

      await proxy.inject(fault, "existing");
      const created = await records.putIfAbsent("a", 1);
      ok(created !== undefined, "putIfAbsent whose reply was lost knows that it has won");
      equal((await records.getEntry("a"))?.revision, created, "the record's revision after it");

      await proxy.inject(fault, "existing");
      const swapped = await records.compareAndSwap("a", created, 2);
      ok(swapped !== undefined, "compareAndSwap whose reply was lost knows that it has won");
      equal((await records.getEntry("a"))?.revision, swapped, "the record's revision after it");

      for (const losing of [() => records.putIfAbsent("a", 3), () => records.compareAndSwap("a", created, 3)]) {
        await proxy.inject(fault, "existing");
        const told = await losing().catch((error: unknown) => {
          checkOutage(error, "reset", "a write that lost, and whose reply was lost");
          return error.outcome;
        });
        ok(
          told === undefined || told === "unknown",
          `a write that lost, and whose reply was lost, was told ${show(told)}`,
        );
        equal(await records.get("a"), 2, "the record after it");
      }

      for (const spared of [0, 1]) {
        await records.put("n", 1);
        await proxy.inject({ ...fault, spared }, "existing");
        equal(await records.increment("n"), 2, `increment whose reply ${spared} was lost`);
        equal(await records.get("n"), 2, "the number after it");
      }
    },
  }),
];
