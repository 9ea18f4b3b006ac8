/** What lmdb and the file system say, as errors of the contract. */
import { constants } from "node:os";
import {
  AccessDeniedError,
  BackendError,
  type ErrorDetails,
  IncompatibleFormatError,
  InvalidArgumentError,
  KeyValueError,
  StorageFullError,
  StoreUnavailableError,
} from "@kv/core";

const { EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EFBIG, ENOTDIR, EEXIST, EISDIR, EMFILE, ENFILE, ENOMEM, EAGAIN } =
  constants.errno;

/** lmdb's own codes, from its lmdb.h. */
const MDB_PAGE_NOTFOUND = -30797;
const MDB_CORRUPTED = -30796;
const MDB_PANIC = -30795;
const MDB_VERSION_MISMATCH = -30794;
const MDB_INVALID = -30793;
const MDB_MAP_FULL = -30792;
const MDB_READERS_FULL = -30790;

type Make = (details: ErrorDetails) => KeyValueError;

const denied: Make = (details) =>
  new AccessDeniedError("this process may not write to the store's folder or its files", details);
const full: Make = (details) => new StorageFullError("there is no room left for the store's folder", details);
const damaged: Make = (details) => new IncompatibleFormatError("the store's files are damaged", details);
const busy: Make = (details) =>
  new StoreUnavailableError("the system lacks the means to open or read the store", details);
const noFolder: Make = (details) => new InvalidArgumentError("the store's path is not that of a folder", details);

const KNOWN: ReadonlyMap<number, Make> = new Map<number, Make>([
  ...[EACCES, EPERM, EROFS].map((code) => [code, denied] as const),
  ...[ENOSPC, EDQUOT, EFBIG, MDB_MAP_FULL].map((code) => [code, full] as const),
  ...[ENOTDIR, EEXIST, EISDIR].map((code) => [code, noFolder] as const),
  ...[EMFILE, ENFILE, ENOMEM, EAGAIN, MDB_READERS_FULL].map((code) => [code, busy] as const),
  ...[MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC].map((code) => [code, damaged] as const),
  [
    MDB_INVALID,
    (details) => new IncompatibleFormatError("the folder's data.mdb is damaged, or no file of lmdb", details),
  ],
  [
    MDB_VERSION_MISMATCH,
    (details) => new IncompatibleFormatError("the folder's data.mdb is of another version of lmdb", details),
  ],
]);

/** An error of opening or reading. */
export function asDiskError(error: unknown, details: Omit<ErrorDetails, "cause"> = {}): KeyValueError {
  if (error instanceof KeyValueError) return error;
  const make = KNOWN.get(codeOf(error)) ?? ((all) => new BackendError("lmdb failed", all));
  return make({ ...details, cause: error });
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

/** lmdb has numbers; Node.js has negative numbers of the system in `errno`. */
function codeOf(error: unknown): number {
  if (!(error instanceof Error)) return 0;
  if ("errno" in error && typeof error.errno === "number") return -error.errno;
  return "code" in error && typeof error.code === "number" ? error.code : 0;
}
