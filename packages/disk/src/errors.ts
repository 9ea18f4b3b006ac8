/** What lmdb and the file system say, as errors of the contract. */
import { getSystemErrorName } from "node:util";
import { BackendError, type ErrorDetails, IncompatibleFormatError, KeyValueError } from "@kv/core";
import { codeOf, damagedFiles, folderError } from "@kv/core/driver";

// lmdb's own codes, from its lmdb.h. All others are the system's.
const MDB_PAGE_NOTFOUND = -30797;
const MDB_CORRUPTED = -30796;
const MDB_PANIC = -30795;
const MDB_VERSION_MISMATCH = -30794;
const MDB_INVALID = -30793;
const MDB_MAP_FULL = -30792;
const MDB_READERS_FULL = -30790;
const MDB_BAD_TXN = -30782;

/** An error of opening, where nothing spoils a transaction but what it has read. */
export function openError(error: unknown): KeyValueError {
  const outcome = "not-applied";
  const isSpoilt = isCode(error) && error.code === MDB_BAD_TXN;
  return isSpoilt ? damagedFiles({ outcome, cause: error }) : asDiskError(error, { outcome });
}

/** An error of opening or reading. */
export function asDiskError(error: unknown, details: Omit<ErrorDetails, "cause"> = {}): KeyValueError {
  if (error instanceof KeyValueError) return error;
  return known(error, { ...details, cause: error }) ?? new BackendError("lmdb failed", { ...details, cause: error });
}

function known(error: unknown, details: ErrorDetails): KeyValueError | undefined {
  if (!isCode(error)) return folderError(codeOf(error), details);
  switch (error.code) {
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_PANIC:
      return damagedFiles(details);
    case MDB_INVALID:
      return new IncompatibleFormatError("the folder's data.mdb is damaged, or no file of lmdb", details);
    case MDB_VERSION_MISMATCH:
      return new IncompatibleFormatError("the folder's data.mdb is of another version of lmdb", details);
    case MDB_MAP_FULL:
      return folderError("ENOSPC", details);
    case MDB_READERS_FULL:
      return folderError("EMFILE", details);
    default:
      return error.code > 0 ? folderError(getSystemErrorName(-error.code), details) : undefined;
  }
}

function isCode(error: unknown): error is Error & { readonly code: number } {
  return error instanceof Error && "code" in error && typeof error.code === "number";
}

/** The error of a write whose transaction was given up: nothing of it was stored. */
export async function commitError(error: unknown): Promise<KeyValueError> {
  return asDiskError(await reasonOf(error), { outcome: "not-applied" });
}

/** lmdb rejects each write of a failed transaction by an error that has the promise of the reason. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && "commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}
