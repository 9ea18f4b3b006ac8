/** Where secrets are kept: a store that can do what is needed, and encrypted unless the caller says otherwise. */
import { type Capability, InvalidArgumentError, KeyValueStore, UnsupportedOperationError } from "@kv/core";
import { type EncryptionKey, encryption } from "@kv/core/wrappers";

export interface EncryptedStoreOptions<C extends Capability> {
  /** Stays the caller's to close. */
  readonly store: KeyValueStore<C>;
  /** Encrypts what is stored, as core's `encryption`: the first key encrypts, all decrypt. */
  readonly keys?: readonly EncryptionKey[] | undefined;
  /** Keeps secrets readable in the store: for tests, or where the store encrypts in a way that cannot be seen here. */
  readonly allowPlaintext?: boolean | undefined;
}

/** Layers that take records to another store, which may outlive this process. */
const LEADING_ELSEWHERE: readonly string[] = ["cache", "fallback"];

/**
 * The store, encrypted. Without keys it is taken as it is where it has an `encryption` layer, or is in memory only.
 * @param subject who needs it, for messages
 * @throws UnsupportedOperationError where it lacks a capability, InvalidArgumentError where it would be in plaintext
 */
export function encryptedStore<C extends Capability>(
  subject: string,
  { store, keys, allowPlaintext }: EncryptedStoreOptions<C>,
  needs: readonly C[],
): KeyValueStore<C> {
  if (!(store instanceof KeyValueStore)) throw new InvalidArgumentError(`${subject} needs a store`);
  checkCapabilities(subject, store, needs);
  if (keys !== undefined) return store.with(encryption({ keys }));
  if (allowPlaintext === true || store.layers.includes("encryption") || isInMemory(store)) return store;
  throw new InvalidArgumentError(
    `${subject} keeps secrets, and would keep them readable in this store; add keys to its options: ` +
      'keys: [{ id: "2026-01", key: Buffer.from(process.env.KV_ENCRYPTION_KEY, "base64") }], ' +
      "with 32 random bytes (openssl rand -base64 32), or say allowPlaintext: true",
  );
}

/** @throws UnsupportedOperationError which names the stores that would do */
function checkCapabilities(
  subject: string,
  { capabilities }: KeyValueStore<never>,
  needs: readonly Capability[],
): void {
  const missing = needs.filter((one) => !capabilities[one]);
  if (missing.length === 0) return;
  const quoted = missing.map((one) => `"${one}"`).join(" and ");
  const others = missing.includes("durable")
    ? "every backend's stores are, except those of @kv/memcached and those of @kv/memory that have a limit"
    : "every backend's stores are, unless a wrapper such as readOnly takes it away";
  throw new UnsupportedOperationError(`${subject} needs a store that is ${quoted}: ${others}`);
}

/** Known by its driver: `durable` says that nothing is evicted, not where it lies. */
function isInMemory(store: KeyValueStore<never>): boolean {
  return store.driver.name === "memory" && !store.layers.some((layer) => LEADING_ELSEWHERE.includes(layer));
}
