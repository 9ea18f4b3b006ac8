/** Faults in `getOrSet`. */
import { leaseKey } from "../../src/beside.ts";
import type { Page, RecordId } from "../../src/driver/index.ts";
import { BackendError, type Collection, type Factory, type GetOrSetOptions, TimeoutError } from "../../src/index.ts";
import { Records } from "../../src/records.ts";
import { MapDriver } from "../support/map-driver.ts";
import { driver, later, type Mutant, replacing, store } from "./mutant.ts";

type Asked = readonly [key: string, factory: Factory<unknown>, options?: GetOrSetOptions];
type GetOrSet = (...asked: Asked) => Promise<unknown>;

/** A store whose `getOrSet` does it in another way. */
function asking(
  fault: string,
  caughtBy: readonly string[],
  otherwise: (original: GetOrSet, target: Collection<"write">) => GetOrSet,
): Mutant {
  return store(
    fault,
    caughtBy,
    replacing({
      getOrSet(original, target) {
        const ask = otherwise((...asked) => Promise.resolve(original(...asked)), target as Collection<"write">);
        return (...given) => ask(...(given as unknown as Asked));
      },
    }),
  );
}

/** With what the factory does changed. */
const making = (
  fault: string,
  caughtBy: readonly string[],
  change: (factory: Factory<unknown>, options: GetOrSetOptions) => Factory<unknown>,
): Mutant =>
  asking(fault, caughtBy, (original) => (key, factory, options) => {
    return original(key, typeof factory === "function" ? change(factory, options ?? {}) : factory, options);
  });

/** With other options. */
const with_ = (
  fault: string,
  caughtBy: readonly string[],
  change: (options: GetOrSetOptions) => GetOrSetOptions,
): Mutant =>
  asking(
    fault,
    caughtBy,
    (original) =>
      (key, factory, options = {}) =>
        original(key, factory, change(options)),
  );

/** As many write it by hand. */
const byHand: (original: GetOrSet, target: Collection<"write">) => GetOrSet =
  (_, target) =>
  async (key, factory, { ttl } = {}) => {
    const found = await target.get(key);
    if (found !== undefined && found !== null) return found;
    const made = await factory({ signal: new AbortController().signal });
    await target.put(key, made as string, { ttl });
    return made;
  };

export const getOrSet: readonly Mutant[] = [
  asking("getOrSet takes null for a value that is not there", ["get-or-set/makes-what-is-not-there"], byHand),
  making(
    "getOrSet stores null where its factory gives undefined",
    ["get-or-set/undefined-stores-nothing"],
    (factory) => async (context) => (await factory(context)) ?? null,
  ),
  with_("getOrSet stores without a ttl", ["get-or-set/ttl"], ({ ttl: _, staleFor: __, ...rest }) => rest),
  asking("each caller of getOrSet calls its factory", ["get-or-set/one-call-in-the-process"], byHand),
  asking(
    "getOrSet hides what the factory has thrown",
    ["get-or-set/a-failed-factory-fails-the-call"],
    (original) =>
      (...asked) =>
        original(...asked).catch((cause: unknown) => {
          throw new BackendError("the factory failed", { cause });
        }),
  ),
  making(
    "getOrSet stores what JSON.stringify makes of a Date",
    ["get-or-set/what-is-no-value"],
    (factory) => async (context) => {
      const made = await factory(context);
      return made === undefined ? made : JSON.parse(JSON.stringify(made));
    },
  ),
  asking(
    "getOrSet looks at its options only where it needs them",
    ["get-or-set/wrong-options"],
    (original, target) =>
      async (...asked) =>
        (await target.get(asked[0])) ?? original(...asked),
  ),
  making(
    "the signal of the first caller aborts the factory for all",
    ["get-or-set/an-aborted-caller-leaves-alone"],
    (factory, options) => (context) =>
      factory({ signal: options.signal ? AbortSignal.any([options.signal, context.signal]) : context.signal }),
  ),
  asking(
    "each who is given a stale value calls the factory",
    ["get-or-set/stale-at-once"],
    (original, target) => async (key, factory, options) => {
      if (options?.staleFor !== undefined && !(await target.has(key))) {
        void factory({ signal: new AbortController().signal });
      }
      return original(key, factory, options);
    },
  ),
  with_(
    "what may be given stale is stored with the longer ttl",
    ["get-or-set/stale-to-nobody-else"],
    ({ ttl, ...rest }) => ({ ...rest, ttl: rest.staleFor === undefined ? ttl : 600 }),
  ),
  with_(
    "a failed factory fails the call, stale value or not",
    ["get-or-set/stale-where-the-factory-fails"],
    ({ staleFor: _, ...rest }) => rest,
  ),
  with_("a stale value is given for ever", ["get-or-set/stale-not-for-ever"], ({ staleFor, ...rest }) => ({
    ...rest,
    ...(staleFor !== undefined && { staleFor: "10m" as const }),
  })),
  driver(
    "a deletion leaves the stale copy",
    ["get-or-set/what-was-deleted-is-not-stale"],
    class extends MapDriver {
      override remove(id: RecordId): void {
        if (!id.key.startsWith("@kv/get-or-set/copy/")) super.remove(id);
      }
    },
  ),
  driver(
    "an enumeration shows what getOrSet keeps",
    ["get-or-set/keeps-nothing-in-sight"],
    class extends MapDriver {
      override list(...all: Parameters<MapDriver["list"]>): Page<{ key: string }> {
        const page = super.list(...all);
        if (page instanceof Promise) throw new TypeError("the list came later");
        return { ...page, items: page.items.map((item) => ({ ...item, key: item.key.replace(/^@kv/, "kv") })) };
      }
    },
  ),
  asking("close() does not wait for a factory", ["get-or-set/close-waits"], byHand),
  asking("each store calls its factory", ["get-or-set/one-call-among-instances"], byHand),
  asking(
    "the lease of a store that hangs is waited for to the end",
    ["get-or-set/a-dead-instance-is-replaced"],
    (original, target) =>
      async (...asked) => {
        const lease = { collection: target.name, key: leaseKey(asked[0]) };
        const { driver } = Records.contextOf(target);
        const isHeld = () => driver instanceof MapDriver && driver.live(lease) !== undefined;
        for (let waited = 0; isHeld(); waited += 10) {
          if (waited > 2000) throw new TimeoutError("another store holds the lease");
          await later(10);
        }
        return original(...asked);
      },
  ),
];
