/** What the driver's and the server's errors mean, and what became of the request. */
import {
  AccessDeniedError,
  BackendError,
  type ErrorDetails,
  KeyValueError,
  StorageFullError,
  StoreUnavailableError,
  TimeoutError,
  ValueTooLargeError,
} from "@kv/core";
import { codeOf, isUnreached, noConnection } from "@kv/core/driver";
import {
  MongoErrorLabel,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from "mongodb";
import { RECORD_BYTES } from "./documents.ts";

/** Of two documents with one `_id`, or one key in one collection. */
export const DUPLICATE = 11000;

const DENIED = new Set([13, 18, 33]);
/** Of a hosted server's own errors only the words tell what they are. */
const HOSTED = 8000;
const TOO_LARGE = new Set([10334, 17419, 17420]);
const FULL = new Set([14031]);
/** The server is none that takes writes, or had to let others go first: it has done nothing. */
const TURNED_AWAY = new Set([24, 46, 112, 10058, 10107, 13435, 13436]);
/** The server ends, or has just ceased to be the primary: nobody knows. */
const INTERRUPTED = new Set([6, 7, 43, 89, 91, 189, 262, 9001, 11600, 11602]);
const TIMED_OUT = new Set([50, 64]);

/** Errors of the client that come before a request is sent. */
const UNSENT = /^Mongo(?:NotConnected|TopologyClosed|ServerClosed|PoolClosed|PoolCleared)Error$/;

/** @param server as the user knows it: `"MongoDB at localhost:27017"` */
export function explain(error: unknown, server: string): KeyValueError {
  if (error instanceof KeyValueError) return error;
  if (!(error instanceof Error)) return new BackendError("the client failed", { cause: error });
  if (error instanceof MongoWriteConcernError) {
    return new StoreUnavailableError(`the write reached no majority of the servers: ${codeName(error)}`, {
      cause: bare(error),
      outcome: "unknown",
    });
  }
  if (error instanceof MongoServerError) return refusal(error);
  const root = rootOf(error);
  if (error.name === "MongoWaitQueueTimeoutError") return noConnection(server, error, "all were in use");
  if (isUnsent(error)) return noConnection(server, root, codeOf(root) || "it was just lost");
  // What the driver writes a request to may fail with the socket's own error.
  const isLost = error instanceof MongoNetworkError || error.name === "MongoClientClosedError" || codeOf(error) !== "";
  if (isLost || isGarbled(error)) {
    return new StoreUnavailableError("the connection to MongoDB was lost before the answer", { cause: root });
  }
  return new BackendError("the client failed", { cause: error });
}

/** The error for a server's error reply, to a request or (see {@link failureOf}) to one of its statements. */
export function refusal(error: MongoServerError): KeyValueError {
  const code = Number(error.code);
  const cause = bare(error);
  const done: ErrorDetails = { cause, outcome: "not-applied" };
  const named = `the server refused: ${codeName(error)}`;
  const said = (words: RegExp): boolean => code === HOSTED && words.test(error.message);
  if (FULL.has(code) || said(/space quota/)) return new StorageFullError(named, done);
  if (DENIED.has(code) || said(/bad auth|not allowed/)) return new AccessDeniedError(named, done);
  if (TOO_LARGE.has(code)) return new ValueTooLargeError(RECORD_BYTES + 1, RECORD_BYTES);
  if (TURNED_AWAY.has(code) || error.hasErrorLabel(MongoErrorLabel.SystemOverloadedError)) {
    return new StoreUnavailableError(named, done);
  }
  if (INTERRUPTED.has(code)) return new StoreUnavailableError(named, { cause });
  if (TIMED_OUT.has(code)) return new TimeoutError("MongoDB did not end the request in time", { cause });
  return new BackendError(named, { cause });
}

/** A statement of a request that failed, as the reply tells of it. */
export interface Failure {
  readonly index: number;
  readonly code: number;
  readonly errmsg?: string;
}

/** The error for a statement on one document: that the server has left as it was. */
export function failureOf({ code, errmsg = "" }: Failure): KeyValueError {
  const error = refusal(new MongoServerError({ code, errmsg }));
  error.outcome ??= "not-applied";
  return error;
}

/** What a connection failed for in the end: the driver puts that inside errors of its own. */
export function rootOf(error: unknown): unknown {
  if (error instanceof MongoServerSelectionError && error.reason?.error) return rootOf(error.reason.error);
  return error instanceof Error && error.cause instanceof Error ? rootOf(error.cause) : error;
}

function isUnsent(error: Error): boolean {
  if (error instanceof MongoServerSelectionError || UNSENT.test(error.name)) return true;
  if (!(error instanceof MongoNetworkError)) return false;
  const labels = [MongoErrorLabel.HandshakeError, MongoErrorLabel.SystemOverloadedError];
  return labels.some((label) => error.hasErrorLabel(label)) || isUnreached(rootOf(error));
}

/** Whether what came was no answer. */
function isGarbled(error: Error): boolean {
  return /^Mongo(?:Parse|UnexpectedServerResponse|Decompression)Error$|^BSON|^RangeError$/.test(error.name);
}

function codeName({ code, codeName }: MongoServerError): string {
  return codeName ? `${codeName} (${code})` : `code ${code}`;
}

/** The server's error without what its message and its reply quote: the command, and with it the value. */
function bare({ message, code, codeName }: MongoServerError): MongoServerError {
  return new MongoServerError({ message: message.replace(/[{"'].*$/s, "…"), code, codeName });
}
