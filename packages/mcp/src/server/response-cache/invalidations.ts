/**
 * What has been invalidated, for all processes on the store: one record beside the answers, read together with each of
 * them. An answer carries the record's state from before its handler ran, so that it is never given after an
 * invalidation, however the two overlapped.
 */
import { type Collection, CorruptRecordError, type JsonValue } from "@kv/core";
import { newRevision } from "@kv/core/driver";
import { isRecord } from "../context.ts";
import { type CachedMethod, hrefOf, itemOf, type Kind, kindOf } from "./methods.ts";

/** What is out of date. `prefix` is of URIs of resources; `kind` is all about tools, resources or prompts, lists too. */
export type Invalidation =
  | { readonly tool: string }
  | { readonly resource: string }
  | { readonly prompt: string }
  | { readonly prefix: string }
  | { readonly kind: Kind }
  | { readonly all: true };

/** The record's key; those of answers begin with a method. */
export const INVALIDATIONS = "invalidations";

/** The record, when an answer's handler began. */
export type Stamp = readonly [epoch: string, count: number];

/** How many invalidations are told apart; when there are more, what is older than the oldest of them is out of date. */
const REMEMBERED = 256;

/** After which the record ends, and with it all answers: nothing of a version that is gone stays for ever. */
const TTL = "30d";

/** The stored form. Should it be lost or evicted, another epoch begins, and no older answer is used. */
type State = {
  readonly epoch: string;
  /** How many there were in this epoch. */
  readonly count: number;
  /** Answers of a lower count are out of date. */
  readonly floor: number;
  /** What, and the count that it made; the oldest first. */
  readonly tags: readonly (readonly [tag: string, count: number])[];
};

/** What an invalidation is compared with. */
export interface Asked {
  readonly method: CachedMethod;
  readonly params: { readonly [name: string]: unknown };
}

export class Invalidations {
  readonly #records: Collection<"write">;
  readonly #timeout: number;
  /** Asked for in this process, and not yet sent to the store. */
  #pending = new Set<string>();
  /** On the way there. What is asked for again meanwhile is one more. */
  #sent: ReadonlySet<string> = new Set();
  #writing: Promise<void> | undefined;
  #asked = 0;

  constructor(records: Collection<"write">, timeout: number) {
    this.#records = records;
    this.#timeout = timeout;
  }

  /** How many this process has asked for. */
  get asked(): number {
    return this.#asked;
  }

  /** Whether the store must be told before it may be asked. */
  get pending(): boolean {
    return this.#pending.size + this.#sent.size > 0;
  }

  /** From now on for this process; for all when it resolves. Rejects where the store fails: it is tried again later. */
  add(invalidation: Invalidation): Promise<void> {
    this.#asked++;
    this.#pending.add(tagOf(invalidation));
    if (this.#pending.size > REMEMBERED) this.#pending = new Set(["all"]);
    return this.write();
  }

  /** Brings what is pending into the store. */
  async write(): Promise<void> {
    while (this.pending) {
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  async #write(): Promise<void> {
    this.#sent = this.#pending;
    this.#pending = new Set();
    try {
      await this.#put([...this.#sent]);
    } catch (error) {
      this.#pending = new Set([...this.#sent, ...this.#pending]);
      throw error;
    } finally {
      this.#sent = new Set();
    }
  }

  async #put(tags: readonly string[]): Promise<void> {
    const records = this.#records;
    // Without atomic operations two writers could undo each other; an epoch of its own undoes nothing.
    if (tags.includes("all") || !records.can("atomic")) {
      await this.begin();
      return;
    }
    try {
      const next = (current: JsonValue | undefined): State => after(isState(current) ? current : newState(), tags);
      await records.update(INVALIDATIONS, next, { ttl: TTL, timeout: this.#timeout });
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error;
      await this.begin();
    }
  }

  /** A new epoch: all answers are out of date. */
  async begin(): Promise<Stamp> {
    const state = newState();
    await this.#records.put(INVALIDATIONS, state, { ttl: TTL, timeout: this.#timeout });
    return [state.epoch, state.count];
  }

  /** The stamp for an answer whose handler has not begun yet, by the record as it was read. */
  async stampOf(state: JsonValue | undefined): Promise<Stamp> {
    if (isState(state)) return [state.epoch, state.count];
    const records = this.#records;
    if (!records.can("atomic")) return this.begin();
    // Only the first of those who find none begins the epoch.
    const kept = (current: JsonValue | undefined): State => (isState(current) ? current : newState());
    const { epoch, count } = kept(await records.update(INVALIDATIONS, kept, { ttl: TTL, timeout: this.#timeout }));
    return [epoch, count];
  }

  /** Whether nothing has been invalidated since that the answer depends on, by the record as it is now. */
  async stillHolds(stamp: Stamp, asked: Asked): Promise<boolean> {
    if (this.pending) return false;
    return holds(stamp, asked, await this.#records.get(INVALIDATIONS, { timeout: this.#timeout }));
  }
}

/** Whether an answer with this stamp is not out of date, by the record as it was read. */
export function holds([epoch, count]: Stamp, asked: Asked, state: JsonValue | undefined): boolean {
  if (!isState(state) || state.epoch !== epoch || count < state.floor) return false;
  return !state.tags.some(([tag, made]) => made > count && concerns(tag, asked));
}

export function isStamp(value: unknown): value is Stamp {
  return Array.isArray(value) && typeof value[0] === "string" && Number.isSafeInteger(value[1]);
}

function isState(value: JsonValue | undefined): value is State {
  return isRecord(value) && typeof value.epoch === "string" && Array.isArray(value.tags);
}

function newState(): State {
  return { epoch: newRevision(), count: 0, floor: 0, tags: [] };
}

function after(state: State, added: readonly string[]): State {
  const count = state.count + 1;
  const others = state.tags.filter(([tag]) => !added.includes(tag));
  const tags = [...others, ...added.map((tag) => [tag, count] as const)];
  const forgotten = tags.splice(0, Math.max(0, tags.length - REMEMBERED)).at(-1);
  return { ...state, count, floor: Math.max(state.floor, forgotten?.[1] ?? 0), tags };
}

function tagOf(invalidation: Invalidation): string {
  if ("all" in invalidation) return "all";
  if ("resource" in invalidation) return `resource:${hrefOf(invalidation.resource)}`;
  const [[what, name] = []] = Object.entries(invalidation);
  return `${what}:${name}`;
}

function concerns(tag: string, { method, params }: Asked): boolean {
  const split = tag.indexOf(":");
  const [what, name] = [tag.slice(0, split), tag.slice(split + 1)];
  if (what === "kind") return kindOf(method) === name;
  const item = itemOf(method, params);
  if (item === undefined) return false;
  if (what === "prefix") {
    return method === "resources/read" && [item, String(params.uri)].some((uri) => uri.startsWith(name));
  }
  return `${what}s` === kindOf(method) && item === name;
}
