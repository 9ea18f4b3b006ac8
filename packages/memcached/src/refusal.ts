/** What a status other than success means, and what became of the write. */
import {
  AccessDeniedError,
  BackendError,
  type KeyValueError,
  type Outcome,
  StorageFullError,
  StoreUnavailableError,
  ValueTooLargeError,
} from "@kv/core";
import { type Reply, STATUS } from "./protocol.ts";

/** The error for a reply to anything but SET: nothing was changed. */
export function refusal(reply: Reply): KeyValueError {
  return errorOf(reply, "not-applied");
}

/**
 * The error for a reply to SET of a value. Where memcached finds no room for it, it drops what was there before, so that
 * nobody reads it as the newest.
 */
export function setRefusal(reply: Reply, value: string): KeyValueError {
  if (reply.status === STATUS.OUT_OF_MEMORY) return errorOf(reply, "unknown");
  if (reply.status !== STATUS.TOO_LARGE) return errorOf(reply, "not-applied");
  const size = Buffer.byteLength(value);
  const error = new ValueTooLargeError(size, size - 1);
  error.message = `the server takes no record of ${size} bytes, and has dropped what was there: the store's maxItemBytes is over the server's own limit`;
  error.outcome = "unknown";
  return error;
}

function errorOf(reply: Reply, outcome: Outcome): KeyValueError {
  const { status, text } = reply;
  const message = `the server refused: ${text}`;
  switch (status) {
    case STATUS.UNAUTHENTICATED:
      return new AccessDeniedError(message, { outcome });
    case STATUS.OUT_OF_MEMORY:
      return new StorageFullError(message, { outcome });
    case STATUS.BUSY:
    case STATUS.TEMPORARY:
      return new StoreUnavailableError(message, { outcome });
    default:
      return new BackendError(`the server refused with the status ${status}`, { outcome });
  }
}
