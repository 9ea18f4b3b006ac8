/** How what a store is told becomes a client of memjs, and links to its servers. */
import { InvalidArgumentError } from "@kv/core";
import { type InexactNumbers, parseAddress, parseLogin } from "@kv/core/driver";
import { Client } from "memjs";
import { Link } from "./link.ts";
import { KEY_BYTES, type Naming } from "./names.ts";
import type { ConnectionOptions, MemcachedDriverOptions, MemjsClient } from "./options.ts";
import type { Target } from "./session.ts";

/** The options, checked and complete. */
export interface Settings {
  readonly client: MemjsClient;
  /** In the order of the client's servers. */
  readonly links: readonly Link[];
  readonly names: Naming;
  /** Largest text of a record, in bytes, under a key of any length. */
  readonly recordBytes: number;
  readonly numbers: InexactNumbers;
}

const CONNECTION_OPTIONS = [
  "host",
  "port",
  "servers",
  "username",
  "password",
  "tls",
] as const satisfies readonly (keyof ConnectionOptions)[];

const STORE = "a Memcached store";

/** memcached's own default, and the bounds of its `-I`, in bytes. */
const ITEM_BYTES = { default: 2 ** 20, least: 2 ** 10, most: 2 ** 30 } as const;

/** What an item takes beside key and value: 59 bytes where it has a CAS token, by measure. */
const ITEM_OVERHEAD = 60;

/** @throws InvalidArgumentError */
export function settingsOf(options: MemcachedDriverOptions): Settings {
  const {
    url,
    client,
    names = "python",
    maxItemBytes = ITEM_BYTES.default,
    numbers = "error",
    ...connection
  } = options;
  if (names !== "python" && names !== "python-v1") {
    throw new InvalidArgumentError('names must be "python" or "python-v1"');
  }
  if (numbers !== "error" && numbers !== "nearest") {
    throw new InvalidArgumentError('numbers must be "error" or "nearest"');
  }
  if (!Number.isInteger(maxItemBytes) || maxItemBytes < ITEM_BYTES.least || maxItemBytes > ITEM_BYTES.most) {
    throw new InvalidArgumentError("maxItemBytes must be a whole number of bytes from 1 KiB to 1 GiB");
  }
  const recordBytes = maxItemBytes - ITEM_OVERHEAD - KEY_BYTES;
  const given = givenOf(connection);
  if (client !== undefined) {
    if (url !== undefined || Object.keys(given).length > 0) {
      throw new InvalidArgumentError("give a client or connection options, not both");
    }
    checkClient(client);
    const links = client.servers.map(
      ({ host, port, username, password }) => new Link({ host, port, username, password, tls: false }),
    );
    return { client, links, names, recordBytes, numbers };
  }
  const links = targetsOf(merged(url === undefined ? {} : parseUrl(url), given)).map((target) => new Link(target));
  // Its own requests are repeated by nobody either, and nothing is printed.
  return { client: new Client(links, { retries: 1, logger: { log() {} } }), links, names, recordBytes, numbers };
}

/** The connection options that are given. @throws InvalidArgumentError */
function givenOf(options: ConnectionOptions): ConnectionOptions {
  const known: readonly string[] = CONNECTION_OPTIONS;
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name] of given) {
    if (!known.includes(name)) throw new InvalidArgumentError(`"${name}" is no option of a Memcached store`);
  }
  return Object.fromEntries(given);
}

/** What is given counts over the URL: one server over its several, too. @throws InvalidArgumentError */
function merged({ servers, ...fromUrl }: ConnectionOptions, given: ConnectionOptions): ConnectionOptions {
  const single = given.host !== undefined || given.port !== undefined;
  if (single && given.servers !== undefined) throw new InvalidArgumentError("give servers, or host and port, not both");
  return { ...fromUrl, ...(servers && !single && { servers }), ...given };
}

/** @throws InvalidArgumentError */
function targetsOf({ host, port, servers, username, password, tls = false }: ConnectionOptions): Target[] {
  if (typeof username !== typeof password || (username !== undefined && typeof username !== "string")) {
    throw new InvalidArgumentError("a login to memcached is a user and a password, both strings");
  }
  if (typeof tls !== "boolean" && (typeof tls !== "object" || tls === null)) {
    throw new InvalidArgumentError("tls must be true, false, or { ca }");
  }
  if (servers !== undefined && (!Array.isArray(servers) || servers.length === 0)) {
    throw new InvalidArgumentError("servers must be an array of at least one { host, port }");
  }
  return (servers ?? [{ host, port }]).map(({ host = "localhost", port = 11211 }) => {
    if (typeof host !== "string" || host === "") {
      throw new InvalidArgumentError("the host of a Memcached server is a string");
    }
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new InvalidArgumentError("the port of a Memcached server is a number from 1 to 65535");
    }
    return { host, port, username, password, tls };
  });
}

/** @throws InvalidArgumentError where it is none, or would let records vanish and come back */
function checkClient(client: MemjsClient): void {
  const { servers, getServer }: Partial<MemjsClient> = Object(client);
  if (!Array.isArray(servers) || servers.length === 0 || typeof getServer !== "function") {
    throw new InvalidArgumentError("client must be an instance of memjs' Client");
  }
  const options: unknown = Reflect.get(client, "options");
  const { failover }: { readonly failover?: unknown } = Object(options);
  if (failover) {
    throw new InvalidArgumentError(
      "this client would break the contract: failover must not be set, or records of a server that is down are missed, and older ones found when it is back",
    );
  }
}

/** Messages here never quote the URL: it may hold a password. */
function parseUrl(text: string): ConnectionOptions {
  const form = /^memcached(s)?:\/\/(?:([^@/]*)@)?([^/@?#]*)\/?$/i;
  const match = form.exec(text);
  if (!match) {
    throw new InvalidArgumentError(
      "the URL of a Memcached store cannot be read: memcached://user:password@host:11211,host:11211",
    );
  }
  const [, secure, login, hosts = ""] = match;
  const servers = hosts.split(",").map((one) => parseAddress(one, STORE));
  const [first] = servers;
  return {
    ...(servers.length > 1 ? { servers } : first),
    ...parseLogin(login, STORE),
    ...(secure && { tls: true }),
  };
}
