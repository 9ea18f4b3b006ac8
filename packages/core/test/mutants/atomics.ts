/** Faults in atomic operations, in one store and in two. */

import { call } from "../../src/conformance/support.ts";
import {
  forward,
  type MaybePromise,
  newRevision,
  type RecordId,
  type StoredRecord,
  type SwapResult,
} from "../../src/driver/index.ts";
import { InvalidCounterError, type Revision } from "../../src/index.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";
import { driver, later, type Mutant, made, recording, replacing, store } from "./mutant.ts";

type Swap = Parameters<MapDriver["swap"]>;

/** Looks, and only then writes. */
class Racing extends MapDriver {
  override async swap(...[id, expected, next, ongoing]: Swap): Promise<SwapResult> {
    const current = this.live(id);
    await later();
    return (current?.revision ?? "absent") === expected
      ? super.swap(id, this.live(id)?.revision ?? "absent", next, ongoing)
      : { swapped: false, current };
  }
}

const withRevision = (make: (record: StoredRecord, before: StoredRecord | undefined) => string) =>
  recording((record, before) => ({ ...record, revision: make(record, before) as Revision }));

export const atomics: readonly Mutant[] = [
  driver(
    "a look and a write that are not one: contenders all win",
    [
      "atomics/compare-and-swap-has-one-winner",
      "atomics/put-if-absent-has-one-winner",
      "contention/one-winner-a-round",
      "instances/one-winner",
    ],
    Racing,
  ),
  driver(
    "increments of two stores are lost",
    ["instances/increments-add-up", "contention/increments-are-exact"],
    Racing,
  ),
  driver("updates of two stores are lost", ["instances/updates-lose-nothing"], Racing),
  driver("swaps are no single events in time", ["contention/register"], Racing),
  driver(
    "swap ignores what it expects",
    ["atomics/compare-and-swap", "atomics/compare-and-swap-by-no-other-revision", "instances/compares-and-swaps"],
    class extends MapDriver {
      override swap(...[id, expected, next, ongoing]: Swap) {
        return expected === "absent"
          ? super.swap(id, expected, next, ongoing)
          : super.swap(id, this.live(id)?.revision ?? "absent", next, ongoing);
      }
    },
  ),
  driver(
    "swap creates what is not there",
    ["atomics/compare-and-swap-by-no-other-revision"],
    class extends MapDriver {
      override swap(...[id, expected, next, ongoing]: Swap) {
        return super.swap(id, this.live(id) ? expected : "absent", next, ongoing);
      }
    },
  ),
  driver(
    "putIfAbsent replaces what is there",
    ["atomics/put-if-absent"],
    class extends MapDriver {
      override swap(...[id, expected, next, ongoing]: Swap) {
        return super.swap(id, expected === "absent" ? (this.live(id)?.revision ?? "absent") : expected, next, ongoing);
      }
    },
  ),
  driver(
    "a swap that fails writes all the same",
    ["atomics/compare-and-swap"],
    class extends MapDriver {
      override swap(...[id, expected, next, ongoing]: Swap) {
        const result = super.swap(id, expected, next, ongoing);
        if (next) this.store(id, next);
        return result;
      }
    },
  ),
  driver(
    "a swap that succeeds writes nothing",
    ["atomics/compare-and-swap"],
    class extends MapDriver {
      override swap(...[id, expected, next]: Swap): MaybePromise<SwapResult> {
        const current = this.live(id);
        if (expected === "absent" && next) this.store(id, next);
        return (current?.revision ?? "absent") === expected ? { swapped: true } : { swapped: false, current };
      }
    },
  ),
  driver(
    "compareAndDelete deletes whatever the revision",
    ["atomics/compare-and-delete"],
    class extends MapDriver {
      override swap(...[id, expected, next, ongoing]: Swap) {
        return super.swap(id, next ? expected : (this.live(id)?.revision ?? "absent"), next, ongoing);
      }
    },
  ),
  driver(
    "equal values have equal revisions",
    ["atomics/revision-of-each-write"],
    withRevision(({ value }) => `hash of ${JSON.stringify(value)}`),
  ),
  driver(
    "revisions count from 1, and begin anew after a deletion",
    ["atomics/no-aba"],
    withRevision((_, before) => `r${Number(before?.revision.slice(1) ?? 0) + 1}`),
  ),
  driver(
    "overwriting keeps the revision",
    ["atomics/revision-of-each-write"],
    withRevision((record, before) => before?.revision ?? record.revision),
  ),
  driver(
    "each read gives another revision",
    ["atomics/revision-of-each-write"],
    class extends MapDriver {
      override get(id: RecordId): StoredRecord | undefined {
        const record = this.live(id);
        return record && { ...record, revision: newRevision() };
      }
    },
  ),
  driver(
    "take leaves the record",
    ["atomics/take"],
    class extends MapDriver {
      take(id: RecordId): StoredRecord | undefined {
        return this.live(id);
      }
    },
  ),
  driver(
    "several take the same record",
    ["atomics/take-has-one-winner", "instances/one-winner"],
    class extends MapDriver {
      async take(id: RecordId): Promise<StoredRecord | undefined> {
        const record = this.live(id);
        await later();
        this.remove(id);
        return record;
      }
    },
  ),
  driver(
    "take gives what has expired",
    ["ttl/absent-to-take"],
    class extends MapDriver {
      take(id: RecordId): StoredRecord | undefined {
        const record = this.find(id);
        this.remove(id);
        return record && { ...record, expiresAt: undefined };
      }
    },
  ),
  store(
    "a counter runs beyond the exact numbers",
    ["atomics/increment-has-bounds"],
    replacing({
      increment:
        (original, records) =>
        async (key, by = 1, ...rest) => {
          const before = await call(records, "get", key);
          const sum = typeof before === "number" && typeof by === "number" ? before + by : 0;
          if (Number.isFinite(sum) && Math.abs(sum) > Number.MAX_SAFE_INTEGER) {
            await call(records, "put", key, sum);
            return sum;
          }
          return original(key, by, ...rest);
        },
    }),
  ),
  store(
    "a text that looks like a number is counted on",
    ["atomics/increment-wants-a-number", "errors/refused-increment"],
    replacing({
      increment:
        (original, records) =>
        async (...given) => {
          try {
            return await original(...given);
          } catch (error) {
            const before = error instanceof InvalidCounterError ? await call(records, "get", given[0]) : undefined;
            if (typeof before !== "string") throw error;
            await call(records, "put", given[0], Number(before));
            return original(...given);
          }
        },
    }),
  ),
  store(
    "an error of update's function is swallowed",
    ["atomics/update-passes-errors-through"],
    replacing({
      update:
        (original) =>
        (...given) =>
          Promise.resolve(original(...given)).catch(() => undefined),
    }),
  ),
  store(
    "an error of update's function is wrapped",
    ["atomics/update-passes-errors-through"],
    replacing({
      update:
        (original) =>
        async (...given) => {
          try {
            return await original(...given);
          } catch (cause) {
            throw new Error("the update failed", { cause });
          }
        },
    }),
  ),
  store(
    "update is a get and a put",
    ["atomics/update-loses-nothing", "instances/updates-lose-nothing", "atomics/mixed-writers"],
    replacing({
      update: (_, records) => async (key, change, options) => {
        const before = await call(records, "get", key);
        const after: unknown = await (change as (value: unknown) => unknown)(before);
        await (after === undefined ? call(records, "delete", key) : call(records, "put", key, after, options));
        return after;
      },
    }),
  ),
  made("numbers that were incremented are remembered after a deletion", ["atomics/increment"], (data: Data) => {
    const inner = new MapDriver(data);
    const counters = new Map<string, number>();
    return forward(inner, {
      swap: (id, expected, next, ongoing) => {
        const name = JSON.stringify(id);
        const kept = counters.get(name) ?? 0;
        const again = expected === "absent" && typeof next?.value === "number" && kept !== 0;
        if (next && typeof next.value === "number") counters.set(name, next.value);
        return inner.swap(id, expected, again ? { ...next, value: kept + Number(next.value) } : next, ongoing);
      },
    });
  }),
  driver(
    "deleting a record deletes its neighbour, but only where it was put after it",
    ["model/sequences"],
    class extends MapDriver {
      override remove(id: RecordId): void {
        const keys = [...(this.data.get(id.collection)?.keys() ?? [])];
        const next = keys[keys.indexOf(id.key) + 1];
        super.remove(id);
        if (keys.includes(id.key) && next !== undefined) super.remove({ ...id, key: next });
      }
    },
  ),
  store(
    "increment is a get and a put",
    ["atomics/increment-is-exact"],
    replacing({
      increment: (_, records) => async (key, by) => {
        const sum = Number((await call(records, "get", key)) ?? 0) + Number(by ?? 1);
        await call(records, "put", key, sum);
        return sum;
      },
    }),
  ),
  store(
    "update cannot delete",
    ["atomics/update"],
    replacing({
      update:
        (original) =>
        (key, change, ...rest) =>
          original(
            key,
            async (before: unknown) => (await (change as (value: unknown) => unknown)(before)) ?? before,
            ...rest,
          ),
    }),
  ),
  driver(
    "atomic operations do not tell keys apart by case",
    ["names/atomics-tell-names-apart"],
    class extends MapDriver {
      override swap(...[{ collection, key }, ...rest]: Swap) {
        return super.swap({ collection, key: key.toLowerCase() }, ...rest);
      }
    },
  ),
];
