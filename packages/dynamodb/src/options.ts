/** What a DynamoDB store can be told, and how it becomes the settings of an SDK client. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { InvalidArgumentError } from "@kv/core";
import { decodeUrlPart, type InexactNumbers } from "@kv/core/driver";
import { Connecting } from "./connecting.ts";

export interface ConnectionOptions {
  /** Default: the SDK's own search, which begins with AWS_REGION. */
  readonly region?: string | undefined;
  /** Of a server that is not AWS' own: `"http://localhost:8000"`. */
  readonly endpoint?: string | undefined;
  /** As in the SDK: an object, or a function that gives one. Default: the SDK's own search (environment, profile, role). */
  readonly credentials?: DynamoDBClientConfig["credentials"] | undefined;
  /** `ca` is the PEM of the authorities to trust in place of those that Node.js brings. */
  readonly tls?: { readonly ca?: string | undefined } | undefined;
}

export type DynamodbDriverOptions = ConnectionOptions & {
  /**
   * `dynamodb://REGION/TABLE`; `dynamodb://ID:SECRET@REGION/TABLE?endpoint=http://localhost:8000&createTable=true`. What is
   * given beside it counts instead.
   */
  readonly url?: string | undefined;
  /** Its key: `collection` and `key`, both strings, as Python's. Needed, here or in the URL. */
  readonly table?: string | undefined;
  /** Makes the table before the first operation where it does not exist, and turns on its times to live. Default: false. */
  readonly createTable?: boolean | undefined;
  /** False: reads cost half, and may miss what was written a moment before. Default: true. */
  readonly consistentReads?: boolean | undefined;
  /**
   * A client of the caller's, in place of all connection options: made with `maxAttempts: 1`. Never destroyed.
   */
  readonly client?: DynamoDBClient | undefined;
  /** Integers beyond 2^53 and NaN that Python wrote: an error (the default), or the nearest value (null for NaN). */
  readonly numbers?: InexactNumbers | undefined;
};

/** All options, checked and complete. */
export interface Settings {
  readonly table: string;
  readonly createTable: boolean;
  readonly consistentReads: boolean;
  readonly numbers: InexactNumbers;
  /** The caller's. */
  readonly client: DynamoDBClient | undefined;
  readonly connection: ConnectionOptions;
}

const CONNECTION_OPTIONS = [
  "region",
  "endpoint",
  "credentials",
  "tls",
] as const satisfies readonly (keyof ConnectionOptions)[];

const AGENT = {
  keepAlive: true,
  // As the SDK has it by itself.
  maxSockets: 50,
  // After so many milliseconds an idle connection is closed: a server that closes it first, as many do after five seconds, may
  // do so just when a request is on its way, of which nobody knows then what became.
  timeout: 4000,
} as const;

/** @throws InvalidArgumentError */
export function settingsOf(options: DynamodbDriverOptions): Settings {
  const known: readonly string[] = [
    ...CONNECTION_OPTIONS,
    ...["url", "table", "createTable", "consistentReads", "client", "numbers"],
  ];
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !known.includes(name)) {
      throw new InvalidArgumentError(`"${name}" is no option of a DynamoDB store`);
    }
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const all: DynamodbDriverOptions = { ...(options.url === undefined ? {} : parseUrl(options.url)), ...given };
  const { table, createTable = false, consistentReads = true, client, numbers = "error" } = all;
  if (typeof table !== "string" || !/^[\w.-]{3,255}$/.test(table)) {
    throw new InvalidArgumentError("table must be the name of a table: 3 to 255 of the characters a-z A-Z 0-9 _ . -");
  }
  if (numbers !== "error" && numbers !== "nearest")
    throw new InvalidArgumentError('numbers must be "error" or "nearest"');
  for (const [name, value] of Object.entries({ createTable, consistentReads })) {
    if (typeof value !== "boolean") throw new InvalidArgumentError(`${name} must be true or false`);
  }
  if (client) checkClient(client, all);
  if (all.endpoint !== undefined) checkEndpoint(all.endpoint);
  const { region, endpoint, credentials, tls } = all;
  return { table, createTable, consistentReads, numbers, client, connection: { region, endpoint, credentials, tls } };
}

/** The client that a store sends by. */
export interface Sender {
  readonly client: DynamoDBClient;
  /** For messages: `"DynamoDB at localhost:8000"`. */
  readonly server: string;
  /** Of a client of the store's own: which requests wait for a connection. */
  readonly connecting?: Connecting;
  /** Of a client of the store's own: closes the connections that nothing is under way on. */
  dropIdle?(): void;
  /** Of a client of the store's own. */
  destroy?(): void;
}

/** The caller's client, or one that has sent nothing yet: each request is sent once, and ended by its call's deadline. */
export function senderOf({ client, connection }: Settings): Sender {
  if (client) return { client, server: "DynamoDB" };
  const { region, endpoint, credentials, tls } = connection;
  const httpAgent = new HttpAgent(AGENT);
  const httpsAgent = new HttpsAgent({ ...AGENT, ...(tls?.ca !== undefined && { ca: tls.ca }) });
  const connecting = new Connecting();
  connecting.watch(httpAgent, "connect");
  connecting.watch(httpsAgent, "secureConnect");
  const own = new DynamoDBClient({
    maxAttempts: 1,
    retryMode: "standard",
    // Its warning of many requests that wait would go to the console.
    requestHandler: { httpAgent, httpsAgent, logger: SILENT },
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  });
  return {
    client: own,
    server: `DynamoDB at ${endpoint === undefined ? (region ?? "AWS") : new URL(endpoint).host}`,
    connecting,
    dropIdle() {
      for (const { freeSockets } of [httpAgent, httpsAgent]) {
        for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
      }
    },
    destroy: () => own.destroy(),
  };
}

const quiet = (): void => {};
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/**
 * Asks the client whether it would send a request again.
 * @throws InvalidArgumentError where it would
 */
export async function checkAttempts({ config }: DynamoDBClient): Promise<void> {
  const strategy = await config.retryStrategy();
  if ("refreshRetryTokenForRetry" in strategy) {
    const token = await strategy.acquireInitialRetryToken("");
    const refused = await strategy.refreshRetryTokenForRetry(token, { errorType: "TRANSIENT" }).then(
      () => false,
      () => true,
    );
    if (refused) return;
  }
  throw new InvalidArgumentError(
    "this client would break the contract: maxAttempts must be 1, or requests are sent twice (the wrapper retry repeats what may be)",
  );
}

/** @throws InvalidArgumentError */
function checkClient(client: DynamoDBClient, options: DynamodbDriverOptions): void {
  const beside = CONNECTION_OPTIONS.filter((name) => options[name] !== undefined);
  if (beside.length > 0) throw new InvalidArgumentError("give a client or connection options, not both");
  if (
    typeof client !== "object" ||
    typeof client.send !== "function" ||
    typeof client.config?.retryStrategy !== "function"
  ) {
    throw new InvalidArgumentError("client must be an instance of the SDK's DynamoDBClient");
  }
}

function checkEndpoint(endpoint: unknown): void {
  if (typeof endpoint === "string" && URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return;
  throw new InvalidArgumentError("the endpoint of a DynamoDB store is a URL: http://localhost:8000");
}

const STORE = "a DynamoDB store";

/** Messages here never quote the URL: it may hold a secret. */
function parseUrl(text: string): DynamodbDriverOptions {
  const form = /^dynamodb:\/\/(?:([^:@/?#]*):([^@/?#]*)@)?([^:@/?#]*)\/([^/?#]*)(?:\?([^#]*))?$/i;
  const [whole, id, secret, region = "", table = "", query = ""] = form.exec(text) ?? [];
  if (whole === undefined) {
    throw new InvalidArgumentError("the URL of a DynamoDB store cannot be read: dynamodb://us-east-1/table");
  }
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (name !== "endpoint" && name !== "createTable") {
      throw new InvalidArgumentError("after its ? the URL of a DynamoDB store takes endpoint and createTable");
    }
  }
  const endpoint = parameters.get("endpoint");
  const createTable = parameters.get("createTable");
  if (createTable !== null && createTable !== "true" && createTable !== "false") {
    throw new InvalidArgumentError("createTable in the URL of a DynamoDB store must be true or false");
  }
  return {
    table,
    ...(region !== "" && { region }),
    ...(id !== undefined && {
      credentials: { accessKeyId: decodeUrlPart(id, STORE), secretAccessKey: decodeUrlPart(secret ?? "", STORE) },
    }),
    ...(endpoint !== null && { endpoint }),
    ...(createTable !== null && { createTable: createTable === "true" }),
  };
}
