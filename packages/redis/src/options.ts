/** What a Redis store can be told, and how it becomes the settings of an ioredis client. */
import { InvalidArgumentError } from "@kv/core";
import type { InexactNumbers } from "@kv/core/driver";
import { Redis, type RedisOptions } from "ioredis";

const CONNECTION_OPTIONS = [
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
] as const;

/** As ioredis has them. What is not here would change how requests are sent, and is the store's own matter. */
export type ConnectionOptions = Pick<RedisOptions, (typeof CONNECTION_OPTIONS)[number]>;

export type RedisDriverOptions = ConnectionOptions & {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. What is given beside it counts instead. */
  readonly url?: string | undefined;
  /**
   * A client of the caller's, in place of all connection options: made with `maxRetriesPerRequest: 0` and
   * `enableOfflineQueue: false`, without `keyPrefix`. It is connected where it is not yet, and never closed.
   */
  readonly client?: Redis | undefined;
  /** Integers beyond 2^53 and NaN that Python wrote: an error (the default), or the nearest value (null for NaN). */
  readonly numbers?: InexactNumbers | undefined;
};

/**
 * How our own client behaves: each request is sent once, at once, or not at all; connections are made when a call asks
 * for one (see `Driver.open`), so that a server that is down is told within milliseconds.
 */
const OWN_CLIENT = {
  lazyConnect: true,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  retryStrategy: () => null,
  // A server that is loading says so itself, to each request; INFO needs a permission that the least user lacks.
  enableReadyCheck: false,
  disableClientInfo: true,
  // The call's own deadline ends an attempt.
  connectTimeout: 0,
  // How long a connection that is given up may take to end by itself.
  disconnectTimeout: 100,
} as const satisfies RedisOptions;

/** A client that is not connected. @throws InvalidArgumentError */
export function newClient(options: RedisDriverOptions): Redis {
  const { url, client: _, numbers: __, ...connection } = options;
  const known: readonly string[] = CONNECTION_OPTIONS;
  for (const [name, value] of Object.entries(connection)) {
    if (value !== undefined && !known.includes(name)) {
      throw new InvalidArgumentError(`"${name}" is no option of a Redis store`);
    }
  }
  const given = Object.fromEntries(Object.entries(connection).filter(([, value]) => value !== undefined));
  return new Redis({ ...(url === undefined ? {} : parseUrl(url)), ...given, ...OWN_CLIENT });
}

/** @throws InvalidArgumentError where the client would repeat, keep back, rename or misdirect requests */
export function checkClient(client: Redis, options: RedisDriverOptions): void {
  const beside = CONNECTION_OPTIONS.filter((name) => options[name] !== undefined);
  if (options.url !== undefined || beside.length > 0) {
    throw new InvalidArgumentError("give a client or connection options, not both");
  }
  if (typeof client !== "object" || client === null || typeof client.sendCommand !== "function") {
    throw new InvalidArgumentError("client must be an instance of ioredis' Redis");
  }
  if (client.isCluster) throw new InvalidArgumentError("clients of a cluster are not supported");
  const { keyPrefix, maxRetriesPerRequest, enableOfflineQueue, readOnly, sentinels, role, commandTimeout } =
    client.options;
  const faults: string[] = [];
  if (keyPrefix) faults.push("keyPrefix must not be set (prefixCollections does that)");
  if (maxRetriesPerRequest !== 0) faults.push("maxRetriesPerRequest must be 0, or requests are sent twice");
  if (enableOfflineQueue !== false) {
    faults.push("enableOfflineQueue must be false, or requests are sent after their deadline");
  }
  if (readOnly || (sentinels && role === "slave")) faults.push("replicas must not be read from");
  if (commandTimeout !== undefined) faults.push("commandTimeout must not be set (the store's timeout does that)");
  if (faults.length > 0) throw new InvalidArgumentError(`this client would break the contract: ${faults.join("; ")}`);
}

/** Messages here never quote the URL: it may hold a password. */
function parseUrl(text: string): ConnectionOptions {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new InvalidArgumentError("the URL of a Redis store cannot be read: redis://user:password@host:6379/0");
  }
  const { protocol, hostname, port, username, password, pathname, search, hash } = url;
  if (protocol !== "redis:" && protocol !== "rediss:") {
    throw new InvalidArgumentError(`the URL of a Redis store begins with redis: or rediss:, not ${protocol}`);
  }
  if (search !== "" || hash !== "") throw new InvalidArgumentError("the URL of a Redis store takes no ? and no #");
  const db = /^\/?(\d*)$/.exec(pathname)?.[1];
  if (db === undefined) throw new InvalidArgumentError("the path of a Redis URL is the number of a database: /0");
  return {
    host: hostname.replace(/^\[|\]$/g, "") || "localhost",
    ...(port !== "" && { port: Number(port) }),
    ...(username !== "" && { username: decoded(username) }),
    ...(password !== "" && { password: decoded(password) }),
    ...(db !== "" && { db: Number(db) }),
    ...(protocol === "rediss:" && { tls: {} }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidArgumentError("the user or password in the URL of a Redis store is not percent-encoded");
  }
}
