/** What callers give to the operations of a store, in their last parameter and in batches. */
import type { CallOptions } from "./call.ts";
import type { MaybePromise } from "./driver/driver.ts";
import type { Duration, Expiry } from "./record.ts";

export type PutOptions = CallOptions & Expiry;
/** One element of `putMany`. */
export type PutEntry<V> = { readonly key: string; readonly value: V } & Expiry;
export type UpdateOptions = CallOptions &
  (Expiry | { readonly keepTtl: true; readonly ttl?: undefined; readonly expiresAt?: undefined });
export type IncrementOptions = CallOptions & {
  /** Counts when the call creates the number; else the expiry stays as it is. */
  readonly ttl?: Duration | undefined;
};

export type GetOrSetOptions = CallOptions & {
  /** Of what the factory gives. Default: it never expires. */
  readonly ttl?: Duration | undefined;
  /** How long after its `ttl` a value may still be given while it is made anew. Default: not at all. */
  readonly staleFor?: Duration | undefined;
};
/** Makes the value. `signal` is aborted when nobody waits for it any more. */
export type Factory<V> = (context: { readonly signal: AbortSignal }) => MaybePromise<V>;
