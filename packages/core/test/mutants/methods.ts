/** What is done to many methods of a store at once: how they are replaced, what they are given, what they fail with. */
import { KeyValueError } from "../../src/index.ts";
import { replacing } from "./mutant.ts";

export const READS = ["get", "has", "getMany", "getEntry", "getEntries"];
export const WRITES = [
  "put",
  "putMany",
  "delete",
  "deleteMany",
  "putIfAbsent",
  "take",
  "compareAndSwap",
  "compareAndDelete",
  "increment",
  "touch",
  "update",
];
export const LISTS = ["keys", "entries", "collections"];
export const SWEEPS = ["clear", "clearAll", "cull"];
/** All that answer by a promise. */
export const ANSWERING = [...READS, ...WRITES, ...SWEEPS, "ping"];
export const ALL = [...ANSWERING, ...LISTS];

type Make = Parameters<typeof replacing>[0][string];

export const each = (methods: readonly string[], make: Make) =>
  replacing(Object.fromEntries(methods.map((name) => [name, make])));

interface Bounds {
  readonly timeout?: unknown;
  readonly signal?: unknown;
}

/** The options in which a call is given a timeout or a signal become others. */
export const bounding = (methods: readonly string[], change: (options: Bounds) => Bounds) =>
  each(
    methods,
    (original) =>
      (...given) =>
        original(...given.map((one) => (isBounds(one) ? change(one) : one))),
  );

/** An error of the library's becomes another one. */
export const failing = (methods: readonly string[], change: (error: KeyValueError) => unknown) =>
  each(methods, (original) => async (...given) => {
    try {
      return await original(...given);
    } catch (error) {
      throw error instanceof KeyValueError ? change(error) : error;
    }
  });

function isBounds(one: unknown): one is Bounds {
  return typeof one === "object" && one !== null && ("timeout" in one || "signal" in one);
}
