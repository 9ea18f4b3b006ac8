/** Faults of stores that are made of several. */
import { around, forward, type RecordId, type StoredRecord } from "../../src/driver/index.ts";
import { createStore, type KeyValueStore } from "../../src/index.ts";
import { cache, route } from "../../src/wrappers/index.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";
import { type Mutant, mapTarget, remote } from "./mutant.ts";

const memory = (data?: Data) => createStore(new MapDriver(data));

/** A cache before a store in memory, whose near store is broken. */
function near(fault: string, caughtBy: readonly string[], broken: new () => MapDriver): Mutant {
  const data: Data = new Map();
  const open = (options: object): KeyValueStore<never> =>
    createStore(new MapDriver(data), options).with(cache(createStore(new broken()), { ttl: "1h" }));
  return { fault, caughtBy, target: () => mapTarget(open) };
}

/** Two stores in memory, made one. */
function routed(
  fault: string,
  caughtBy: readonly string[],
  make: (a: KeyValueStore<"write" | "enumerate" | "clear">, b: typeof a, options: object) => KeyValueStore<never>,
): Mutant {
  const [a, b]: [Data, Data] = [new Map(), new Map()];
  return { fault, caughtBy, target: () => mapTarget((options) => make(memory(a), memory(b), options)) };
}

const names = ["a", "b"] as const;
let calls = 0;

export const several: readonly Mutant[] = [
  near(
    "a cache whose writes leave the near record",
    ["records/put-replaces", "records/resolved-is-stored", "atomics/compare-and-swap"],
    class extends MapDriver {
      override remove(_: RecordId): void {}
    },
  ),
  near(
    "a cache that keeps a record longer than it lives",
    ["ttl/exact-to-the-millisecond"],
    class extends MapDriver {
      override store(id: RecordId, { expiresAt: _, ...record }: StoredRecord): void {
        const value = JSON.parse(JSON.stringify(record.value), (name, part) =>
          name === "expires_at" ? undefined : part,
        );
        super.store(id, { ...record, value, expiresAt: undefined });
      }
    },
  ),
  remote(
    "a fallback takes what the second store does not know for a miss",
    ["faults/refused", "outages/killed"],
    (store) =>
      store.with({
        name: "broken",
        needs: [],
        withdraws: [],
        apply: (inner) =>
          forward(inner, {
            get: async (id, call) => {
              try {
                return await inner.get(id, call);
              } catch {
                return undefined;
              }
            },
          }),
      }),
  ),
  remote("a fallback writes elsewhere what may have been applied", ["faults/dropped"], (store) =>
    store.with({
      name: "broken",
      needs: [],
      withdraws: [],
      apply: (inner) => {
        const second = new MapDriver();
        const writing = around(inner, (_, call, exchange) => exchange(call));
        return forward(writing, {
          put: async (id, record, call) => {
            try {
              await inner.put(id, record, call);
            } catch {
              second.put(id, record, call);
            }
          },
        });
      },
    }),
  ),
  routed(
    "a route sends a record now here, now there",
    ["records/put-replaces", "names/pairs-never-meet"],
    (a, b, options) => route({ stores: { a, b }, by: () => names[calls++ % 2], ...options }),
  ),
  routed(
    "a route clears one of its stores",
    ["enumeration/clear", "enumeration/clear-all-reaches-its-prefix"],
    (a, b, options) => {
      const { driver } = route({ stores: { a, b }, by: ({ key }) => names[key.length % 2] });
      return createStore(forward(driver, { clear: (...all) => a.driver.clear?.(...all) }), options);
    },
  ),
];
