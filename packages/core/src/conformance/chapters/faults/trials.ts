/** Chapter "faults": the calls that meet each fault. */
import type { Capability } from "../../../capabilities.ts";
import { deepEqual, equal, sameElements } from "../../assertions.ts";
import type { Context } from "../../property.ts";
import { BEFORE } from "./scene.ts";

/** One call that meets a fault. */
export interface Trial {
  readonly method: string;
  readonly needs?: Capability;
  /** Much like another one: tried where it matters most, and in the longer setting. */
  readonly extra?: true;
  args(setup: { readonly revision: string | undefined }): readonly unknown[];
  /** Fails where the answer is not the one of a store without faults. */
  answers(answer: unknown): void;
  /** Of a write: the record that it changes, and what it makes of it. */
  readonly writes?: { readonly key: string; readonly after: unknown };
}

const revision = (answer: unknown): void => equal(typeof answer, "string", "the new revision is the answer");
const answer = (expected: unknown) => (given: unknown) => deepEqual(given, expected, "the answer");

const trials: readonly Trial[] = [
  { method: "get", args: () => ["there"], answers: answer("secret-value") },
  { method: "has", extra: true, args: () => ["there"], answers: answer(true) },
  { method: "getMany", args: () => [["there", "nowhere"]], answers: answer(["secret-value", undefined]) },
  {
    method: "keys",
    needs: "enumerate",
    args: () => [],
    answers: (given) => sameElements(Array.isArray(given) ? given : [], Object.keys(BEFORE), "the keys"),
  },
  {
    method: "put",
    args: () => ["there", "new"],
    answers: answer(undefined),
    writes: { key: "there", after: "new" },
  },
  {
    method: "putMany",
    extra: true,
    args: () => [[{ key: "there", value: "new" }]],
    answers: answer(undefined),
    writes: { key: "there", after: "new" },
  },
  {
    method: "delete",
    extra: true,
    args: () => ["there"],
    answers: answer(true),
    writes: { key: "there", after: undefined },
  },
  {
    method: "deleteMany",
    extra: true,
    args: () => [["there"]],
    answers: answer(1),
    writes: { key: "there", after: undefined },
  },
  {
    method: "putIfAbsent",
    needs: "atomic",
    args: () => ["fresh", "new"],
    answers: revision,
    writes: { key: "fresh", after: "new" },
  },
  {
    method: "compareAndSwap",
    extra: true,
    needs: "atomic",
    args: (setup) => ["there", setup.revision, "new"],
    answers: revision,
    writes: { key: "there", after: "new" },
  },
  {
    method: "take",
    extra: true,
    needs: "atomic",
    args: () => ["there"],
    answers: answer("secret-value"),
    writes: { key: "there", after: undefined },
  },
  { method: "increment", needs: "atomic", args: () => ["n", 1], answers: answer(6), writes: { key: "n", after: 6 } },
];

/** The trials that apply to the store. */
export function trialsOf({ store, settings }: Context<"write">, all: boolean): Trial[] {
  const { capabilities } = store;
  return trials.filter(
    ({ needs, extra }) => (needs === undefined || capabilities[needs]) && (all || settings.thorough || !extra),
  );
}
