/** What attempts to connect fail with: client libraries hand on the codes of Node's sockets, and these mean the same for all. */
import { BackendError, type KeyValueError, StoreUnavailableError } from "../errors.ts";

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/;
const NOT_REACHED =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/;

/**
 * The error of a call that found no connection, so that nothing was sent. `server` as the user knows it: `"Redis at
 * localhost:6379"`; `why` without secrets; by default the code of `cause`.
 */
export function noConnection(server: string, cause: unknown, why = codeOf(cause)): KeyValueError {
  const details = { outcome: "not-applied", ...(cause !== undefined && { cause }) } as const;
  if (UNTRUSTED.test(codeOf(cause))) {
    return new BackendError(`the certificate of ${server} is not trusted: ${codeOf(cause)}`, details);
  }
  return new StoreUnavailableError(`no connection to ${server}: ${why || "it could not be made"}`, details);
}

/** Whether an error says that no connection came about, so that nothing was sent on it. */
export function isUnreached(error: unknown): boolean {
  const code = codeOf(error);
  return NOT_REACHED.test(code) || UNTRUSTED.test(code);
}

/** The code of a socket's error, also where several addresses were tried in vain; else `""`. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
