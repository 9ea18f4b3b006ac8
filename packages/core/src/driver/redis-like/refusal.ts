/** What an error reply of a Redis-like server means. A request so answered was not applied. */
import {
  AccessDeniedError,
  BackendError,
  CorruptRecordError,
  type ErrorDetails,
  type KeyValueError,
  StorageFullError,
  StoreUnavailableError,
} from "../../errors.ts";

type Class = new (message: string, details: ErrorDetails) => KeyValueError;

/** By the word that the reply begins with. */
const CLASSES: { readonly [code: string]: Class } = {
  NOAUTH: AccessDeniedError,
  NOPERM: AccessDeniedError,
  WRONGPASS: AccessDeniedError,
  DENIED: AccessDeniedError,
  OOM: StorageFullError,
  READONLY: StoreUnavailableError,
  LOADING: StoreUnavailableError,
  BUSY: StoreUnavailableError,
  MASTERDOWN: StoreUnavailableError,
  CLUSTERDOWN: StoreUnavailableError,
  TRYAGAIN: StoreUnavailableError,
  NOREPLICAS: StoreUnavailableError,
  MISCONF: StoreUnavailableError,
};

/** The error for an error reply: `reply` is its text, `cause` the client's own error. */
export function refusal(reply: string, cause: unknown): KeyValueError {
  const details: ErrorDetails = { cause, outcome: "not-applied" };
  const code = /^[A-Z]+/.exec(reply)?.[0] ?? "";
  const known = CLASSES[code];
  if (known) return new known(`the server refused: ${reply}`, details);
  if (code === "WRONGTYPE") return new CorruptRecordError("what lies there is of another type than a record", details);
  if (code === "MOVED" || code === "ASK" || code === "CROSSSLOT") {
    return new BackendError("the server is one of a cluster, which needs a client for clusters", details);
  }
  if (/cluster support disabled/i.test(reply)) return new BackendError("the server is in no cluster", details);
  if (/max number of clients/i.test(reply)) return new StoreUnavailableError(`the server refused: ${reply}`, details);
  if (/invalid password|AUTH/.test(reply)) return new AccessDeniedError(`the server refused: ${reply}`, details);
  // Such replies may quote the command, and with it the value.
  return new BackendError(`the server refused with the error ${code || "that is the cause"}`, details);
}
