/** What the errors of the SDK mean. A request that DynamoDB refused (any 4xx) was not applied; of a 5xx nobody knows. */
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  AbortedError,
  AccessDeniedError,
  BackendError,
  IncompatibleFormatError,
  InvalidArgumentError,
  KeyValueError,
  StorageFullError,
  StoreUnavailableError,
} from "@kv/core";
import { codeOf, isUnreached, noConnection } from "@kv/core/driver";
import type { Item } from "./items.ts";

const BUSY = /Throttl|ThroughputExceeded|RequestLimitExceeded|TooManyRequests|Conflict|LimitExceededException/;
const DENIED = /AccessDenied|UnrecognizedClient|Signature|ExpiredToken|AuthenticationToken|InvalidClientTokenId|OptIn/;

/** The error for what a request was answered with, or why it was not. `server` as in `"DynamoDB at localhost:8000"`. */
export function explain(error: unknown, server: string): KeyValueError {
  if (error instanceof KeyValueError) return error;
  if (!(error instanceof Error)) return new BackendError("the client failed", { cause: error });
  const { name, message } = error;
  if (name === "AbortError") return new AbortedError("the call had ended");
  if (isUnreached(error)) return noConnection(server, error);
  const unsent = unsentReason(error);
  if (unsent) return unsent;
  const status = statusOf(error);
  const details = { cause: error, outcome: "not-applied" } as const;
  if (status >= 500) {
    return new StoreUnavailableError(`DynamoDB failed with the status ${status}`, { cause: causeOf(error) });
  }
  if (name === "ItemCollectionSizeLimitExceededException") {
    return new StorageFullError("the collection has reached the size that its indexes allow", details);
  }
  if (BUSY.test(name) || status === 429) {
    return new StoreUnavailableError(`DynamoDB cannot serve the request now: ${name}`, details);
  }
  if (DENIED.test(name)) return new AccessDeniedError(`DynamoDB refused: ${name}`, details);
  if (status === 401 || status === 403) {
    // What stands before it may say so in another form.
    return new AccessDeniedError(`refused with the status ${status}`, { ...details, cause: causeOf(error) });
  }
  if (name === "ResourceNotFoundException") {
    return new BackendError("the table does not exist: createTable makes it, or the option of that name", details);
  }
  // As dynalite and DynamoDB say it of keys in general, and of a single one.
  if (name === "ValidationException" && /key element|missing the key|type mismatch/i.test(message)) {
    return new IncompatibleFormatError(
      "the table's key is not that of a store: collection and key, both strings",
      details,
    );
  }
  if (status >= 400 && !isGarbage(error)) return new BackendError(`DynamoDB refused: ${name}`, details);
  if (isGarbage(error)) return new BackendError("what answers there is no DynamoDB", { cause: causeOf(error) });
  if (codeOf(error) !== "" || name === "TimeoutError") {
    return new StoreUnavailableError("the connection to DynamoDB was lost before the answer", { cause: error });
  }
  return new BackendError("the client failed", { cause: error });
}

/** An answer that DynamoDB never gives to that request. */
export function garbled(): KeyValueError {
  return new BackendError("what answers there is no DynamoDB");
}

/** Of a write that was refused for its condition: the item that lies there, where the server tells. */
export function failedCondition(error: unknown): { readonly item: Item | undefined } | undefined {
  const cause = error instanceof KeyValueError ? error.cause : undefined;
  return cause instanceof ConditionalCheckFailedException ? { item: cause.Item } : undefined;
}

/** What kept the SDK from sending anything. */
function unsentReason(error: Error): KeyValueError | undefined {
  const details = { cause: error, outcome: "not-applied" } as const;
  if (/CredentialsProviderError|TokenProviderError/.test(error.name)) {
    return new AccessDeniedError("no credentials for DynamoDB were found", details);
  }
  if (/^Region is missing/.test(error.message)) {
    return new InvalidArgumentError('there is no region: give "region", or set AWS_REGION', details);
  }
  return undefined;
}

/** What is no HTTP, or no JSON. */
function isGarbage(error: Error): boolean {
  return error instanceof SyntaxError || codeOf(error).startsWith("HPE_");
}

/** The parser's own error quotes the text. */
function causeOf(error: Error): Error | undefined {
  return error instanceof SyntaxError ? undefined : error;
}

function statusOf(error: Error): number {
  const { httpStatusCode }: { readonly httpStatusCode?: unknown } = "$metadata" in error ? Object(error.$metadata) : {};
  return typeof httpStatusCode === "number" ? httpStatusCode : 0;
}
