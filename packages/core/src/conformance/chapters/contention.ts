/** Chapter "contention": many callers on one key, in one store and, where there can be two, in both. */
import type { Capability } from "../../capabilities.ts";
import type { Revision } from "../../record.ts";
import type { Collection } from "../../store.ts";
import { deepEqual, equal } from "../assertions.ts";
import { act, draws, History } from "../history.ts";
import { type Context, type Property, property } from "../property.ts";

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
            for (let step = 0; step < 12; step++) await act(records, key, draw.next().value, ++values, history);
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
