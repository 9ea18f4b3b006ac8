/** What glide answers with, as the shared driver takes it: text for bytes, and the server's own words for its errors. */
import { BackendError, KeyValueError, StoreUnavailableError, TimeoutError } from "@kv/core";
import { type CommandReply, refusal } from "@kv/core/driver";
import {
  CircuitBreakerError,
  ClosingError,
  ConnectionError,
  type GlideReturnType,
  TimeoutError as GlideTimeoutError,
  RequestError,
} from "@valkey/valkey-glide";

/** An error reply, in the server's words: its first one is the code. */
export class ErrorReply extends Error {
  override readonly name = "ErrorReply";
}

/** glide puts words of its own in the place of these codes. */
const CODES: { readonly [kind: string]: string } = {
  ResponseError: "ERR",
  AuthenticationFailed: "WRONGPASS",
  ExecAbortError: "EXECABORT",
  BusyLoadingError: "LOADING",
  NoScriptError: "NOSCRIPT",
  Moved: "MOVED",
  Ask: "ASK",
  TryAgain: "TRYAGAIN",
  ClusterDown: "CLUSTERDOWN",
  CrossSlot: "CROSSSLOT",
  MasterDown: "MASTERDOWN",
  ReadOnly: "READONLY",
  NotBusy: "NOTBUSY",
  PermissionDenied: "NOPERM",
};

/** As {@link CODES}, but of errors that no server sent: the connection was lost, perhaps with the request on its way. */
const LOST =
  /^(?:FatalReceiveError|FatalSendError|BrokenPipe|IoError|AllConnectionsUnavailable|Connection in recovery)\b|Broken pipe|Connection reset/;

/** As {@link LOST}, of one node of a cluster: glide has no connection to it. */
const ABSENT = /^ConnectionNotFoundForRoute\b/;

/** What one of glide's answers is: text where it is bytes, an error in place as the error it stands for. */
export function replyOf(answer: GlideReturnType): CommandReply {
  if (typeof answer === "string" || typeof answer === "number" || answer === null) return answer;
  if (Buffer.isBuffer(answer)) return answer.toString();
  if (Array.isArray(answer)) return answer.map(replyOf);
  if (answer instanceof Error) return explain(causeOf(answer));
  return new BackendError("the server's answer is none to what was asked");
}

/** The error that glide means: a server's reply in the server's words, else the error itself. */
export function causeOf(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "RequestError") return error;
  const { message } = error;
  const [, kind = "", text = ""] = /^An error was signalled by the server: - (\w+): (.*)$/s.exec(message) ?? [];
  if (kind !== "") return new ErrorReply(`${CODES[kind] ?? kind} ${text}`);
  const [, code, rest] = /^([A-Z]+): (.*)$/s.exec(message) ?? [];
  return code === undefined ? error : new ErrorReply(`${code} ${rest}`);
}

/** The error for what {@link causeOf} gives. */
export function explain(error: unknown): KeyValueError {
  if (error instanceof KeyValueError) return error;
  if (error instanceof ErrorReply) {
    // That reply quotes the arguments, and with them the value.
    return refusal(error.message, /unknown command/i.test(error.message) ? undefined : error);
  }
  if (error instanceof GlideTimeoutError) return new TimeoutError("Valkey did not answer in time", { cause: error });
  if (error instanceof ClosingError || error instanceof ConnectionError || isLost(error)) {
    return new StoreUnavailableError("the connection to Valkey was lost before the answer", { cause: error });
  }
  if (error instanceof RequestError && ABSENT.test(error.message)) {
    return new StoreUnavailableError("a node of the cluster cannot be reached", { cause: error });
  }
  if (error instanceof CircuitBreakerError || isRefusedByClient(error)) {
    return new StoreUnavailableError("the client has too much to do", { cause: error, outcome: "not-applied" });
  }
  return new BackendError("the client failed", { cause: error });
}

/** Whether the connection that a request was sent on is no more. */
export function isLost(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof RequestError && LOST.test(error.message));
}

/** Whether the answers came and glide could not make text of one of them. */
export function isUndecodable(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Decoding error");
}

function isRefusedByClient(error: unknown): boolean {
  return error instanceof RequestError && /maximum inflight requests/.test(error.message);
}
