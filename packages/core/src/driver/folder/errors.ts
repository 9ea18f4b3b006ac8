/** The errors that all stores in folders have in common. */
import {
  AccessDeniedError,
  type ErrorDetails,
  IncompatibleFormatError,
  InvalidArgumentError,
  type KeyValueError,
  StorageFullError,
  StoreUnavailableError,
} from "../../errors.ts";

type Make = (details: ErrorDetails) => KeyValueError;

const denied: Make = (details) =>
  new AccessDeniedError("this process may not write to the store's folder or its files", details);
const busy: Make = (details) =>
  new StoreUnavailableError("the system lacks the means to open or read the store", details);
const noFolder: Make = (details) => new InvalidArgumentError("the store's path is not that of a folder", details);

const MAKERS: ReadonlyMap<string, Make> = new Map<string, Make>([
  ...["EACCES", "EPERM", "EROFS"].map((code) => [code, denied] as const),
  ...["ENOSPC", "EDQUOT", "EFBIG"].map((code) => [code, folderFull] as const),
  ...["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"].map((code) => [code, busy] as const),
  ...["ENOTDIR", "EEXIST", "EISDIR"].map((code) => [code, noFolder] as const),
]);

/** The error for a code of the system, as Node.js has it: `"EACCES"`; `undefined` for one that tells nothing here. */
export function folderError(code: string, details: ErrorDetails = {}): KeyValueError | undefined {
  return MAKERS.get(code)?.(details);
}

export function damagedFiles(details: ErrorDetails = {}): IncompatibleFormatError {
  return new IncompatibleFormatError("the store's files are damaged", details);
}

export function folderFull(details: ErrorDetails = {}): StorageFullError {
  return new StorageFullError("there is no room left for the store's folder", details);
}
