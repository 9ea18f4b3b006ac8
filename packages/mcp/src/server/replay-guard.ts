/** Marks of what has been used: client assertions, DPoP proofs and whatever else is good for once. */
import { type Collection, InvalidArgumentError, InvalidTtlError, type KeyValueStore } from "@kv/core";
import { encryptedStore } from "../common/encrypted.ts";
import { lookupKey } from "../common/lookup-key.ts";

export interface ReplayGuardOptions {
  /** Stays the caller's to close. */
  readonly store: KeyValueStore<"write" | "atomic" | "durable">;
  /** What is guarded: ids of one are none of another. Default: `"default"`. */
  readonly name?: string | undefined;
}

/** @throws InvalidArgumentError, UnsupportedOperationError */
export function replayGuard(options: ReplayGuardOptions): ReplayGuard {
  return new ReplayGuard(options);
}

export class ReplayGuard {
  readonly #used: Collection<"write" | "atomic" | "durable">;

  /** @internal Use {@link replayGuard}. */
  constructor({ store, name = "default" }: ReplayGuardOptions) {
    if (typeof name !== "string") throw new InvalidArgumentError("name must be a string");
    // Marks are names alone, which are hashes: there is nothing to encrypt.
    const plain = { store, allowPlaintext: true };
    const checked = encryptedStore("replayGuard", plain, ["write", "atomic", "durable"]);
    this.#used = checked.collection(`mcp-used/${name}`);
  }

  /**
   * Whether this is the first time, on any node. An id is remembered until it expires by itself; what has expired is
   * refused, so add the leeway for clocks that you allow elsewhere.
   * @param id with the issuer in it, where ids are each issuer's own
   * @param expiresAt a Date, or milliseconds (not seconds) since the epoch
   * @throws StoreUnavailableError, TimeoutError where nobody can tell: refuse then
   */
  async consume(id: string, expiresAt: Date | number): Promise<boolean> {
    if (typeof id !== "string" || id === "") throw new InvalidArgumentError("an id is a string that is not empty");
    const moment = Number(expiresAt);
    if (!Number.isFinite(moment)) throw new InvalidArgumentError("expiresAt must be a Date or a number");
    try {
      return (await this.#used.putIfAbsent(await lookupKey(id), true, { expiresAt: moment })) !== undefined;
    } catch (error) {
      if (error instanceof InvalidTtlError) return false;
      throw error;
    }
  }
}
