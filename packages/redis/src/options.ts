/** What a Redis store can be told, and how it becomes the settings of an ioredis client. */
import { InvalidArgumentError } from "@kv/core";
import {
  type Address,
  givenOptions,
  type InexactNumbers,
  type Link,
  parseServerUrl,
  refuseClient,
} from "@kv/core/driver";
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { ClusterLink } from "./cluster.ts";
import { SingleLink } from "./single.ts";

/** As ioredis has them. What is not here would change how requests are sent, and is the store's own matter. */
const AS_IOREDIS = [
  "host",
  "port",
  "path",
  "family",
  "username",
  "password",
  "db",
  "tls",
  "keepAlive",
  "noDelay",
  "connectionName",
  "sentinelUsername",
  "sentinelPassword",
] as const;

const CONNECTION_OPTIONS: readonly string[] = [...AS_IOREDIS, "cluster", "sentinels", "name", "url"];

export type ConnectionOptions = Pick<RedisOptions, (typeof AS_IOREDIS)[number]> & {
  /** Some of the nodes of a cluster, in place of `host`, `port` and `db`; the others are found. Any one that answers is enough. */
  readonly cluster?: readonly Address[] | undefined;
  /** Sentinels, in place of `host` and `port`: they know where the master called `name` is. */
  readonly sentinels?: readonly Address[] | undefined;
  readonly name?: string | undefined;
};

export type RedisDriverOptions = ConnectionOptions & {
  /**
   * `redis://user:password@host:6379/0`, `redis+cluster://host:6379,host:6379` or
   * `redis+sentinel://host:26379,host:26379/name/0`, with `rediss` for TLS. What is given beside it counts instead.
   */
  readonly url?: string | undefined;
  /**
   * A client of the caller's, in place of all connection options. A `Redis` is made with `maxRetriesPerRequest: 0` and
   * `enableOfflineQueue: false`, without `keyPrefix`; a `Cluster` reads from masters. It is connected where it is not
   * yet, and never closed.
   */
  readonly client?: Redis | Cluster | undefined;
  /** Integers beyond 2^53 and NaN that Python wrote: an error (the default), or the nearest value (null for NaN). */
  readonly numbers?: InexactNumbers | undefined;
};

/**
 * How our own connections behave: each request is sent once, at once, or not at all; connections are made when a call
 * asks for one (see `Driver.open`), so that a server that is down is told within milliseconds.
 */
const OWN_CONNECTION = {
  lazyConnect: true,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // A server that is loading says so itself, to each request; INFO needs a permission that the least user lacks.
  enableReadyCheck: false,
  disableClientInfo: true,
  // The call's own deadline ends an attempt.
  connectTimeout: 0,
  // How long a connection that is given up may take to end by itself.
  disconnectTimeout: 100,
} as const satisfies RedisOptions;

const OWN_CLIENT = {
  ...OWN_CONNECTION,
  enableOfflineQueue: false,
  retryStrategy: () => null,
  // The client begins where it has found the last connection, and goes through the list once more from its beginning.
  sentinelRetryStrategy: (rounds) => (rounds > 1 ? null : 0),
  // Of each sentinel, before the next one is asked.
  sentinelCommandTimeout: 1000,
} as const satisfies RedisOptions;

const OWN_CLUSTER = {
  lazyConnect: true,
  clusterRetryStrategy: () => null,
  enableReadyCheck: false,
  // Names are left to the sockets, so that a certificate is checked against the name and not its address.
  dnsLookup: (name, callback) => callback(null, name),
} as const satisfies ClusterOptions;

/** A client that is not connected, or the caller's, and the link that it makes. @throws InvalidArgumentError */
export function connectionOf(options: RedisDriverOptions): { readonly client: Redis | Cluster; readonly link: Link } {
  const { client, numbers: _, ...connection } = options;
  const given = givenOptions<ConnectionOptions & { url?: string | undefined }>(connection, CONNECTION_OPTIONS, "Redis");
  if (client === undefined) return ownConnection(given);
  if (client instanceof Cluster || (typeof client === "object" && client?.isCluster)) {
    const cluster = client as Cluster;
    refuseClient(faultsOfCluster(cluster.options), given);
    return { client, link: new ClusterLink(cluster) };
  }
  if (typeof client !== "object" || client === null || typeof client.sendCommand !== "function") {
    throw new InvalidArgumentError("client must be an instance of ioredis' Redis or Cluster");
  }
  refuseClient(faultsOf(client.options), given);
  return { client, link: new SingleLink(client, false) };
}

function ownConnection({ url, ...beside }: ConnectionOptions & { readonly url?: string | undefined }) {
  const { cluster, sentinels, name, ...rest } = { ...(url === undefined ? {} : optionsOf(url, beside)), ...beside };
  for (const [several, what] of [
    [cluster, "cluster"],
    [sentinels, "sentinels"],
  ] as const) {
    if (!several) continue;
    if (several.length === 0) throw new InvalidArgumentError(`${what} must name at least one server`);
    if (rest.host !== undefined || rest.port !== undefined || rest.path !== undefined) {
      throw new InvalidArgumentError(`give ${what}, or host, port or path, not both`);
    }
  }
  if (cluster) {
    if (sentinels) throw new InvalidArgumentError("give cluster or sentinels, not both");
    const { db, ...redisOptions } = rest;
    if (db) throw new InvalidArgumentError("a cluster of Redis has the database 0 only");
    const startup = cluster.map(({ host, port = 6379 }) => ({ host, port }));
    const client = new Cluster(startup, { ...OWN_CLUSTER, redisOptions: { ...redisOptions, ...OWN_CONNECTION } });
    return { client, link: new ClusterLink(client, startup) };
  }
  if (sentinels && !name) throw new InvalidArgumentError("sentinels know masters by name: give one");
  const watched = sentinels && {
    sentinels: sentinels.map(({ host, port = 26_379 }) => ({ host, port })),
    ...(name !== undefined && { name }),
    ...(rest.tls && { sentinelTLS: rest.tls, enableTLSForSentinelMode: true }),
  };
  const client = new Redis({ ...rest, ...watched, ...OWN_CLIENT });
  return { client, link: new SingleLink(client, true) };
}

/** The options that a URL stands for, but for the addresses where others are given. @throws InvalidArgumentError */
function optionsOf(url: string, { cluster, sentinels }: ConnectionOptions): ConnectionOptions {
  const { kind, tls, username, password, addresses, master, db } = parseServerUrl(url, "redis", "Redis");
  const [{ host, port = 6379 }] = addresses;
  const place = { single: { host, port }, cluster: { cluster: addresses }, sentinel: { sentinels: addresses } }[kind];
  return {
    ...(cluster === undefined && sentinels === undefined && place),
    ...(master !== undefined && { name: master }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(db !== undefined && { db }),
    ...(tls && { tls: {} }),
  };
}

/** How a client would repeat, keep back, rename or misdirect requests. */
function faultsOf(options: RedisOptions): string[] {
  const { maxRetriesPerRequest, enableOfflineQueue, readOnly, sentinels, role, enableReadyCheck } = options;
  const faults = faultsOfBoth(options);
  if (maxRetriesPerRequest !== 0) faults.push("maxRetriesPerRequest must be 0, or requests are sent twice");
  if (enableOfflineQueue !== false) {
    faults.push("enableOfflineQueue must be false, or requests are sent after their deadline");
  }
  if (readOnly || (sentinels && role === "slave")) faults.push("replicas must not be read from");
  if (sentinels && enableReadyCheck === false) {
    faults.push("enableReadyCheck must not be false, or a replica is taken for the master");
  }
  return faults;
}

/** The same of a cluster. Its own retries and queues are not used, so that they do not matter. */
function faultsOfCluster({
  keyPrefix,
  redisOptions = {},
  scaleReads,
  clusterNodeRetryStrategy,
}: ClusterOptions): string[] {
  const faults = faultsOfBoth({ ...redisOptions, ...(keyPrefix !== undefined && { keyPrefix }) });
  if (scaleReads !== undefined && scaleReads !== "master") faults.push('scaleReads must be "master"');
  if (clusterNodeRetryStrategy && redisOptions.maxRetriesPerRequest !== 0) {
    faults.push(
      "with a clusterNodeRetryStrategy redisOptions must set maxRetriesPerRequest: 0, or requests are sent twice",
    );
  }
  return faults;
}

function faultsOfBoth({ keyPrefix, commandTimeout }: RedisOptions): string[] {
  const faults: string[] = [];
  if (keyPrefix) faults.push("keyPrefix must not be set (prefixCollections does that)");
  if (commandTimeout !== undefined) faults.push("commandTimeout must not be set (the store's timeout does that)");
  return faults;
}
