/** A lock on a key that its holder keeps for as long as it lives, and that ends by itself soon after the holder has. */
import type { Collection, Revision } from "@kv/core";

const LEASE_MS = 10_000;

export class Lease {
  readonly #records: Collection<"write" | "atomic">;
  readonly #key: string;
  /** Of the last renewal; `undefined` once it is lost. */
  #revision: Promise<Revision | undefined>;
  readonly #timer: NodeJS.Timeout;

  private constructor(records: Collection<"write" | "atomic">, key: string, revision: Revision) {
    this.#records = records;
    this.#key = key;
    this.#revision = Promise.resolve(revision);
    this.#timer = setInterval(() => this.#renew(), LEASE_MS / 3);
    this.#timer.unref();
  }

  /** The lease; `undefined` while somebody else has it. */
  static async acquire(records: Collection<"write" | "atomic">, key: string): Promise<Lease | undefined> {
    const revision = await records.putIfAbsent(key, true, { ttl: LEASE_MS / 1000 });
    return revision === undefined ? undefined : new Lease(records, key, revision);
  }

  /** Rejects where the store fails; the lease then ends by itself. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    const revision = await this.#revision;
    if (revision !== undefined) await this.#records.compareAndDelete(this.#key, revision);
  }

  #renew(): void {
    this.#revision = this.#revision.then(async (revision) => {
      if (revision === undefined) return undefined;
      const renewed = this.#records.compareAndSwap(this.#key, revision, true, { ttl: LEASE_MS / 1000 });
      // Where the store fails, the next time may do.
      return renewed.catch(() => revision);
    });
  }
}
