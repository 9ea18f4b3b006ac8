/** What ioredis' errors mean. */
import { BackendError, KeyValueError, StoreUnavailableError } from "@kv/core";
import { codeOf, noConnection, refusal } from "@kv/core/driver";
import { ReplyError } from "ioredis";

/** The error for what a request was rejected with. `failure` is what the client last said of the connection. */
export function explain(error: unknown, failure?: Error): KeyValueError {
  if (error instanceof KeyValueError) return error;
  if (!(error instanceof Error)) return new BackendError("the client failed", { cause: error });
  // The client notes the command there, and with it values and passwords.
  if ("command" in error) delete error.command;
  if (error instanceof ReplyError) return refusal(error.message, error);
  // Nothing is handed to a client that is not connected: all others end requests whose answer is not known.
  return new StoreUnavailableError("the connection to Redis was lost before the answer", { cause: failure ?? error });
}

/** The error of a call that found no connection to a server, as the user knows it: `"Redis at localhost:6379"`. */
export function refusedConnection(server: string, error: unknown): KeyValueError {
  if (error instanceof ReplyError || error instanceof KeyValueError) return explain(error);
  if (error instanceof Error && error.message.startsWith("All sentinels are unreachable")) {
    const [, last = ""] = /Last error: (.*)/.exec(error.message) ?? [];
    if (/^(?:NOAUTH|WRONGPASS|NOPERM) /.test(last)) return refusal(last, error);
    return noConnection(
      server,
      error,
      /^$|^ERR No such master/.test(last) ? "no sentinel knows it" : "no sentinel answers",
    );
  }
  return noConnection(server, error, codeOf(error) || "the connection was closed");
}
