/** How the server is doing, in numbers: never a value, a key, a user or a secret. */
import type { KeyValueStore } from "@kv/core";
import type { Statistics, StatisticsByOperation } from "@kv/core/wrappers";
import type { ResponseCache } from "@kv/mcp/server";
import type { Options } from "./options.ts";
import { shown } from "./store.ts";

export interface CollectionCount {
  readonly name: string;
  readonly records: number;
  /** Whether there are more than were counted. */
  readonly more: boolean;
}

export interface Status {
  readonly store: "up" | "down";
  /** Its URL, without what may be secret in it. */
  readonly backend: string;
  readonly encrypted: boolean;
  /** Where users log in; without it there are none. */
  readonly issuer: string | undefined;
  readonly since: Date;
  readonly cache: ReturnType<ResponseCache["statistics"]>;
  /** Exchanges with the backend, by operation. */
  readonly operations: StatisticsByOperation;
  /** `undefined` where they could not be counted in time. */
  readonly collections: readonly CollectionCount[] | undefined;
  /** Whether there are more collections than were counted. */
  readonly moreCollections: boolean;
}

interface Counts {
  readonly collections: readonly CollectionCount[] | undefined;
  readonly more: boolean;
}

/** What a look at the page may cost the store: it counts no further, no longer, and no more often. */
const MAX_COLLECTIONS = 50;
const MAX_RECORDS = 1000;
const COUNTING_TIME = 2000;
const COUNTS_AGE = 5000;

export interface StatusParts {
  readonly store: KeyValueStore<"write" | "enumerate">;
  readonly counted: Statistics;
  readonly cache: ResponseCache;
  readonly options: Pick<Options, "store" | "auth">;
}

export class StatusReader {
  readonly #parts: StatusParts;
  #counts: { readonly value: Promise<Counts>; readonly since: number } | undefined;

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  store(): Promise<"up" | "down"> {
    return this.#parts.store.ping({ timeout: "1s" }).then(
      () => "up",
      () => "down",
    );
  }

  /** How requests were answered, for each method. */
  cache(): Status["cache"] {
    return this.#parts.cache.statistics();
  }

  async all(): Promise<Status> {
    const { options, counted } = this.#parts;
    const store = await this.store();
    const { collections, more } = store === "up" ? await this.#count() : { collections: undefined, more: false };
    const { since, total } = counted.snapshot();
    return {
      store,
      backend: shown(options.store),
      encrypted: !/^memory:/i.test(options.store),
      issuer: options.auth === "none" ? undefined : options.auth,
      since,
      cache: this.cache(),
      operations: total,
      collections,
      moreCollections: more,
    };
  }

  #count(): Promise<Counts> {
    const now = performance.now();
    if (this.#counts === undefined || now - this.#counts.since > COUNTS_AGE) {
      this.#counts = { value: this.#countNow().catch(() => ({ collections: undefined, more: false })), since: now };
    }
    return this.#counts.value;
  }

  async #countNow(): Promise<Counts> {
    const { store } = this.#parts;
    const signal = AbortSignal.timeout(COUNTING_TIME);
    const collections: CollectionCount[] = [];
    for await (const name of store.collections({ signal })) {
      if (collections.length === MAX_COLLECTIONS) return { collections, more: true };
      let records = 0;
      for await (const _ of store.collection(name).keys({ signal })) {
        records++;
        if (records > MAX_RECORDS) break;
      }
      collections.push({ name, records: Math.min(records, MAX_RECORDS), more: records > MAX_RECORDS });
    }
    collections.sort((one, other) => (one.name < other.name ? -1 : 1));
    return { collections, more: false };
  }
}
