/** Chapter "faults": a store behind a proxy that is at fault, and another one that is not. */
import type { Collection } from "../../../store.ts";
import { equal } from "../../assertions.ts";
import { type FaultProxy, proxyOf } from "../../fault-proxy.ts";
import { answersWithin } from "../../outage.ts";
import type { Context } from "../../property.ts";

/** How long a server may be back before the store has noticed. */
const BACK = 8000;
/** For the calls around the one that is tried. */
export const PATIENT = { timeout: "10s" } as const;

/** What every trial begins with. */
export const BEFORE: Readonly<Record<string, string | number>> = { there: "secret-value", n: 5, still: "here" };

/** Milliseconds that a call has while the server is at fault. */
export const timeoutOf = ({ settings }: Context<never>): number => 250 * settings.timeScale;

/** A store behind a proxy, and the same collection past it. */
export interface Scene {
  readonly proxy: FaultProxy;
  readonly records: Collection<"write">;
  readonly control: Collection<"write">;
}

export async function sceneOf(context: Context<"write">, proxy?: FaultProxy): Promise<Scene> {
  const between = proxy ?? (await proxyOf(context));
  const store = await context.openThrough(between.address, { timeout: timeoutOf(context) });
  const name = `secret-collection-${context.unique()}`;
  const control = context.store.collection(name);
  await control.putMany(
    Object.entries(BEFORE).map(([key, value]) => ({ key, value })),
    PATIENT,
  );
  return { proxy: between, records: store.collection(name), control };
}

/** Calls until the server is noticed to be back. */
export async function recovers({ records }: Scene, what: string): Promise<void> {
  equal(await answersWithin(BACK, records, "still", what), "here", `${what}: get after the fault is gone`);
}
