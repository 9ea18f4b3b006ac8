/** What it means when Elasticsearch refuses, or when no answer comes. */
import {
  AccessDeniedError,
  BackendError,
  type ErrorDetails,
  KeyValueError,
  StorageFullError,
  StoreUnavailableError,
  TimeoutError,
} from "@kv/core";
import { noConnection } from "@kv/core/driver";
import { at, numberAt, textAt } from "./json.ts";

/** An error as Elasticsearch told it, of a request or of one item of it. */
export class Refusal extends Error {
  override readonly name = "ElasticsearchRefusal";
  readonly status: number;
  readonly type: string;
  /** In its own words, which may quote names and values: never for a message. */
  readonly #reason: string;

  constructor(status: number, error: unknown) {
    const type = textAt(error, "type") ?? textAt(error, "error", "type") ?? "unknown";
    super(`${type} (${status})`);
    this.status = status;
    this.type = type;
    this.#reason = textAt(error, "reason") ?? textAt(error, "error", "reason") ?? "";
  }

  says(words: string): boolean {
    return this.#reason.includes(words);
  }

  /** Nothing is there to be read or deleted. */
  get noIndex(): boolean {
    return this.type === "index_not_found_exception";
  }

  /** Nothing can be read of an index whose shards are not there yet: it is just being made, or its node is starting. */
  get starting(): boolean {
    if (this.type === "search_phase_execution_exception") return this.status === 503;
    return this.type === "no_shard_available_action_exception";
  }
}

/** The refusal in the place of one of several answers. */
export function refusalIn(answer: unknown): Refusal | undefined {
  const error = at(answer, "error");
  return error === undefined ? undefined : new Refusal(numberAt(answer, "status") ?? 0, error);
}

/** It cannot serve now, by its type: an item of a request tells no status. */
const UNAVAILABLE =
  /^(?:es_rejected_execution|circuit_breaking|no_shard_available_action|unavailable_shards|process_cluster_event_timeout|master_not_discovered|no_longer_primary_shard|node_closed|node_disconnected|node_not_connected|connect_transport|receive_timeout_transport)_exception$/;
/** Of those, what is refused before anything is done. */
const REFUSED_AT_ONCE = /^(?:es_rejected_execution|circuit_breaking|cluster_block)_exception$/;

/** The error for a refusal. */
export function explainRefusal(refusal: Refusal): KeyValueError {
  const { status, type } = refusal;
  const certain = (status >= 400 && status < 500) || REFUSED_AT_ONCE.test(type);
  const details: ErrorDetails = { cause: refusal, ...(certain && { outcome: "not-applied" }) };
  if (type === "cluster_block_exception") {
    // Set by itself on indices of a node whose disk is almost full, and taken back once there is room again.
    if (refusal.says("/12/")) return new StorageFullError("the disk of Elasticsearch is full", details);
    if (refusal.says("FORBIDDEN/"))
      return new AccessDeniedError("the index is closed to this by its settings", details);
    return new StoreUnavailableError("Elasticsearch cannot serve now", details);
  }
  if (status === 401) return new AccessDeniedError("Elasticsearch does not know this user", details);
  if (status === 403 || type === "security_exception") {
    return new AccessDeniedError("this user lacks a permission", details);
  }
  if (status === 429 || status === 502 || status === 503 || status === 504 || UNAVAILABLE.test(type)) {
    return new StoreUnavailableError(`Elasticsearch cannot serve now: ${type}`, details);
  }
  return new BackendError(`Elasticsearch refused the request: ${type} (${status})`, details);
}

/** Messages of errors that end an attempt to connect; the client keeps no code of them. */
const NOT_REACHED = /^connect |^getaddrinfo |^Connect Timeout Error|^connection failed /;
const UNTRUSTED = /certificate|altnames|CA fingerprint/i;

/** The error for what the client rejected with, when no answer came. `server` as the user knows it. */
export function explainFailure(error: unknown, server: string): KeyValueError {
  if (error instanceof KeyValueError) return error;
  if (!(error instanceof Error)) return new BackendError("the client failed", { cause: error });
  // The client notes the whole request there, and with it values.
  for (const part of ["meta", "data"]) if (part in error) Reflect.deleteProperty(error, part);
  const { name, message } = error;
  if (name === "ConnectionError") {
    if (UNTRUSTED.test(message)) {
      return new BackendError(`the certificate of ${server} is not trusted`, { cause: error, outcome: "not-applied" });
    }
    if (NOT_REACHED.test(message)) return noConnection(server, error, /\bE[A-Z_]{4,}\b/.exec(message)?.[0] ?? "");
    return new StoreUnavailableError("the connection to Elasticsearch was lost before the answer", { cause: error });
  }
  if (name === "TimeoutError") {
    return new TimeoutError("the client's own timeout ended the request", { cause: error });
  }
  if (name === "NoLivingConnectionsError") return noConnection(server, error, "the client has no node to ask");
  if (name === "RequestAbortedError") {
    return new StoreUnavailableError("the request was given up", { cause: error });
  }
  if (name === "ProductNotSupportedError") {
    return new BackendError("what answers there is not Elasticsearch", { cause: error });
  }
  return new BackendError("the client failed", { cause: error });
}
