/** Chapter "outages": a server that is killed, stands still or is started anew loses nothing that it acknowledged. */
import type { Capability } from "../../capabilities.ts";
import type { KeyValueError } from "../../errors.ts";
import type { Collection } from "../../store.ts";
import { ConformanceError, deepEqual, equal, ok, show } from "../assertions.ts";
import { act, draws, History } from "../history.ts";
import { answersWithin, checkOutage } from "../outage.ts";
import { type Context, type Property, property, type ServerProcess } from "../property.ts";
import { stamped } from "../support.ts";
import { quietly } from "../unhandled.ts";

/** How long after its deadline a call may be noticed to have ended, in milliseconds. */
const LATE = 4000;
/** For calls that must be answered. */
const PATIENT = { timeout: "20s" } as const;

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Milliseconds that a call has while the server is away. */
const timeoutOf = ({ settings }: Context<never>): number => 500 * settings.timeScale;

function serverOf<C extends Capability>({ target }: Context<C>): ServerProcess {
  if (!target.process) throw new TypeError('a property that disturbs the server must want "process"');
  return target.process;
}

/**
 * What is there under the key, once the store has noticed that the server is back: within a second, beyond the time of
 * ten exchanges of a store that was never connected. That one asks at the same time, so that both meet the same server
 * and the same load.
 */
async function back(
  context: Context<"write">,
  records: Collection<"write">,
  key: string,
  what: string,
): Promise<unknown> {
  const patience = 20_000 * context.settings.timeScale;
  const another = await context.open(PATIENT);
  const [noticed, fresh] = await Promise.all([
    stamped(() => answersWithin(patience, records, key, what)),
    stamped(() => answersWithin(patience, another.collection(context.unique()), key, `${what}, a new store`)),
  ]);
  await another.close();
  const took = noticed.after - noticed.before;
  const allowed = 1000 * context.settings.timeScale + 10 * (fresh.after - fresh.before);
  ok(took <= allowed, `${what}: the store serves again after ${took} ms; at most ${allowed} ms are allowed`);
  return noticed.answer;
}

/** A call while the server is away: an error of an outage, in time. */
async function fails(context: Context<never>, run: () => Promise<unknown>, what: string): Promise<KeyValueError> {
  const began = performance.now();
  const answer = await run().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const took = Math.round(performance.now() - began);
  if (!("error" in answer)) throw new ConformanceError(`${what}: answered with ${show(answer.value)}`);
  ok(took < timeoutOf(context) + LATE, `${what}: settled only after ${took} ms`);
  const { error } = answer;
  checkOutage(error, "outage", what);
  return error;
}

/** Callers of one record in a soak: what they do while the server is disturbed, and for a while before and after. */
class Soak {
  readonly #context: Context<"write" | "atomic">;
  readonly #stores: readonly Collection<"write" | "atomic">[];
  #values = 0;
  #steady = 0;
  #disturbed = true;

  constructor(context: Context<"write" | "atomic">, stores: readonly Collection<"write" | "atomic">[]) {
    this.#context = context;
    this.#stores = stores;
  }

  /** Some records are used by several callers each, `disturb` happens in the middle, and their answers make sense. */
  async round(seed: number, disturb: () => Promise<void>): Promise<void> {
    const histories = new Map(["a", "b", "c"].map((key) => [`round-${seed}-${key}`, new History()]));
    const callers = [...histories.keys()].flatMap((key) => this.#stores.map((records) => ({ key, records })));
    this.#steady = 0;
    this.#disturbed = true;
    const disturbing = this.#whenSteady(callers.length)
      .then(disturb)
      .finally(() => {
        this.#disturbed = false;
      });
    const calling = callers.map(({ key, records }, at) =>
      this.#call(records, key, histories.get(key) ?? new History(), draws(100 * seed + at)),
    );
    await Promise.all([disturbing, ...calling]);
    for (const [key, history] of histories) history.check(`calls on ${key} while the server was disturbed`);
  }

  /** All callers have made some calls. */
  async #whenSteady(callers: number): Promise<void> {
    while (this.#steady < callers) await pause(1);
  }

  async #call(
    records: Collection<"write" | "atomic">,
    key: string,
    history: History,
    draw: Generator<number, never>,
  ): Promise<void> {
    let failures = 0;
    let since: number | undefined;
    for (let done = 0, after = 0; after < 8; ) {
      // What is not known to have happened or not makes a history hard to check: a few such calls will do.
      if (this.#disturbed && (done >= 60 || failures >= 2)) {
        await pause(5);
        continue;
      }
      try {
        await act(records, key, draw.next().value, ++this.#values, history);
        done++;
        if (done === 8) this.#steady++;
        if (!this.#disturbed) after++;
      } catch (error) {
        checkOutage(error, "outage", `a call on ${key} while the server was disturbed`);
        failures++;
        if (!this.#disturbed) since ??= performance.now();
        const patience = 20_000 * this.#context.settings.timeScale;
        if (since !== undefined && performance.now() - since > patience) throw error;
      }
      await pause(3 * draw.next().value);
    }
  }
}

export const outages: readonly Property[] = [
  property({
    id: "outages/killed",
    title:
      "A server that is killed is an error in time that is worth another try; when it is back, the store is within a second, and what was acknowledged is there.",
    needs: ["write"],
    wants: ["process"],
    async run(context) {
      const server = serverOf(context);
      const name = `secret-collection-${context.unique()}`;
      const store = await context.open({ timeout: timeoutOf(context) });
      const records = store.collection(name);
      await records.put("still", "here", PATIENT);
      const acknowledged: string[] = [];
      const failed = new Map<string, KeyValueError>();
      const writer = async (who: number): Promise<void> => {
        for (let at = 0; ; at++) {
          const key = `${who}-${at}`;
          try {
            await records.put(key, `secret-value-${key}`);
            acknowledged.push(key);
          } catch (error) {
            checkOutage(error, "outage", "put while the server is killed");
            failed.set(key, error);
            return;
          }
        }
      };
      await quietly(async () => {
        const writers = [0, 1, 2, 3, 4, 5, 6, 7].map(writer);
        while (acknowledged.length < 40 && failed.size === 0) await pause(1);
        await server.kill();
        try {
          await Promise.all(writers);
          await fails(context, () => records.get("still"), "get while the server is down");
          await fails(context, () => records.getMany(["still", "other"]), "getMany while the server is down");
          const put = await fails(context, () => records.put("late", 1), "put while the server is down");
          equal(put.outcome, "not-applied", "put while the server is down: outcome");
          if (records.can("atomic")) {
            const add = await fails(context, () => records.increment("n"), "increment while the server is down");
            equal(add.outcome, "not-applied", "increment while the server is down: outcome");
          }
        } finally {
          await server.restart();
        }
        const still = await back(context, records, "still", "after a kill");
        if (!context.target.forgets) {
          equal(still, "here", "the record from before the kill");
          deepEqual(
            await records.getMany(acknowledged, PATIENT),
            acknowledged.map((key) => `secret-value-${key}`),
            `the ${acknowledged.length} records that were acknowledged before the kill`,
          );
        }
        for (const [key, { outcome }] of failed) {
          const found = await records.get(key, PATIENT);
          if (outcome === "not-applied") equal(found, undefined, `${key}, whose put was said not to have been applied`);
        }
        equal(await records.get("late", PATIENT), undefined, "the record that was put while the server was down");
        await records.put("after", "again", PATIENT);
        equal(await records.get("after", PATIENT), "again", "a record that was put after the kill");
      });
    },
  }),

  property({
    id: "outages/restarted",
    title: "A server that was started anew while nothing was under way is not noticed for longer than a second.",
    needs: ["write"],
    wants: ["process"],
    async run(context) {
      const store = await context.open({ timeout: timeoutOf(context) });
      const records = store.collection(context.unique());
      await records.put("a", 1, PATIENT);
      await quietly(async () => {
        await serverOf(context).restart();
        const found = await back(context, records, "a", "after a restart");
        if (!context.target.forgets) equal(found, 1, "the record from before the restart");
        await records.put("a", 2, PATIENT);
        equal(await records.get("a", PATIENT), 2, "a record that was put after the restart");
      });
    },
  }),

  property({
    id: "outages/paused",
    title:
      "A server that stands still is an error at the deadline; when it goes on, so does the store, and what was said not to have been applied never was.",
    needs: ["write"],
    wants: ["process"],
    async run(context) {
      const server = serverOf(context);
      const store = await context.open({ timeout: timeoutOf(context) });
      const records = store.collection(`secret-collection-${context.unique()}`);
      await records.put("still", "here", PATIENT);
      const puts = new Map<string, KeyValueError>();
      const put = async (key: string): Promise<void> => {
        puts.set(
          key,
          await fails(context, () => records.put(key, "secret-value"), "put while the server stands still"),
        );
      };
      await quietly(async () => {
        server.pause();
        try {
          await Promise.all([
            put("first"),
            fails(context, () => records.get("still"), "get while the server stands still"),
          ]);
          await put("second");
          await put("third");
        } finally {
          server.resume();
        }
        equal(await back(context, records, "still", "after a pause"), "here", "the record from before the pause");
        for (const [key, { outcome }] of puts) {
          ok(outcome !== undefined, "the error of a put says what became of it");
          const found = await records.get(key, PATIENT);
          if (outcome === "not-applied") equal(found, undefined, `${key}, whose put was said not to have been applied`);
        }
        await records.put("after", "again", PATIENT);
        equal(await records.get("after", PATIENT), "again", "a record that was put after the pause");
      });
    },
  }),

  property({
    id: "outages/soak",
    title:
      "While the server is killed, paused and started anew, again and again, calls of several callers happen one by one, in the order of time.",
    needs: ["write", "atomic"],
    wants: ["process"],
    async run(context) {
      const server = serverOf(context);
      const { timeScale, soak } = context.settings;
      const name = `secret-collection-${context.unique()}`;
      const second = context.target.shared ? await context.open({ timeout: timeoutOf(context) }) : undefined;
      const first = await context.open({ timeout: timeoutOf(context) });
      const calls = new Soak(
        context,
        [first, second ?? first].map((store) => store.collection(name)),
      );
      const chance = draws(1);
      const moment = (): Promise<void> => pause(100 * timeScale * chance.next().value);
      const pausing = async (): Promise<void> => {
        server.pause();
        await pause(1.5 * timeoutOf(context));
        server.resume();
      };
      const killing = async (): Promise<void> => {
        await server.kill();
        await moment();
        await server.restart();
      };
      // What forgets all cannot be asked for it afterwards.
      const disturbances = context.target.forgets ? [pausing] : [killing, pausing, () => server.restart()];
      const end = performance.now() + soak;
      await quietly(async () => {
        for (let round = 0; round < disturbances.length || performance.now() < end; round++) {
          await calls.round(round, disturbances[round % disturbances.length] ?? pausing);
        }
      });
    },
  }),
];
