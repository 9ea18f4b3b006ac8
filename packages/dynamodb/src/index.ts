/** The DynamoDB store of kv, over the AWS SDK's low-level client. */
import { createStore, type KeyValueStore, type StoreOptions, TimeoutError } from "@kv/core";
import { timeoutOf } from "@kv/core/driver";
import { DynamodbDriver } from "./driver.ts";
import { explain } from "./errors.ts";
import { type DynamodbDriverOptions, senderOf, settingsOf } from "./options.ts";
import { makeTable } from "./table.ts";

export { DynamodbDriver } from "./driver.ts";
export type { ConnectionOptions, DynamodbDriverOptions } from "./options.ts";

export type DynamodbStoreOptions = StoreOptions & DynamodbDriverOptions;
export type DynamodbStore = KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;

/**
 * A store in one table of DynamoDB. Nothing is sent before the first operation.
 * @throws InvalidArgumentError
 */
export function dynamodbStore(options: DynamodbStoreOptions): DynamodbStore {
  const { defaultCollection, timeout, onEvent, ...rest } = options;
  return createStore(new DynamodbDriver(rest), { defaultCollection, timeout, onEvent });
}

/**
 * The store of a URL: `dynamodb://REGION/TABLE`, with `?endpoint=http://localhost:8000` of a server that is not AWS' own.
 * For `openStore`.
 * @throws InvalidArgumentError
 */
export function fromUrl(url: string, options: StoreOptions = {}): DynamodbStore {
  return dynamodbStore({ ...options, url });
}

/**
 * Makes the table of a store where it does not exist: paid by request, with the key `collection` and `key`, and with the
 * times to live of `ttl`. Resolves when it can be used. May be called again.
 * @param options as of the store; `timeout` of the whole, by default a minute
 * @throws InvalidArgumentError, IncompatibleFormatError where a table with another key is there, TimeoutError,
 * AccessDeniedError, StoreUnavailableError, BackendError
 */
export async function createTable(
  options: DynamodbDriverOptions & { readonly timeout?: number | string | undefined },
): Promise<void> {
  const { timeout = "1m", ...rest } = options;
  const signal = AbortSignal.timeout(timeoutOf(timeout));
  const settings = settingsOf(rest);
  const sender = senderOf(settings);
  try {
    await makeTable(sender.client, settings.table, signal);
  } catch (error) {
    if (signal.aborted) throw new TimeoutError("the table was not ready in time", { cause: error });
    throw explain(error, sender.server);
  } finally {
    sender.destroy?.();
  }
}
