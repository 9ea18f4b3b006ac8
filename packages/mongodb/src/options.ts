/** What a MongoDB store can be told, and how it becomes a client of the driver. */
import { InvalidArgumentError } from "@kv/core";
import type { InexactNumbers } from "@kv/core/driver";
import { MongoClient, type MongoClientOptions } from "mongodb";
import type { Names } from "./names.ts";

const CONNECTION_OPTIONS = [
  "appName",
  "auth",
  "authMechanism",
  "authMechanismProperties",
  "authSource",
  "ca",
  "cert",
  "compressors",
  "directConnection",
  "family",
  "key",
  "localThresholdMS",
  "maxIdleTimeMS",
  "maxPoolSize",
  "minPoolSize",
  "passphrase",
  "proxyHost",
  "proxyPassword",
  "proxyPort",
  "proxyUsername",
  "replicaSet",
  "serverApi",
  "tls",
  "tlsAllowInvalidCertificates",
  "tlsAllowInvalidHostnames",
  "tlsCAFile",
  "tlsCertificateKeyFile",
  "tlsCertificateKeyFilePassword",
] as const satisfies readonly (keyof MongoClientOptions)[];

/** As the driver has them. What is not here would change how requests are sent, and is the store's own matter. */
export type ConnectionOptions = Pick<MongoClientOptions, (typeof CONNECTION_OPTIONS)[number]>;

export type MongodbDriverOptions = ConnectionOptions & {
  /**
   * `mongodb://user:password@host:27017/database` or `mongodb+srv://`, with options of the driver after a `?`. What is
   * given beside it counts instead. Default: `mongodb://localhost:27017`.
   */
  readonly url?: string | undefined;
  /**
   * A client of the caller's, in place of `url` and all connection options: made with `retryWrites: false` and
   * `retryReads: false`. It is connected where it is not yet, and never closed.
   */
  readonly client?: MongoClient | undefined;
  /** The database. Default: the one in the URL, else Python's `kv-store-adapter`. */
  readonly database?: string | undefined;
  /** How Python names MongoDB's collections: see {@link Names}. Default: `"python"`. */
  readonly names?: Names | undefined;
  /** Integers beyond 2^53 and NaN that Python wrote: an error (the default), or the nearest value (null for NaN). */
  readonly numbers?: InexactNumbers | undefined;
};

/** The options, checked. */
export interface Settings {
  /** The caller's client. */
  readonly client: MongoClient | undefined;
  /** The caller's client, or a new one of our own; `patience`: how long anything may take there, in milliseconds. */
  clientFor(patience: number): MongoClient;
  readonly database: string;
  readonly names: Names;
  readonly numbers: InexactNumbers;
}

const DATABASE = "kv-store-adapter";

/** @throws InvalidArgumentError */
export function settingsOf(options: MongodbDriverOptions): Settings {
  const { url, client, database, names = "python", numbers = "error", ...connection } = options;
  if (numbers !== "error" && numbers !== "nearest") {
    throw new InvalidArgumentError('numbers must be "error" or "nearest"');
  }
  if (names !== "python" && names !== "python-v1") {
    throw new InvalidArgumentError('names must be "python" or "python-v1"');
  }
  const known: readonly string[] = CONNECTION_OPTIONS;
  const given = Object.entries(connection).filter(([, value]) => value !== undefined);
  const unknown = given.find(([name]) => !known.includes(name));
  if (unknown) throw new InvalidArgumentError(`"${unknown[0]}" is no option of a MongoDB store`);
  if (client !== undefined) {
    if (url !== undefined || given.length > 0) {
      throw new InvalidArgumentError("give a client or connection options, not both");
    }
    checkClient(client);
    return { clientFor: () => client, client, database: databaseOf(database ?? DATABASE), names, numbers };
  }
  const address = url ?? "mongodb://localhost:27017";
  const clientFor = (patience: number) => makeClient(address, Object.fromEntries(given), patience);
  checkContract(clientFor(0), []);
  return {
    clientFor,
    client: undefined,
    database: databaseOf(database ?? pathOf(address) ?? DATABASE),
    names,
    numbers,
  };
}

/** Never with the driver's own words: those may quote the URL, and with it the password. */
function makeClient(url: string, options: ConnectionOptions, patience: number): MongoClient {
  try {
    return new MongoClient(url, {
      ...options,
      // Each request is sent once. URLs that are handed out often ask for the contrary.
      retryReads: false,
      retryWrites: false,
      // The call's own deadline ends a request; these end what nobody waits for any more.
      connectTimeoutMS: patience,
      serverSelectionTimeoutMS: patience,
      waitQueueTimeoutMS: patience,
    });
  } catch {
    throw new InvalidArgumentError(
      "the URL or the options of a MongoDB store cannot be read: mongodb://user:password@host:27017/database",
    );
  }
}

function checkClient(client: MongoClient): void {
  if (!(client instanceof MongoClient)) {
    throw new InvalidArgumentError("client must be an instance of MongoClient, of the store's own copy of mongodb");
  }
  const { retryReads, retryWrites } = client.options;
  const faults = [];
  if (retryWrites !== false) faults.push("retryWrites must be false, or requests are sent twice");
  if (retryReads !== false) faults.push("retryReads must be false, or requests are sent twice");
  checkContract(client, faults);
}

/** @throws InvalidArgumentError */
function checkContract({ options }: MongoClient, faults: string[]): void {
  const { readPreference, writeConcern, autoEncryption } = options;
  if (readPreference !== undefined && readPreference.mode !== "primary") {
    faults.push("readPreference must be primary: the others know only later what was written");
  }
  if (writeConcern?.w !== undefined && writeConcern.w !== "majority") {
    faults.push('w must be "majority": what fewer servers have may be lost');
  }
  if (autoEncryption !== undefined) faults.push("autoEncryption must not be set (the wrapper encryption does that)");
  if (faults.length > 0) throw new InvalidArgumentError(`this client would break the contract: ${faults.join("; ")}`);
}

/** The database that a URL names. */
function pathOf(url: string): string | undefined {
  const path = /^[^/]*\/\/[^/?]*\/([^?]*)/.exec(url)?.[1];
  return path === undefined || path === "" ? undefined : decodeURIComponent(path);
}

function databaseOf(name: string): string {
  if (typeof name !== "string" || !/^[^\0/\\. "$*<>:|?]+$/.test(name) || Buffer.byteLength(name) > 63) {
    throw new InvalidArgumentError('database must be a name that MongoDB takes: up to 63 bytes without /\\. "$*<>:|?');
  }
  return name;
}
