/** Faults in what a store says that it can do. */
import { type Driver, forward } from "../../src/driver/index.ts";
import { BackendError, createStore, UnsupportedOperationError } from "../../src/index.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";
import { each, LISTS, SWEEPS } from "./methods.ts";
import { type Mutant, made, mapTarget, replacing, store } from "./mutant.ts";

/** A store that does not claim a capability, and whose methods for it do something quietly. */
function claimless(
  fault: string,
  property: string,
  capability: "write" | "atomic" | "enumerate" | "clear",
  methods: readonly string[],
  quiet: () => unknown,
): Mutant {
  const data: Data = new Map();
  return {
    fault,
    caughtBy: [property],
    target: () =>
      mapTarget((options) => {
        const inner = new MapDriver(data);
        const capabilities = Object.freeze({ ...inner.capabilities, [capability]: false });
        return each(methods, () => quiet)(createStore(forward(inner, { capabilities }), options));
      }),
  };
}

async function* nothing(): AsyncGenerator<never> {}

export const capabilities: readonly Mutant[] = [
  made("the capabilities may be changed", ["capabilities/are-frozen-data"], (data): Driver => {
    const inner = new MapDriver(data);
    return forward(inner, { capabilities: { ...inner.capabilities } });
  }),
  made("what it stores is not as durable as it says", ["capabilities/durable"], (data): Driver => {
    const inner = new MapDriver(data);
    return forward(inner, {
      put: (id, record) => {
        inner.store(id, record);
        const records = data.get(id.collection);
        const [oldest] = records?.keys() ?? [];
        if (records && oldest !== undefined && records.size > 1000) records.delete(oldest);
      },
    });
  }),
  claimless(
    "what cannot write says nothing",
    "capabilities/without-write",
    "write",
    ["put", "putMany", "delete", "deleteMany"],
    async () => undefined,
  ),
  claimless(
    "what is not atomic says nothing",
    "capabilities/without-atomic",
    "atomic",
    ["take", "increment", "touch", "update", "putIfAbsent", "compareAndSwap", "compareAndDelete"],
    async () => undefined,
  ),
  claimless("what cannot enumerate gives nothing", "capabilities/without-enumerate", "enumerate", LISTS, nothing),
  claimless("what cannot clear clears nothing", "capabilities/without-clear", "clear", SWEEPS, async () => undefined),
  claimless("what cannot clear says so by another error", "capabilities/without-clear", "clear", SWEEPS, async () => {
    throw new Error(new UnsupportedOperationError("no").message);
  }),
  store(
    "what a layer withdraws is there all the same",
    ["write", "atomic", "enumerate", "clear"].map((one) => `capabilities/${one}-withdrawn`),
    replacing({ with: (original) => (layer) => original({ ...(layer as object), apply: (inner: unknown) => inner }) }),
  ),
  store("can() is always true", ["capabilities/can"], (given) => {
    const inner = new MapDriver();
    const capabilities = Object.freeze({ ...inner.capabilities, atomic: false });
    return Object.assign(createStore(forward(inner, { capabilities })), {
      can: (..._: never[]): boolean => given !== undefined,
    });
  }),
  store(
    "ping fails where the backend can serve",
    ["capabilities/ping"],
    each(["ping"], () => async () => {
      throw new BackendError("no ping");
    }),
  ),
];
