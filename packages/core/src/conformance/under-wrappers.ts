/** A store plain and wrapped: whoever writes a store finds out at once that the wrappers work on it, and the other way round. */
import { chain } from "../driver/driver.ts";
import { defineLayer, forward, type Layer } from "../driver/layer.ts";
import { KeyValueError } from "../errors.ts";
import type { KeyValueStore } from "../store.ts";
import {
  compression,
  defaultValue,
  encryption,
  fernetEncryption,
  limitSize,
  prefixCollections,
  prefixKeys,
  retry,
  singleCollection,
} from "../wrappers/index.ts";
import { ConformanceError } from "./assertions.ts";
import type { Target } from "./property.ts";
import { aroundLayers } from "./under-around.ts";

type Store = KeyValueStore<never>;

interface Wrapper {
  readonly name: string;
  /** Where it belongs in a stack, innermost first; those without may be anywhere. Of one place a stack has one. */
  readonly place?: number;
  readonly layers: () => readonly Layer[];
}

/** Any 32 bytes do. */
const KEY = new Uint8Array(32).fill(7);
const DEFAULT = "the default value of the conformance suite";

const ENCRYPTION = 0;
const COMPRESSION = 1;
const LIMIT = 2;
const DEFAULTS = 3;
const RETRY = 4;

/** Each alone. */
export const wrappers: readonly Wrapper[] = [
  {
    name: "encryption",
    place: ENCRYPTION,
    layers: () => [encryption({ keys: [{ id: "conformance", key: KEY }] })],
  },
  {
    name: "fernetEncryption",
    place: ENCRYPTION,
    layers: () => [fernetEncryption({ keys: [`${btoa(String.fromCharCode(...KEY)).slice(0, 43)}=`] })],
  },
  { name: "compression", place: COMPRESSION, layers: () => [compression({ threshold: 64 })] },
  {
    name: "compression as Python's",
    place: COMPRESSION,
    layers: () => [compression({ threshold: 64, format: "python" })],
  },
  { name: "limitSize", place: LIMIT, layers: () => [limitSize({ min: 1, max: 2 ** 26 })] },
  { name: "defaultValue", place: DEFAULTS, layers: () => [defaultValue(DEFAULT), turnedBack()] },
  { name: "prefixCollections", layers: () => [prefixCollections("a__b::")] },
  { name: "prefixKeys", layers: () => [prefixKeys("c__d%")] },
  { name: "singleCollection", layers: () => [singleCollection("one__collection")] },
  { name: "retry", place: RETRY, layers: () => [retry()] },
  { name: "all around", place: RETRY, layers: aroundLayers },
];

const named = (...names: string[]): Wrapper[] => wrappers.filter(({ name }) => names.includes(name));

/** One of each place. */
const stacked: readonly Wrapper[] = named(
  "encryption",
  "compression",
  "limitSize",
  "prefixCollections",
  "prefixKeys",
  "singleCollection",
  "defaultValue",
  "retry",
);

/**
 * The target as it is, then under a wrapper of each kind, then under all that go together. For the tests of a backend:
 * what matters there is what the layers ask of it. With `KV_CONFORMANCE=thorough`, under each of {@link wrapperTargets}.
 */
export function underWrappers(target: Target): Target[] {
  const thorough = target.thorough ?? process.env.KV_CONFORMANCE === "thorough";
  if (thorough) return [target, ...wrapperTargets(target)];
  const some = named("encryption", "prefixKeys", "all around").map((one) => under(target, [one], one.name));
  return [target, ...some, under(target, stacked, "all wrappers")];
}

/** The target under each wrapper, then under all that go together. */
export function wrapperTargets(target: Target): Target[] {
  return [...wrappers.map((one) => under(target, [one], one.name)), under(target, stacked, "all wrappers")];
}

/** The target under `count` stacks of three to five wrappers, drawn by the seed: the same each time. */
export function stackTargets(target: Target, seed: number, count: number): Target[] {
  const random = randomBy(seed);
  const draw = (below: number): number => Math.floor(random() * below);
  return Array.from({ length: count }, () => {
    const stack: Wrapper[] = [];
    const size = 3 + draw(3);
    while (stack.length < size) {
      const one = wrappers[draw(wrappers.length)] as Wrapper;
      if (stack.some(({ name, place }) => name === one.name || (place !== undefined && place === one.place))) continue;
      // What has a place keeps it, the others go anywhere between.
      const at = one.place === undefined ? draw(stack.length + 1) : placeIn(stack, one.place);
      stack.splice(at, 0, one);
    }
    return under(target, stack, `${stack.map(({ name }) => name).join(", ")} (seed ${seed})`);
  });
}

function placeIn(stack: readonly Wrapper[], place: number): number {
  const at = stack.findIndex((one) => one.place !== undefined && one.place > place);
  return at === -1 ? stack.length : at;
}

/** Numbers from 0 to 1. Source: mulberry32, by Tommy Ettinger. */
function randomBy(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function under(target: Target, stack: readonly Wrapper[], name: string): Target {
  const wrap = (store: Store): Store => {
    let wrapped = store;
    for (const { layers } of stack) for (const layer of layers()) wrapped = wrapped.with(layer);
    return wrapped;
  };
  const { through } = target;
  return {
    ...target,
    name: `${target.name} under ${name}`,
    open: async (options) => wrap(await target.open(options)),
    ...(through && { through: async (address, options) => wrap(await through.call(target, address, options)) }),
  };
}

/**
 * For the suite, a miss is `undefined`. So the default is turned back outside of `defaultValue`, by a layer that lets it
 * come where it must, and nowhere else.
 */
function turnedBack(): Layer {
  return defineLayer("turnedBack", (inner) => {
    const { getMany } = forward(inner, {});
    const check = <T extends { readonly value: unknown }>(record: T | undefined, operation: string): T | undefined => {
      const isDefault = record?.value === DEFAULT;
      if (operation !== "get" && operation !== "getMany") {
        if (isDefault) throw new ConformanceError(`${operation} came to see the default value`);
        return record;
      }
      if (record === undefined) throw new ConformanceError(`${operation} gave no default value`);
      return isDefault ? undefined : record;
    };
    return forward(inner, {
      get: (id, call) => chain(inner.get(id, call), (record) => check(record, call.operation)),
      getMany:
        getMany &&
        ((ids, call) =>
          chain(getMany(ids, call), (records) =>
            records.map((one) => (one instanceof KeyValueError ? one : check(one, call.operation))),
          )),
    });
  });
}
