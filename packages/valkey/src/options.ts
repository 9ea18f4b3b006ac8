/** What a Valkey store can be told, and how it becomes the settings of a glide client. */
import { InvalidArgumentError } from "@kv/core";
import { type Address, givenOptions, type InexactNumbers, parseServerUrl, refuseClient } from "@kv/core/driver";
import { GlideClient, GlideClusterClient } from "@valkey/valkey-glide";

export type Client = GlideClient | GlideClusterClient;

export interface ConnectionOptions {
  /** Default: `"localhost"`. */
  readonly host?: string | undefined;
  /** Default: 6379. */
  readonly port?: number | undefined;
  /** Some of the nodes of a cluster, in place of `host` and `port`; the others are found. Any one that answers is enough. */
  readonly cluster?: readonly Address[] | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The number of a database. Default: 0. A cluster has more than that from Valkey 9 on, where it is set up for them. */
  readonly db?: number | undefined;
  /** TLS. `ca` is the PEM of the authorities to trust in place of those that Node.js brings. Default: false. */
  readonly tls?: boolean | { readonly ca?: string | undefined } | undefined;
  /** As `CLIENT LIST` shows it. */
  readonly clientName?: string | undefined;
}

export type ValkeyDriverOptions = ConnectionOptions & {
  /**
   * `valkey://user:password@host:6379/0`, `valkeys://` for TLS; `valkey+cluster://host:6379,host:6379`,
   * `valkeys+cluster://`. What is given beside it counts instead.
   */
  readonly url?: string | undefined;
  /**
   * A client of the caller's, in place of all connection options: it must read from primaries, and neither compress
   * nor cache. Never closed.
   */
  readonly client?: Client | undefined;
  /** Integers beyond 2^53 and NaN that Python wrote: an error (the default), or the nearest value (null for NaN). */
  readonly numbers?: InexactNumbers | undefined;
};

/** The connection options, checked and complete. */
export interface Settings {
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  readonly cluster: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: boolean | { readonly ca?: string | undefined };
  readonly clientName: string | undefined;
}

const CONNECTION_OPTIONS = [
  "host",
  "port",
  "cluster",
  "username",
  "password",
  "db",
  "tls",
  "clientName",
] as const satisfies readonly (keyof ConnectionOptions)[];

/** @throws InvalidArgumentError */
export function settingsOf({ url, client: _, numbers: __, ...connection }: ValkeyDriverOptions): Settings {
  const { cluster, host, port, username, password, db, tls, clientName }: ConnectionOptions = {
    ...(url === undefined ? {} : optionsOf(url)),
    ...givenOptions(connection, CONNECTION_OPTIONS, "Valkey"),
  };
  if (cluster?.length === 0) throw new InvalidArgumentError("cluster must name at least one node");
  const addresses = (cluster ?? [{ host, port }]).map((one) => ({
    host: one.host ?? "localhost",
    port: one.port ?? 6379,
  }));
  for (const address of addresses) {
    const { port } = address;
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new InvalidArgumentError("the port of a Valkey server is a number from 1 to 65535");
    }
  }
  if (db !== undefined && (!Number.isInteger(db) || db < 0)) {
    throw new InvalidArgumentError("db must be the number of a database");
  }
  if (username !== undefined && password === undefined) {
    throw new InvalidArgumentError("a user of Valkey needs a password");
  }
  return {
    addresses,
    cluster: cluster !== undefined,
    username,
    password,
    database: db ?? 0,
    tls: tls ?? false,
    clientName,
  };
}

/** @throws InvalidArgumentError where the client would misdirect requests, or change what is stored or read */
export function checkedClient(client: Client, { client: _, numbers: __, ...beside }: ValkeyDriverOptions): Client {
  if (!(client instanceof GlideClient || client instanceof GlideClusterClient)) {
    throw new InvalidArgumentError("client must be an instance of valkey-glide's GlideClient or GlideClusterClient");
  }
  // glide keeps what it was told, without a way to ask for it.
  const config: unknown = Reflect.get(client, "config");
  const given: { readonly [name: string]: unknown } = { ...Object(config) };
  const { readFrom, readOnly, compression, clientSideCache, recoveryRequestsQueueSize } = given;
  const faults: string[] = [];
  if (readFrom !== undefined && readFrom !== "primary") faults.push('readFrom must be "primary"');
  if (readOnly === true) faults.push("readOnly must not be set");
  if (compression !== undefined) faults.push("compression must not be set (the wrapper compression does that)");
  if (clientSideCache !== undefined) faults.push("clientSideCache must not be set (the wrapper readThrough does that)");
  if (client instanceof GlideClusterClient && recoveryRequestsQueueSize !== 0) {
    faults.push("recoveryRequestsQueueSize must be 0, or requests are sent after their deadline");
  }
  refuseClient(faults, givenOptions(beside, [...CONNECTION_OPTIONS, "url"], "Valkey"));
  return client;
}

/** The options that a URL stands for. @throws InvalidArgumentError */
function optionsOf(url: string): ConnectionOptions {
  const { kind, tls, username, password, addresses, db } = parseServerUrl(url, "valkey", "Valkey");
  return {
    ...(kind === "cluster" ? { cluster: addresses } : addresses[0]),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(db !== undefined && { db }),
    ...(tls && { tls }),
  };
}
