/** The SDK client's response cache over a store, shared by all processes, and never between users or servers. */
import {
  BatchError,
  type Collection,
  CorruptRecordError,
  InvalidArgumentError,
  type JsonObject,
  KeyValueError,
} from "@kv/core";
import { timeoutOf } from "@kv/core/driver";
import type { CacheEntry, CacheKey, CacheScope, ResponseCacheStore } from "@modelcontextprotocol/client";
import { type EncryptedStoreOptions, encryptedStore } from "../common/encrypted.ts";
import { isRecord } from "../common/is-record.ts";
import { lookupKey } from "../common/lookup-key.ts";
import { canonicalServer, checkPrincipal } from "./server-url.ts";

export interface KvResponseCacheStoreOptions extends EncryptedStoreOptions<"write"> {
  /** The MCP server's URL; what it calls itself does not count. */
  readonly server: string | URL;
  /** Whose answers these are: a verified user id; `"anonymous"` where nobody is logged in. */
  readonly principal: string;
  /** How long to wait for the store; milliseconds or a duration. Default: 1 s. */
  readonly timeout?: number | string | undefined;
  /** Told of failures of the store: each costs a hit, never an answer. */
  readonly onError?: ((error: KeyValueError) => void) | undefined;
}

const COLLECTION = "mcp-client-responses";
/** How long entries stay that say nothing themselves; longer than that the SDK keeps none either. */
const DAY_MS = 86_400_000;
/** Outlives every entry that was written under it. */
const GENERATION_SECONDS = 7 * 86_400;

interface Stored extends JsonObject {
  readonly value: string;
  readonly stamp: number;
  /** Under which generations it was written. */
  readonly generation: string;
  readonly expiresAt?: number;
  readonly scope?: CacheScope;
}

/**
 * For `new Client(info, { responseCacheStore, cachePartition: principal })`. What the server marks `public` is shared by
 * all users of that server, all else is the principal's own, also where `cachePartition` was forgotten.
 */
export class KvResponseCacheStore implements ResponseCacheStore {
  readonly #records: Collection<"write">;
  readonly #server: string;
  readonly #principal: string;
  readonly #timeout: number;
  readonly #onError: (error: KeyValueError) => void;
  #lastStamp = 0;
  /** Resolves when the latest call has its names. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws InvalidArgumentError, UnsupportedOperationError */
  constructor(options: KvResponseCacheStoreOptions) {
    const { server, principal, timeout = "1s", onError = () => {} } = options;
    const store = encryptedStore("KvResponseCacheStore", options, ["write"]);
    checkPrincipal(principal);
    if (typeof onError !== "function") throw new InvalidArgumentError("onError must be a function");
    this.#records = store.collection(COLLECTION);
    this.#server = canonicalServer(server);
    this.#principal = principal;
    this.#timeout = timeoutOf(timeout);
    this.#onError = onError;
  }

  get(key: CacheKey): Promise<CacheEntry | undefined> {
    return this.#orMiss(async () => {
      const making = [this.#generationOf(""), this.#generationOf(key.method), this.#own(key), this.#shared(key)];
      const names = await this.#inTurn(Promise.all(making));
      const [all, method, own, shared] = await this.#read(names);
      if (typeof all !== "string" || typeof method !== "string") return undefined;
      const isGood = (entry: unknown): entry is Stored => isStored(entry) && entry.generation === `${all} ${method}`;
      if (isGood(own)) return entryOf(own);
      return isGood(shared) && shared.scope === "public" ? entryOf(shared) : undefined;
    });
  }

  async set(
    key: CacheKey,
    entry: { readonly value: string; readonly expiresAt?: number; readonly scope?: CacheScope },
  ): Promise<number> {
    const stamp = this.#newStamp();
    await this.#orMiss(async () => {
      const { value, expiresAt, scope } = entry;
      const making = [this.#generationOf(""), this.#generationOf(key.method)];
      const entryName = scope === "public" ? this.#shared(key) : this.#own(key);
      const [generations, name] = await this.#inTurn(Promise.all([Promise.all(making), entryName]));
      const generation = await this.#generation(generations);
      const stored: Stored = {
        value,
        stamp,
        generation,
        ...(expiresAt !== undefined && { expiresAt }),
        ...(scope !== undefined && { scope }),
      };
      await this.#records.put(name, stored, { expiresAt: endOf(key, expiresAt), timeout: this.#timeout });
    });
    return stamp;
  }

  /** For all users of the server, where the entry is public. */
  async delete(key: CacheKey): Promise<void> {
    await this.#orMiss(async () => {
      const names = await this.#inTurn(Promise.all([this.#own(key), this.#shared(key)]));
      await this.#records.deleteMany(names, { timeout: this.#timeout });
    });
  }

  /** All users' answers of this server to the method. */
  async evict(method: string): Promise<void> {
    await this.#evict(method);
  }

  /** All users' answers of this server. */
  async clear(): Promise<void> {
    await this.#evict("");
  }

  /** Entries count under the generations they were written in: a new one voids them all at once, on any backend. */
  async #generation(names: readonly string[]): Promise<string> {
    const found = await this.#read(names);
    const ids: string[] = [];
    for (const [at, name] of names.entries()) {
      const id = found[at];
      ids.push(typeof id === "string" ? id : await this.#renew(name));
    }
    return ids.join(" ");
  }

  /** What cannot be decrypted or read counts as absent. */
  async #read(names: readonly string[]): Promise<readonly unknown[]> {
    try {
      return await this.#records.getMany(names, { timeout: this.#timeout });
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      if (error.failures.some((failure) => !(failure.error instanceof CorruptRecordError))) throw error;
      this.#onError(error);
      return error.results;
    }
  }

  async #evict(method: string): Promise<void> {
    await this.#orMiss(async () => this.#renew(await this.#inTurn(this.#generationOf(method))));
  }

  async #renew(name: string): Promise<string> {
    const id = crypto.randomUUID();
    await this.#records.put(name, id, { ttl: GENERATION_SECONDS, timeout: this.#timeout });
    return id;
  }

  /**
   * The names, not before the calls before have theirs: so calls reach the store in the order in which they were made, and
   * an answer that was on its way when its method was evicted does not count.
   */
  #inTurn<T>(names: Promise<T>): Promise<T> {
    const made = Promise.all([names, this.#turn]).then(([names]) => names);
    this.#turn = made;
    return made;
  }

  async #own(key: CacheKey): Promise<string> {
    return `entry/${await lookupKey(this.#server, "private", this.#principal, ...partsOf(key))}`;
  }

  async #shared(key: CacheKey): Promise<string> {
    return `entry/${await lookupKey(this.#server, "public", ...partsOf(key))}`;
  }

  /** Of all methods where it is empty. */
  async #generationOf(method: string): Promise<string> {
    return `generation/${await lookupKey(this.#server, method)}`;
  }

  /** Differs from all others, those of other processes too: the time, and chance within the millisecond. */
  #newStamp(): number {
    const [chance = 0] = crypto.getRandomValues(new Uint16Array(1));
    this.#lastStamp = Math.max(this.#lastStamp + 1, Date.now() * 4096 + (chance % 4096));
    return this.#lastStamp;
  }

  async #orMiss<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KeyValueError)) throw error;
      this.#onError(error);
      return undefined;
    }
  }
}

function partsOf({ method, params = "", partition = "" }: CacheKey): readonly string[] {
  return [method, params, partition];
}

/** The SDK checks outputs by the list of tools after its end too, so that stays. */
function endOf({ method }: CacheKey, expiresAt: number | undefined): number {
  const now = Date.now();
  if (expiresAt === undefined || expiresAt <= now) return now + DAY_MS;
  return method === "tools/list" ? Math.max(expiresAt, now + DAY_MS) : expiresAt;
}

function entryOf({ value, stamp, expiresAt, scope }: Stored): CacheEntry {
  return { value, stamp, ...(expiresAt !== undefined && { expiresAt }), ...(scope !== undefined && { scope }) };
}

function isStored(value: unknown): value is Stored {
  return (
    isRecord(value) &&
    typeof value.value === "string" &&
    typeof value.stamp === "number" &&
    typeof value.generation === "string" &&
    (value.expiresAt === undefined || typeof value.expiresAt === "number") &&
    (value.scope === undefined || value.scope === "public" || value.scope === "private")
  );
}
