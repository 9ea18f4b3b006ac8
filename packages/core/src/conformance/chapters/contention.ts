/** Chapter "contention": many callers on one key, in one store and, where there can be two, in both. */
import type { Capability } from "../../capabilities.ts";
import type { Revision } from "../../record.ts";
import type { Collection } from "../../store.ts";
import { ConformanceError, deepEqual, equal } from "../assertions.ts";
import { type Context, type Property, property } from "../property.ts";
import { isLinearizable, type RegisterAction, type RegisterOperation } from "../register-checker.ts";

/** One collection, in two stores where they can share data, else twice in one. */
async function pair<C extends Capability>({ store, open, unique, target }: Context<C>): Promise<Collection<C>[]> {
  const name = unique();
  const second = target.shared ? await open() : store;
  return [store.collection(name), second.collection(name)];
}

/** As many callers as the settings say, in turn on each of the stores. */
function callers<C extends Capability>(count: number, stores: readonly Collection<C>[]): Collection<C>[] {
  return Array.from({ length: Math.ceil(count / stores.length) }, () => stores)
    .flat()
    .slice(0, count);
}

/** What happened to one record, by a clock that ticks at every event. */
class History {
  readonly operations: RegisterOperation[] = [];
  #clock = 0;

  async note(act: () => Promise<RegisterAction>): Promise<void> {
    const began = this.#clock++;
    const action = await act();
    this.operations.push({ action, began, ended: this.#clock++ });
  }

  /** Fails where no order of the operations explains what they were told. */
  check(what: string): void {
    if (isLinearizable(this.operations)) return;
    const lines = this.operations
      .sort((a, b) => a.began - b.began)
      .map(({ action, began, ended }) => `  ${began}–${ended} ${JSON.stringify(action)}`);
    throw new ConformanceError(`${what}: no order of these calls explains their answers\n${lines.join("\n")}`);
  }
}

/** Repeatable, and different enough. */
function* draws(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

export const contention: readonly Property[] = [
  property({
    id: "contention/one-winner-a-round",
    title: "Of 64 callers that swap one revision, one wins, round after round.",
    needs: ["write", "atomic"],
    async run(context) {
      const stores = await pair(context);
      const rounds = context.settings.thorough ? 50 : 5;
      const [records] = stores;
      let revision = await records?.putIfAbsent("a", "start");
      for (let round = 0; round < rounds && revision !== undefined; round++) {
        const expected: Revision = revision;
        const answers = await Promise.all(
          callers(context.settings.contenders, stores).map((one, at) =>
            one.compareAndSwap("a", expected, `${round}-${at}`),
          ),
        );
        const winners = answers.flatMap((answer, at) => (answer === undefined ? [] : [at]));
        equal(winners.length, 1, `winners of round ${round} among ${answers.length} callers`);
        equal(await records?.get("a"), `${round}-${winners[0]}`, `the record after round ${round}`);
        revision = answers.find((answer) => answer !== undefined);
      }
    },
  }),

  property({
    id: "contention/increments-are-exact",
    title: "Increments of 64 callers on one number are exact, and each is told a sum of its own.",
    needs: ["write", "atomic"],
    async run(context) {
      const stores = await pair(context);
      const times = context.settings.thorough ? 50 : 3;
      const sums = await Promise.all(
        callers(context.settings.contenders, stores).map(async (records) => {
          const told: number[] = [];
          for (let time = 0; time < times; time++) told.push(await records.increment("n"));
          return told;
        }),
      );
      const expected = Array.from({ length: context.settings.contenders * times }, (_, at) => at + 1);
      deepEqual(
        sums.flat().sort((a, b) => a - b),
        expected,
        "the sums that the callers were told",
      );
    },
  }),

  property({
    id: "contention/register",
    title:
      "Reads, writes, deletions and swaps of one record by several callers happen one by one, in the order of time.",
    needs: ["write", "atomic"],
    async run(context) {
      const stores = await pair(context);
      const rounds = context.settings.thorough ? 100 : 6;
      for (let round = 0; round < rounds; round++) {
        const key = `round-${round}`;
        const history = new History();
        let values = 0;
        await Promise.all(
          callers(8, stores).map(async (records, whose) => {
            const draw = draws(1000 * round + whose + 1);
            for (let step = 0; step < 12; step++) {
              const chance = draw.next().value;
              const value = ++values;
              if (chance < 0.4) {
                await history.note(async () => ({ type: "read", value: await records.get(key) }));
              } else if (chance < 0.6) {
                await history.note(async () => {
                  await records.put(key, value);
                  return { type: "write", value };
                });
              } else if (chance < 0.7) {
                await history.note(async () => {
                  await records.delete(key);
                  return { type: "write", value: undefined };
                });
              } else if (chance < 0.8) {
                await history.note(async () => {
                  const swapped = (await records.putIfAbsent(key, value)) !== undefined;
                  return { type: "swap", expected: undefined, value, swapped };
                });
              } else {
                const entry = await records.getEntry(key);
                if (entry === undefined) continue;
                await history.note(async () => {
                  const swapped = (await records.compareAndSwap(key, entry.revision, value)) !== undefined;
                  return { type: "swap", expected: entry.value, value, swapped };
                });
              }
            }
          }),
        );
        history.check(`8 callers on ${key}`);
      }
    },
  }),

  property({
    id: "contention/different-keys",
    title: "Writers of different keys never get in each other's way: nothing that was put is lost.",
    needs: ["write"],
    async run(context) {
      const stores = await pair(context);
      const keys = Array.from({ length: context.settings.thorough ? 5000 : 500 }, (_, at) => `key-${at}`);
      await Promise.all(keys.map((key, at) => stores[at % 2]?.put(key, at)));
      const values = await stores[0]?.getMany(keys);
      deepEqual(
        values,
        keys.map((_, at) => at),
        `the values of ${keys.length} records that were put at once`,
      );
    },
  }),
];
