/** The errors of every store: one hierarchy under {@link KeyValueError}, one stable code for each class. */

/** Stable identifiers, safe to switch on; the README's table tells when each occurs. */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "INVALID_NAME"
  | "INVALID_VALUE"
  | "INVALID_TTL"
  | "INVALID_COUNTER"
  | "SCHEMA_MISMATCH"
  | "VALUE_TOO_LARGE"
  | "CORRUPT_RECORD"
  | "INEXACT_NUMBER"
  | "DECRYPTION_FAILED"
  | "UNSUPPORTED"
  | "STORE_CLOSED"
  | "ABORTED"
  | "TIMEOUT"
  | "UNAVAILABLE"
  | "ACCESS_DENIED"
  | "STORAGE_FULL"
  | "INCOMPATIBLE_FORMAT"
  | "BACKEND_NOT_INSTALLED"
  | "BACKEND_FAILURE"
  | "BATCH_FAILED";

/** What became of a write that failed: it certainly did not happen, or nobody can tell. */
export type Outcome = "not-applied" | "unknown";

export interface ErrorDetails {
  /** The backend's own error, as it came. */
  readonly cause?: unknown;
  /** Set by a driver that knows what became of the write; else the store decides by whether the request was sent. */
  readonly outcome?: Outcome | undefined;
}

/**
 * What every call of a store rejects with. The message never holds a value, a secret or a name; the names are in
 * `operation`, `collection` and `key`, which the store fills in before the error leaves it.
 */
export abstract class KeyValueError extends Error {
  abstract readonly code: ErrorCode;
  /** True where the same call may succeed later without anything being changed by the caller. */
  readonly retryable: boolean = false;
  operation?: string;
  collection?: string;
  key?: string;
  /** Only on failed writes. */
  outcome?: Outcome;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    if (details.outcome !== undefined) this.outcome = details.outcome;
  }

  override get name(): string {
    return this.constructor.name;
  }

  /** The same error for another call. */
  copy(outcome?: Outcome): this {
    // A new one, as V8 gives a stack to what it made as an error only; and the stack as text, since it may be a getter.
    const copy: this = Object.setPrototypeOf(new Error(this.message), Object.getPrototypeOf(this));
    const { stack: _, ...own } = Object.getOwnPropertyDescriptors(this);
    Object.defineProperties(copy, own);
    Object.defineProperty(copy, "stack", { value: this.stack, writable: true, configurable: true });
    for (const name of ["operation", "collection", "key", "outcome"] as const) delete copy[name];
    if (outcome !== undefined) copy.outcome = outcome;
    return copy;
  }
}

/** An option, a URL or a parameter that no store can work with. */
export class InvalidArgumentError extends KeyValueError {
  readonly code = "INVALID_ARGUMENT";
}

/** A key or collection that is not a non-empty, well-formed string. */
export class InvalidNameError extends KeyValueError {
  readonly code = "INVALID_NAME";
}

/** A value that is not JSON. `path` leads to the offending part: `["user", "tags", 0]`. */
export class InvalidValueError extends KeyValueError {
  readonly code = "INVALID_VALUE";
  readonly path: readonly (string | number)[];
  constructor(message: string, path: readonly (string | number)[] = []) {
    super(message);
    this.path = path;
  }
}

/** A TTL or `expiresAt` that is not a moment in the future before the year 10000. */
export class InvalidTtlError extends KeyValueError {
  readonly code = "INVALID_TTL";
}

/** `increment` met a value that is no number, or would leave the range of exact numbers. */
export class InvalidCounterError extends KeyValueError {
  readonly code = "INVALID_COUNTER";
}

/** A value, given or stored, that does not fit the collection's schema. */
export class SchemaError extends KeyValueError {
  readonly code = "SCHEMA_MISMATCH";
  /** Where the first issue lies inside the value. */
  readonly path: readonly PropertyKey[];
  /** The schema library's own issues. Their messages may quote the value. */
  readonly issues: readonly SchemaIssue[];
  constructor(message: string, path: readonly PropertyKey[], issues: readonly SchemaIssue[]) {
    super(message);
    this.path = path;
    this.issues = issues;
  }
}

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The encoded value is over what the backend takes. Thrown before anything is sent. Both figures in bytes. */
export class ValueTooLargeError extends KeyValueError {
  readonly code = "VALUE_TOO_LARGE";
  readonly size: number;
  readonly limit: number;
  constructor(size: number, limit: number) {
    super(`the encoded record has ${size} bytes, the limit is ${limit}`, { outcome: "not-applied" });
    this.size = size;
    this.limit = limit;
  }
}

/** There is a record under the name, but it cannot be decoded. Never reported as a miss. */
export class CorruptRecordError extends KeyValueError {
  readonly code: "CORRUPT_RECORD" | "INEXACT_NUMBER" | "DECRYPTION_FAILED" = "CORRUPT_RECORD";
}

/** Another writer stored a number that JavaScript cannot hold exactly (an integer beyond 2^53, NaN, Infinity). */
export class InexactNumberError extends CorruptRecordError {
  override readonly code = "INEXACT_NUMBER";
}

/** A record that is not encrypted, was tampered with or moved, or whose key is not in the key ring. */
export class DecryptionError extends CorruptRecordError {
  override readonly code = "DECRYPTION_FAILED";
}

/** The backend, or a wrapper around it, cannot do this at all. */
export class UnsupportedOperationError extends KeyValueError {
  readonly code = "UNSUPPORTED";
}

/** The store was closed before the call. */
export class StoreClosedError extends KeyValueError {
  readonly code = "STORE_CLOSED";
}

/** The caller's `signal` was aborted; `cause` is its reason. */
export class AbortedError extends KeyValueError {
  readonly code = "ABORTED";
}

/** No answer by the deadline. */
export class TimeoutError extends KeyValueError {
  readonly code = "TIMEOUT";
  override readonly retryable = true;
}

/** The backend cannot be reached, broke the connection, or says that it cannot serve now. */
export class StoreUnavailableError extends KeyValueError {
  readonly code = "UNAVAILABLE";
  override readonly retryable = true;
}

/** Wrong credentials, or a permission that is missing. */
export class AccessDeniedError extends KeyValueError {
  readonly code = "ACCESS_DENIED";
}

/** The backend has no room left: disk, memory or quota. */
export class StorageFullError extends KeyValueError {
  readonly code = "STORAGE_FULL";
}

/** The data found there has a format or version that this release does not read, or is damaged. */
export class IncompatibleFormatError extends KeyValueError {
  readonly code = "INCOMPATIBLE_FORMAT";
}

/** `openStore` knows the URL's scheme, but the package for it is not installed. */
export class BackendNotInstalledError extends KeyValueError {
  readonly code = "BACKEND_NOT_INSTALLED";
}

/** The backend answered with an error that fits no other class; see `cause`. */
export class BackendError extends KeyValueError {
  readonly code = "BACKEND_FAILURE";
}

export function asKeyValueError(error: unknown): KeyValueError {
  return error instanceof KeyValueError ? error : new BackendError("the backend failed", { cause: error });
}

export interface BatchFailure {
  /** Position in the input. */
  readonly index: number;
  readonly key: string;
  readonly error: KeyValueError;
}

/**
 * Some records of a batch failed. The others are done: `results` holds their answers, in the input's order. `outcome` is
 * that of the records that failed.
 */
export class BatchError extends KeyValueError {
  readonly code = "BATCH_FAILED";
  override readonly retryable: boolean;
  readonly failures: readonly BatchFailure[];
  /** One element for each input; `undefined` where that one failed (or for what answers nothing). */
  readonly results: readonly unknown[];
  constructor(failures: readonly BatchFailure[], results: readonly unknown[]) {
    const first = failures[0]?.error;
    super(`${failures.length} of ${results.length} records failed, the first with ${first?.code}: ${first?.message}`, {
      cause: first,
    });
    this.failures = failures;
    this.results = results;
    this.outcome = failures.every(({ error }) => error.outcome === "not-applied") ? "not-applied" : "unknown";
    this.retryable = failures.every(({ error }) => error.retryable);
  }
}
