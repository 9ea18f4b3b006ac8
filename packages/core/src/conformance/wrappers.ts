/** Every wrapper as the suite puts it on a store, and what of the contract it can break. */
import type { Capability } from "../capabilities.ts";
import { forward, type Layer } from "../driver/layer.ts";
import { createStore, type KeyValueStore, type StoreOptions } from "../store.ts";
import {
  cache,
  chaos,
  circuitBreaker,
  clampTtl,
  compression,
  concurrencyLimit,
  encryption,
  fallback,
  fernetEncryption,
  limitSize,
  logging,
  prefixCollections,
  prefixKeys,
  readOnly,
  retry,
  route,
  singleCollection,
  statistics,
  timeout,
} from "../wrappers/index.ts";
import { defaultTurnedBack } from "./default-turned-back.ts";
import type { Want } from "./property.ts";
import { SpareDriver } from "./spare-driver.ts";
import { aroundLayers } from "./under-around.ts";

export type Store = KeyValueStore<never>;

export interface Wrapper {
  readonly name: string;
  /** Where it belongs in a stack, innermost first; those without may be anywhere. Of one place a stack has one. */
  readonly place?: number;
  /** The chapters whose sentences it can break, by what it does to calls. */
  readonly breaks: readonly string[];
  /** Properties that want this do not hold, as the wrapper's documentation says. */
  readonly not?: readonly Want[];
  /** Under it there is little to check: not for stacks. */
  readonly alone?: true;
  /** @param options those that the store was opened with */
  wrap(store: Store, options: StoreOptions): Store | Promise<Store>;
}

/** Made of layers, innermost first. */
export interface LayeredWrapper extends Wrapper {
  readonly layers: () => readonly Layer<never, Capability>[];
}

/** Any 32 bytes do. */
const KEY = new Uint8Array(32).fill(7);

const [ENCRYPTION, COMPRESSION, LIMIT, DEFAULTS, TIMEOUT, RETRY] = [0, 1, 2, 3, 4, 5];

/** Chapters about what one kind of wrapper changes. */
const NAMES = ["names", "isolation", "batches", "enumeration"];
const VALUES = ["records", "values", "batches", "atomics"];
const EXCHANGES = ["records", "batches", "atomics", "errors"];

const silent = { debug() {}, info() {}, warn() {}, error() {} };

type Details = Omit<Wrapper, "name" | "breaks" | "wrap">;

function layered(
  name: string,
  breaks: readonly string[],
  layers: LayeredWrapper["layers"],
  details: Details = {},
): LayeredWrapper {
  const wrap = (store: Store): Store => layers().reduce((inner: Store, layer) => inner.with(layer), store);
  return { name, breaks, layers, wrap, ...details };
}

const spareStore = () => createStore(new SpareDriver());

/** Those that are made of layers alone. */
export const layeredWrappers: readonly LayeredWrapper[] = [
  layered("encryption", VALUES, () => [encryption({ keys: [{ id: "conformance", key: KEY }] })], { place: ENCRYPTION }),
  layered(
    "fernetEncryption",
    VALUES,
    () => [fernetEncryption({ keys: [`${btoa(String.fromCharCode(...KEY)).slice(0, 43)}=`] })],
    { place: ENCRYPTION },
  ),
  layered("compression", VALUES, () => [compression({ threshold: 64 })], { place: COMPRESSION }),
  layered("compression as Python's", VALUES, () => [compression({ threshold: 64, format: "python" })], {
    place: COMPRESSION,
  }),
  layered("limitSize", [...VALUES, "get-or-set"], () => [limitSize({ min: 1, max: 2 ** 26 })], { place: LIMIT }),
  layered("defaultValue", ["records", "batches", "atomics", "schema"], defaultTurnedBack, { place: DEFAULTS }),
  layered("prefixCollections", NAMES, () => [prefixCollections("a__b::")]),
  layered("prefixKeys", NAMES, () => [prefixKeys("c__d%")]),
  layered("singleCollection", NAMES, () => [singleCollection("one__collection")]),
  layered("readOnly", ["capabilities"], () => [readOnly()], { alone: true }),
  layered("timeout", ["deadlines"], () => [timeout("1m")], { place: TIMEOUT }),
  // Of so many attempts none fails by chance.
  layered(
    "retry of what fails",
    EXCHANGES,
    () => [chaos({ seed: 1, failRate: 0.05 }), retry({ attempts: 12, baseDelay: 1, maxDelay: 2 })],
    { place: RETRY },
  ),
  // Open for so short that a server which is back serves at once, as the suite asks.
  layered("circuitBreaker", EXCHANGES, () => [circuitBreaker({ openFor: 1 })]),
  layered("concurrencyLimit", [...EXCHANGES, "contention"], () => [concurrencyLimit({ max: 10 })]),
  layered("clampTtl", ["ttl"], () => [clampTtl({ min: "1ms" })]),
  layered("logging", EXCHANGES, () => [logging({ logger: silent, keys: true, sample: 1 })]),
  layered("statistics", EXCHANGES, () => [statistics({ maxCollections: 5 })]),
  layered("chaos", EXCHANGES, () => [chaos({ seed: 2, delayRate: 0.05, maxDelay: 3 })]),
];

const others: readonly Wrapper[] = [
  {
    name: "cache",
    breaks: ["records", "isolation", "batches", "atomics", "ttl", "get-or-set"],
    // What other instances write is seen when the near record's time is over.
    not: ["second"],
    wrap: (store) => store.with(cache(spareStore(), { ttl: "1h", missTtl: "1h", timeout: "1m" })),
  },
  {
    name: "fallback",
    breaks: ["records", "isolation", "batches", "atomics", "enumeration"],
    // In an outage what is put is in the other store.
    not: ["proxy", "process"],
    wrap(store) {
      // A store that can only be read has nothing to fall back for.
      return store.can("write") ? store.with(fallback(spareStore(), { timeout: "1m" })) : store;
    },
  },
  {
    name: "route",
    breaks: [...NAMES, "records", "capabilities"],
    wrap(store, options) {
      const stores = { even: store.with(prefixCollections("even")), odd: store.with(prefixCollections("odd")) };
      const routed = route({ ...options, stores, by: ({ key }) => (key.length % 2 === 0 ? "even" : "odd") });
      const { driver } = routed;
      // A route does not close its stores, and nobody else has these.
      const close = () => store.close();
      return createStore(forward(driver, { open: () => {}, close }), options);
    },
  },
];

/** All there are; `telemetry` where its peer is installed. */
export async function allWrappers(): Promise<readonly Wrapper[]> {
  try {
    await import("@opentelemetry/api");
  } catch {
    return [...layeredWrappers, ...others];
  }
  const { telemetry } = await import("../wrappers/telemetry.ts");
  return [...layeredWrappers, layered("telemetry", EXCHANGES, () => [telemetry()]), ...others];
}

const named = (...names: string[]): Wrapper[] => layeredWrappers.filter(({ name }) => names.includes(name));

/** One of each kind: values, names, exchanges. */
export const someWrappers: readonly Wrapper[] = [
  ...named("encryption", "prefixKeys"),
  layered("all around", [], aroundLayers),
];

/** One of each place, to be put on together. */
export const stackedWrappers: readonly Wrapper[] = [
  ...named("encryption", "compression", "limitSize", "prefixCollections", "prefixKeys", "singleCollection"),
  ...named("defaultValue"),
  layered("retry", [], () => [retry()]),
];
