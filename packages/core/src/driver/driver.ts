/** The interface that a backend implements. Users never call it: they hold a `KeyValueStore`. */
import type { Capabilities } from "../capabilities.ts";
import type { KeyValueError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import type { Revision } from "../record.ts";

export type MaybePromise<T> = T | Promise<T>;

/** Where a record lies. Both are non-empty, well-formed strings of any length, already checked. */
export interface RecordId {
  readonly collection: string;
  readonly key: string;
}

/** What a backend keeps under a {@link RecordId}. Times are milliseconds since the epoch, whole numbers. */
export interface StoredRecord {
  /** Checked: JSON, whatever the caller gave. Properties that are `undefined` are to be left out, as JSON.stringify does. */
  readonly value: JsonValue;
  /** Absent only on records that another program wrote. */
  readonly createdAt: number | undefined;
  /** Absent: never. */
  readonly expiresAt: number | undefined;
  /** Unique to this write. A driver makes one up for a record of another program: a hash of its stored form. */
  readonly revision: Revision;
  /** Set by value layers on what they list: stored in a form that they read but would not write any more. */
  readonly outdated?: boolean | undefined;
  /** On its way to the backend: none of the user's records, but what `getOrSet` keeps beside them. Not stored. */
  readonly beside?: boolean | undefined;
}

/** One call of a user, handed to everything that is done for it. */
export interface Call {
  /** What the user called: `"has"`, `"update"`; `"fill"` for what `getOrSet` does when a value is not there. One call may take several exchanges. */
  readonly operation: string;
  /** Aborted at the deadline or by the caller. Made when asked for, so ask only where the client takes one. */
  readonly signal: AbortSignal;
  /** On the clock of `performance.now()`, in milliseconds. */
  readonly deadline: number;
  /** True once nobody waits for the answer: begin nothing new. */
  readonly ended: boolean;
  /**
   * Called by the store when it hands a write to the driver: from then on the outcome is open should the call fail; with
   * `false` when the write is known to have done nothing.
   */
  markSent(sent?: boolean): void;
  /**
   * Calls `listener` once if the call ends without its answer, with the reason; the function that it gives ends the
   * listening. As an `abort` of {@link signal}, which costs far more. Wrappers use it through `whenCancelled`.
   */
  readonly onCancel?: ((listener: (error: KeyValueError) => void) => () => void) | undefined;
}

export type SwapResult =
  | { readonly swapped: true }
  /** `current` is the live record that is there instead, or `undefined` where there is none. */
  | { readonly swapped: false; readonly current: StoredRecord | undefined };

/** In a batch each record succeeds or fails on its own: a driver answers with the error in the failed one's place. */
export type Settled<T> = T | KeyValueError;

export interface WriteRequest {
  readonly id: RecordId;
  readonly record: StoredRecord;
}

/** The records of one collection, or those of all collections whose names start with `collectionPrefix`. */
export type Scope = { readonly collection: string; readonly keyPrefix: string } | { readonly collectionPrefix: string };

/** A driver's own bookmark. Never changed by a page that fails, so that the page can be asked for again. */
export type Cursor = NonNullable<unknown>;

export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. A page may be empty and still have a next one. */
  readonly next?: Cursor | undefined;
}

export interface Listed {
  readonly key: string;
  /** Only where values were asked for; an error where the record cannot be decoded. */
  readonly record?: Settled<StoredRecord> | undefined;
}

/** What happens beside any call: the store hands it to the user's `onEvent`. */
export interface StoreEvent {
  /** `background-error`: a failed sweep, say. `connection-lost`, `connected`: of the backend's connection. */
  readonly type: "background-error" | "connection-lost" | "connected";
  readonly error?: unknown;
}
export type Report = (event: StoreEvent) => void;

/**
 * A backend. Every method may answer with or without a promise, sends its request once (whether to repeat is for the
 * `retry` wrapper alone), and throws or rejects with a {@link KeyValueError} where it knows the class, else with
 * whatever the client gave, which the store wraps in a `BackendError`. Names, values, TTLs and capabilities are checked
 * and deadlines kept by the store; a driver uses `call` only to stop its own work early.
 *
 * A record whose `expiresAt` has passed is absent: for `get` and `getMany` the store sees to it (unless the driver
 * states `nativeExpiry`), in all else the driver does, see `isLive`.
 */
export interface Driver {
  /** The backend's name, as in the package: `"redis"`. */
  readonly name: string;
  readonly capabilities: Capabilities;
  /**
   * True where the very object `record.value` is kept and given back: the store then copies on the way in and out.
   * Else the driver has serialized or copied the value by the time that its method returns (not: its promise settles).
   */
  readonly keepsReferences?: boolean;
  /**
   * True where `put` makes text of the value by `stringifyJson` (as `encodeEnvelope` does): lone surrogates, which that
   * refuses, may then still be in it. Found there, they cost next to nothing.
   */
  readonly stringifies?: boolean;
  /** False while there is no connection: the store then calls `open` before the next exchange. Absent: always true. */
  readonly ready?: boolean;

  /**
   * Makes the driver ready: connects, creates the folder. Called before the first exchange, and again after a failure
   * or while `ready` is false; never twice at a time. Calls wait for it, then are sent. `call.signal` tells it to stop.
   */
  open?(call: Call, report: Report): MaybePromise<void>;
  /** Releases all. Called once, after the calls in flight have settled, also where `open` never was. */
  close?(): MaybePromise<void>;
  /** One exchange with the backend that changes nothing. */
  ping?(call: Call): MaybePromise<void>;

  get(id: RecordId, call: Call): MaybePromise<StoredRecord | undefined>;
  /** Replaces what is there, its expiry too. */
  put(id: RecordId, record: StoredRecord, call: Call): MaybePromise<void>;
  /** Whether a live record was there. */
  delete(id: RecordId, call: Call): MaybePromise<boolean>;

  /**
   * In the order of `ids`, of which there is at least one, no duplicate, and no more than `limits.batch` allows; where a
   * backend answers with a part only, the driver asks for the rest. The same for all batches.
   */
  getMany?(ids: readonly RecordId[], call: Call): MaybePromise<readonly Settled<StoredRecord | undefined>[]>;
  putMany?(requests: readonly WriteRequest[], call: Call): MaybePromise<readonly Settled<void>[]>;
  deleteMany?(ids: readonly RecordId[], call: Call): MaybePromise<readonly Settled<boolean>[]>;

  /**
   * Needed for `atomic`; all other atomic operations follow from it. Atomically: if the live record's revision is
   * `expected` (or there is none and `expected` is `"absent"`), stores `next`, or deletes where `next` is `undefined`.
   */
  swap?(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): MaybePromise<SwapResult>;
  /** Atomically gets and deletes, where the backend can in one exchange. */
  take?(id: RecordId, call: Call): MaybePromise<StoredRecord | undefined>;

  /**
   * Needed for `enumerate`. One page of live records, begun at `cursor` (absent: the beginning). Over all pages each
   * record that lived throughout comes exactly once, others at most once. What is not a record of this store (another
   * program's data in the same database) is skipped.
   */
  list?(
    scope: { readonly collection: string; readonly keyPrefix: string },
    options: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): MaybePromise<Page<Listed>>;
  /** Needed for `enumerate`. The collections with a live record whose names start with `prefix`; each at most once. */
  collections?(prefix: string, cursor: Cursor | undefined, call: Call): MaybePromise<Page<string>>;
  /**
   * Needed for `clear`. One step of deleting the scope's records, and nothing else. Answers with the bookmark of the
   * next step, `undefined` when all is done.
   */
  clear?(scope: Scope, cursor: Cursor | undefined, call: Call): MaybePromise<Cursor | undefined>;
  /** One step, as `clear`, of deleting the scope's expired records. Absent where the backend reclaims them by itself. */
  cull?(scope: Scope, cursor: Cursor | undefined, call: Call): MaybePromise<Cursor | undefined>;
}

/** The methods that make exchanges: what a wrapper around a driver sees. */
export type Operation =
  | "ping"
  | "get"
  | "put"
  | "delete"
  | "getMany"
  | "putMany"
  | "deleteMany"
  | "swap"
  | "take"
  | "list"
  | "collections"
  | "clear"
  | "cull";

/** The operations that change nothing. */
export const READS: ReadonlySet<Operation> = new Set(["ping", "get", "getMany", "list", "collections"]);

/** Whether a record has not expired at `now`. */
export function isLive({ expiresAt }: { readonly expiresAt: number | undefined }, now?: number): boolean {
  // Most records never expire: the clock is looked at for the others alone.
  return expiresAt === undefined || expiresAt > (now ?? Date.now());
}

/** Whether a record of this name is one of the scope's. */
export function isInScope({ collection, key }: RecordId, scope: Scope): boolean {
  return "collection" in scope
    ? collection === scope.collection && key.startsWith(scope.keyPrefix)
    : collection.startsWith(scope.collectionPrefix);
}

export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && typeof (value as Promise<T>).then === "function";
}

/** `next(value)`, at once where there is no promise to wait for. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? value.then(next) : next(value);
}
