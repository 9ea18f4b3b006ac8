/** Sessions in the store: what a node needs to go on with one that began elsewhere. */
import { type Collection, type Duration, type JsonObject, type KeyValueStore, ValueTooLargeError } from "@kv/core";
import { expiryOf } from "@kv/core/driver";
import { lookupKey } from "../../common/lookup-key.ts";
import { isRecord } from "../context.ts";

export interface SessionRecord {
  /** The parameters of `initialize`. */
  readonly initialize: JsonObject;
  /** A hash of whose it is. */
  readonly principal: string;
}

/** In bytes of JSON. A client says its name and what it can do. */
const LARGEST_INITIALIZE = 64 * 1024;

export class SessionRecords {
  readonly #records: Collection<"write" | "atomic">;
  readonly #ttl: Duration;
  readonly #timeout: number;

  constructor(store: KeyValueStore<"write" | "atomic">, ttl: Duration, timeout: number) {
    expiryOf({ ttl }, Date.now());
    this.#records = store.collection("mcp-sessions");
    this.#ttl = ttl;
    this.#timeout = timeout;
  }

  /** @throws ValueTooLargeError */
  async begin(id: string, { initialize, principal }: SessionRecord): Promise<void> {
    const size = Buffer.byteLength(JSON.stringify(initialize));
    if (size > LARGEST_INITIALIZE) throw new ValueTooLargeError(size, LARGEST_INITIALIZE);
    await this.#records.put(await lookupKey(id), { initialize, principal }, { ttl: this.#ttl, ...this.#bounds });
  }

  /** The principal's session of this id, which lasts longer by being found. */
  async find(id: string, principal: string): Promise<SessionRecord | undefined> {
    const key = await lookupKey(id);
    const entry = await this.#records.getEntry(key, this.#bounds);
    if (!isRecord(entry?.value) || entry.value.principal !== principal) return undefined;
    const { initialize } = entry.value;
    if (!isRecord(initialize)) return undefined;
    const now = Date.now();
    const whole = ((expiryOf({ ttl: this.#ttl }, now) ?? now) - now) / 1000;
    // One write for many requests. It revives nothing that was ended meanwhile.
    const isOld = (entry.ttl ?? whole) < 0.9 * whole;
    if (isOld && !(await this.#records.touch(key, this.#ttl, this.#bounds))) return undefined;
    return { initialize, principal };
  }

  async end(id: string): Promise<void> {
    await this.#records.delete(await lookupKey(id), this.#bounds);
  }

  /** Those of the sessions that are no more. */
  async ended(ids: readonly string[]): Promise<string[]> {
    const keys = await Promise.all(ids.map((id) => lookupKey(id)));
    const found = await this.#records.getMany(keys, this.#bounds);
    return ids.filter((_, index) => found[index] === undefined);
  }

  get #bounds() {
    return { timeout: this.#timeout };
  }
}
