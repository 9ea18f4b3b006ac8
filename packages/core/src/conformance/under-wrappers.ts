/** A store plain and wrapped: whoever writes a store finds out at once that the wrappers work on it, and the other way round. */
import { randomInt } from "node:crypto";
import type { StoreOptions } from "../store.ts";
import type { Property, Target } from "./property.ts";
import { allWrappers, layeredWrappers, type Store, someWrappers, stackedWrappers, type Wrapper } from "./wrappers.ts";

/**
 * The target as it is, then under a wrapper of each kind, then under all that go together. For the tests of a backend:
 * what matters there is what the layers ask of it. With `KV_CONFORMANCE=thorough`, under each that is made of layers.
 */
export function underWrappers(target: Target): Target[] {
  const each = isThorough(target) ? layeredWrappers : someWrappers;
  return [target, ...each.map((one) => under(target, [one], one.name)), underStack(target)];
}

/**
 * The target as it is, under all wrappers that go together, under each wrapper there is, and under ten stacks of three to
 * five, drawn anew at each run, or by the seed in `KV_SEED`. Of what the contract says, each wrapper and each stack is held
 * against what it can break; with `KV_CONFORMANCE=thorough`, against all.
 */
export async function underEachWrapper(target: Target): Promise<Target[]> {
  const all = await wrapperTargets(target);
  return [target, ...all, ...(await stackTargets(target, stackSeed(), 10))];
}

/** The seed in `KV_SEED`, else a new one; printed, so that what fails can be had again. */
export function stackSeed(): number {
  const seed = Number(process.env.KV_SEED ?? randomInt(2 ** 31));
  process.stdout.write(`KV_SEED=${seed}\n`);
  return seed;
}

/** The target under each wrapper, then under all that go together. `whole`: all properties, not only those that the wrapper can break. */
export async function wrapperTargets(target: Target, whole = isThorough(target)): Promise<Target[]> {
  const each = (await allWrappers()).map((one) =>
    under(target, [one], one.name, ({ chapter }) => whole || one.breaks.includes(chapter)),
  );
  return [...each, underStack(target)];
}

/** The target under `count` stacks of three to five wrappers, drawn by the seed: the same each time. */
export async function stackTargets(
  target: Target,
  seed: number,
  count: number,
  whole = isThorough(target),
): Promise<Target[]> {
  const random = randomBy(seed);
  const draw = (below: number): number => Math.floor(random() * below);
  const wrappers = (await allWrappers()).filter(({ alone }) => !alone);
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
    const name = `${stack.map(({ name }) => name).join(", ")} (seed ${seed})`;
    const isHeld = ({ chapter, id }: Property) => whole || (IN_STACKS.includes(chapter) && !NOT_IN_STACKS.has(id));
    return under(target, stack, name, isHeld);
  });
}

/** What wrappers that are right alone can break together: the way of names, values and answers through all of them. */
const IN_STACKS: readonly string[] = ["records", "values", "isolation", "batches", "atomics", "enumeration", "model"];
/** What needs many records, or many callers, and so the most time: for each wrapper alone. */
const NOT_IN_STACKS: ReadonlySet<string> = new Set([
  "enumeration/complete",
  "enumeration/lazy",
  "enumeration/many-collections",
  "enumeration/while-others-write",
  "enumeration/while-much-goes",
  "enumeration/deleting-what-comes",
  "batches/any-size",
  "values/over-the-limit-is-refused",
  "atomics/increment-is-exact",
]);

function isThorough({ thorough }: Target): boolean {
  return thorough ?? process.env.KV_CONFORMANCE === "thorough";
}

function underStack(target: Target): Target {
  return under(target, stackedWrappers, "all wrappers");
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

/** @param only those of the target's properties that are to be checked; default: all */
function under(
  target: Target,
  stack: readonly Wrapper[],
  name: string,
  only: (property: Property) => boolean = () => true,
): Target {
  const wrap = async (store: Store, options: StoreOptions): Promise<Store> => {
    let wrapped = store;
    for (const one of stack) wrapped = await one.wrap(wrapped, options);
    return wrapped;
  };
  const { through } = target;
  const isHeld = (property: Property): boolean =>
    target.only?.(property) !== false &&
    only(property) &&
    !stack.some(({ not = [] }) => not.some((want) => property.wants.includes(want)));
  const { shared = false, outlives = shared } = target;
  return {
    ...target,
    // Of properties that hold two stores against each other, some do so where they can, and say nothing of it.
    ...(stack.some(({ not = [] }) => not.includes("second")) && { shared: false, outlives }),
    name: `${target.name} under ${name}`,
    only: isHeld,
    open: async (options) => wrap(await target.open(options), options),
    ...(through && {
      through: async (address, options) => wrap(await through.call(target, address, options), options),
    }),
  };
}
