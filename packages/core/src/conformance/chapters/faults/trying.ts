/** Chapter "faults": a trial, and what must hold of the call, the record and the store after it. */
import type { KeyValueError } from "../../../errors.ts";
import type { Collection } from "../../../store.ts";
import { ConformanceError, deepEqual, equal, ok, show } from "../../assertions.ts";
import type { Fault } from "../../fault-proxy.ts";
import { checkOutage } from "../../outage.ts";
import type { Context } from "../../property.ts";
import { call } from "../../support.ts";
import { quietly } from "../../unhandled.ts";
import { BEFORE, PATIENT, recovers, sceneOf, timeoutOf } from "./scene.ts";
import { type Trial, trialsOf } from "./trials.ts";

/** How long after its deadline a call may be noticed to have ended, in milliseconds. */
const LATE = 4000;

/** A call that begins while the fault is there. */
async function readsOrFails(records: Collection<"write">, fault: Fault, what: string): Promise<void> {
  try {
    equal(await records.get("still"), "here", what);
  } catch (error) {
    if (error instanceof ConformanceError) throw error;
    checkOutage(error, fault.type, what);
  }
}

/** One call on a connection that breaks in mid-call, or is broken before. */
async function tryOut(context: Context<"write">, trial: Trial, fault: Fault, scope: "all" | "existing"): Promise<void> {
  const scene = await sceneOf(context);
  const { proxy, records, control } = scene;
  const what = `${trial.method} while the server's fault is ${show(fault)}`;
  const entry = await records.getEntry("there", PATIENT);
  await proxy.inject(fault, scope);

  const began = performance.now();
  let failure: KeyValueError | undefined;
  try {
    trial.answers(await call(records, trial.method, ...trial.args({ revision: entry?.revision })));
  } catch (error) {
    if (error instanceof ConformanceError) throw new ConformanceError(`${what}: ${error.message}`);
    checkOutage(error, fault.type, what);
    failure = error;
  }
  const elapsed = performance.now() - began;
  ok(elapsed < timeoutOf(context) + LATE, `${what}: settled only after ${Math.round(elapsed)} ms`);

  if (scope === "all") await readsOrFails(records, fault, `get after ${what}`);
  // What was sent behind the back of the call meets the fault, too.
  await new Promise((resolve) => setTimeout(resolve, 30));
  if (scope === "all") await proxy.heal();
  // What is under way then still arrives.
  if (fault.type === "delay") await new Promise((resolve) => setTimeout(resolve, 2 * fault.milliseconds));
  await recovers(scene, what);
  if (trial.writes) await checkWrite(control, trial.writes, failure, what);
}

/** A write that resolved has happened, once; one that was not applied has not; of any other nobody can tell. */
export async function checkWrite(
  control: Collection<"write">,
  { key, after }: NonNullable<Trial["writes"]>,
  failure: KeyValueError | undefined,
  what: string,
): Promise<void> {
  const before = BEFORE[key];
  const found = await control.get(key, PATIENT);
  if (failure === undefined) {
    deepEqual(found, after, `${what}: the record after a write that resolved`);
    return;
  }
  ok(failure.outcome !== undefined, `${what}: the error says what became of the write`);
  if (failure.outcome === "not-applied") {
    deepEqual(found, before, `${what}: the record after a write that was said not to have been applied`);
  }
  const possible = Object.is(found, before) || Object.is(found, after);
  ok(possible, `${what}: the record is ${show(found)}, neither ${show(before)} as before nor ${show(after)}`);
}

/** All trials that apply, each with a proxy of its own, at the same time. */
export async function tryAll(context: Context<"write">, fault: Fault, scope: "all" | "existing"): Promise<void> {
  const apply = trialsOf(context, fault.type === "lose-reply" && fault.by !== "silence");
  await quietly(async () => {
    await Promise.all(apply.map((trial) => tryOut(context, trial, fault, scope)));
  });
}
