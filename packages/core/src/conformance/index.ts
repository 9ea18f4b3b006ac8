/**
 * The conformance suite: every sentence of the contract as a property that any store can be held against.
 *
 *     import { describe, it } from "vitest"; // or jest, mocha, node:test
 *     import { conformance } from "@kv/core/conformance";
 *     await conformance({ name: "redis", open: (options) => redisStore({ url, ...options }), shared: true }).register({ describe, it });
 */
import { atomics } from "./chapters/atomics/index.ts";
import { batches } from "./chapters/batches/index.ts";
import { capabilities } from "./chapters/capabilities.ts";
import { contention } from "./chapters/contention.ts";
import { deadlines } from "./chapters/deadlines.ts";
import { enumeration } from "./chapters/enumeration/index.ts";
import { errors } from "./chapters/errors.ts";
import { faults } from "./chapters/faults/index.ts";
import { getOrSet } from "./chapters/get-or-set/index.ts";
import { instances } from "./chapters/instances.ts";
import { isolation } from "./chapters/isolation.ts";
import { lifecycle } from "./chapters/lifecycle.ts";
import { model } from "./chapters/model.ts";
import { names } from "./chapters/names.ts";
import { outages } from "./chapters/outages.ts";
import { records } from "./chapters/records.ts";
import { schema } from "./chapters/schema.ts";
import { ttl } from "./chapters/ttl/index.ts";
import { values } from "./chapters/values.ts";
import type { Property, Target } from "./property.ts";
import { limitOf, type Plan, planOf, type Report, type Result, settingsOf, startAll } from "./runner.ts";
import { tapLines } from "./tap.ts";

export { ConformanceError } from "./assertions.ts";
export type { Address, Property, ServerProcess, Settings, Target, Want } from "./property.ts";
export type { NotApplicable, Plan, Report, Result } from "./runner.ts";
export { stackSeed, stackTargets, underEachWrapper, underWrappers, wrapperTargets } from "./under-wrappers.ts";

/** All chapters' properties, in the order in which they run. */
export const properties: readonly Property[] = [
  ...names,
  ...records,
  ...values,
  ...isolation,
  ...ttl,
  ...batches,
  ...atomics,
  ...getOrSet,
  ...enumeration,
  ...schema,
  ...capabilities,
  ...deadlines,
  ...lifecycle,
  ...errors,
  ...instances,
  ...contention,
  ...model,
  ...faults,
  ...outages,
];

/** What vitest, jest, mocha and node:test have in common. */
export interface Runner {
  readonly describe: (name: string, define: () => void) => unknown;
  /** Vitest and jest take their timeout as the third argument; the others ignore it. */
  readonly it: (name: string, run: () => Promise<void>, timeout: number) => unknown;
}

export interface RunOptions {
  /** Which properties to run; default: all that apply. */
  readonly only?: (property: Property) => boolean;
  /** Told of each result as it comes. */
  readonly onResult?: (result: Result) => void;
}

/** The suite on one store. */
export class Suite {
  readonly #target: Target;

  /** @internal Use {@link conformance}. */
  constructor(target: Target) {
    this.#target = target;
  }

  /** Which properties apply to the store, by its capabilities, and which do not, and why. Opens a store, and closes it. */
  plan(): Promise<Plan> {
    return planOf(this.#target, properties);
  }

  /** Makes a test of each property that applies, or of those chosen. To be awaited at the top of a test file. */
  async register({ describe, it }: Runner, { only = () => true }: Pick<RunOptions, "only"> = {}): Promise<Plan> {
    const plan = await this.plan();
    const chosen = plan.applicable.filter(only);
    const run = startAll(this.#target, chosen);
    const timeout = limitOf(settingsOf(this.#target));
    const chapters = new Set(chosen.map(({ chapter }) => chapter));
    describe(`${this.#target.name}: conformance`, () => {
      for (const chapter of chapters) {
        describe(chapter, () => {
          for (const property of chosen) {
            if (property.chapter !== chapter) continue;
            const test = async function (this: unknown): Promise<void> {
              allowTime(this, 2 * timeout);
              const { error } = await run(property);
              if (error !== undefined) throw error;
            };
            it(`${property.id}: ${property.title}`, test, 2 * timeout);
          }
        });
      }
    });
    return plan;
  }

  /** Runs the suite without a test runner. Never rejects for a property that does not hold: that is in the report. */
  async run({ only = () => true, onResult }: RunOptions = {}): Promise<Report> {
    const began = performance.now();
    const plan = await this.plan();
    const chosen = plan.applicable.filter(only);
    const run = startAll(this.#target, chosen);
    const results: Result[] = [];
    for (const property of chosen) {
      const result = await run(property);
      results.push(result);
      onResult?.(result);
    }
    const passed = results.every(({ error }) => error === undefined);
    return { name: this.#target.name, ...plan, passed, results, milliseconds: performance.now() - began };
  }

  /** Runs the suite and prints TAP version 14. Sets the exit code to 1 where a property does not hold. */
  async tap(write: (text: string) => void = (text) => process.stdout.write(text)): Promise<Report> {
    const report = await this.run();
    for (const line of tapLines(report)) write(`${line}\n`);
    if (!report.passed) process.exitCode = 1;
    return report;
  }
}

/** The suite on the stores that `target.open` gives: to be registered with a test runner, or run alone. */
export function conformance(target: Target): Suite {
  return new Suite(target);
}

/** Mocha has its timeout as a method of the test's `this`. */
function allowTime(test: unknown, milliseconds: number): void {
  if (typeof test !== "object" || test === null || !("runnable" in test) || !("timeout" in test)) return;
  if (typeof test.timeout === "function") test.timeout(milliseconds);
}
