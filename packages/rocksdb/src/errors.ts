/** What RocksDB and the file system say, as errors of the contract. */
import {
  BackendError,
  type ErrorDetails,
  IncompatibleFormatError,
  KeyValueError,
  StoreUnavailableError,
} from "@kv/core";
import { codeOf, damagedFiles, folderError } from "@kv/core/driver";

/** RocksDB's texts end with the system's own; as glibc, musl and macOS have them. */
const CODES: readonly (readonly [RegExp, string])[] = [
  [/^IO error: No space left on device/, "ENOSPC"],
  [/: Dis[kc] quota exceeded$|: Quota exceeded$/, "EDQUOT"],
  [/: File too large$/, "EFBIG"],
  [/: Permission denied$/, "EACCES"],
  [/: Operation not permitted$/, "EPERM"],
  [/: Read-only file system$/, "EROFS"],
  [/: Too many open files( in system)?$|: No file descriptors available$/, "EMFILE"],
  [/: Cannot allocate memory$|: Out of memory$/, "ENOMEM"],
  [/: Not a directory$/, "ENOTDIR"],
];

export function asRocksError(error: unknown, details: Omit<ErrorDetails, "cause"> = {}): KeyValueError {
  if (error instanceof KeyValueError) return error;
  const all = { ...details, cause: error };
  const text = error instanceof Error ? error.message : "";
  return (
    lockError(text, all) ??
    folderError(codeOfText(text) || codeOf(error), all) ??
    formatError(text, all) ??
    new BackendError("rocksdb failed", all)
  );
}

/**
 * Whether a write was refused, before anything of it was done, for what failed in the background before: by then RocksDB
 * writes other files than its log.
 */
export function isEarlierFailure(error: unknown): boolean {
  const cause = error instanceof KeyValueError ? error.cause : error;
  return cause instanceof Error && /\/(\d+\.sst|\d+\.dbtmp|MANIFEST-\d+): [^/]*$/.test(cause.message);
}

function lockError(text: string, details: ErrorDetails): KeyValueError | undefined {
  if (text.startsWith("IO error: lock hold by current process")) {
    return new StoreUnavailableError(
      "a worker thread of this process, or another copy of @kv/rocksdb in it, has the folder open: its lock, data/LOCK, is taken",
      details,
    );
  }
  if (!text.startsWith("IO error: While lock file: ")) return undefined;
  return new StoreUnavailableError("another process has the folder open: its lock, data/LOCK, is taken", details);
}

function codeOfText(text: string): string {
  return CODES.find(([pattern]) => pattern.test(text))?.[1] ?? "";
}

function formatError(text: string, details: ErrorDetails): KeyValueError | undefined {
  if (/^Corruption: |^IO error: No such file or directory/.test(text)) return damagedFiles(details);
  if (!/^(Not implemented|Invalid argument): /.test(text)) return undefined;
  return new IncompatibleFormatError("the store's files are of another version of RocksDB, or damaged", details);
}
