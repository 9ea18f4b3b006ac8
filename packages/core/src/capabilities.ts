/** What a store can do, as data (read by the store, the conformance suite and the docs) and as types. */
import { UnsupportedOperationError } from "./errors.ts";

/**
 * - `write`: put, putMany, delete, deleteMany
 * - `atomic`: putIfAbsent, take, compareAndSwap, compareAndDelete, increment, touch, update
 * - `enumerate`: keys, entries, collections
 * - `clear`: clear, clearAll, cull
 * - `durable`: what was stored stays until it expires or is deleted; nothing is evicted to make room
 */
export type Capability = "write" | "atomic" | "enumerate" | "clear" | "durable";

export const allCapabilities: readonly Capability[] = ["write", "atomic", "enumerate", "clear", "durable"];

/** One frozen object for each driver. A capability that is claimed works; one that is not does not compile. */
export type Capabilities = { readonly [K in Capability]: boolean } & {
  /**
   * True where the backend itself hides a record from the very millisecond of its expiry, by its own clock. Else
   * (the default) the store compares `expiresAt` with this process' clock.
   */
  readonly nativeExpiry?: boolean;
  readonly limits?: Limits;
};

export interface Limits {
  /** Largest encoded record in bytes. Checked by the driver before an exchange: `ValueTooLargeError`. */
  readonly recordBytes?: number;
  /** Most records that one exchange may carry; the store splits longer batches. Default: 1,000. */
  readonly batch?: { readonly get?: number; readonly put?: number; readonly delete?: number };
}

/** The type-level twin of {@link Capabilities}: only what is there is a member. */
export type Has<C extends Capability> = { readonly [K in C]: true };

export type CapabilitiesOf<D extends { readonly capabilities: Capabilities }> = {
  [K in Capability]: D["capabilities"][K] extends true ? K : never;
}[Capability];

/** @throws UnsupportedOperationError naming what is missing */
export function requireCapabilities(capabilities: Capabilities, wanted: readonly Capability[], subject: string): void {
  if (wanted.some((one) => !capabilities[one])) throw lacking(capabilities, wanted, subject);
}

/** The error of a store that lacks some of what is wanted. */
export function lacking(
  capabilities: Capabilities,
  wanted: readonly Capability[],
  subject: string,
): UnsupportedOperationError {
  const missing = wanted.filter((one) => !capabilities[one]).map((one) => `"${one}"`);
  const noun = missing.length > 1 ? "capabilities" : "capability";
  return new UnsupportedOperationError(`${subject} needs the ${noun} ${missing.join(", ")}, which this store lacks`);
}
