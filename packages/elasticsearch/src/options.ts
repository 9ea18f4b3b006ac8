/** What an Elasticsearch store can be told, and how it becomes the settings of a client. */
import { Client } from "@elastic/elasticsearch";
import { InvalidArgumentError } from "@kv/core";
import { decodeUrlPart, type InexactNumbers, parseAddress, parseLogin } from "@kv/core/driver";
import { longestPrefix, NAME_SCHEMES, type NameScheme, startOf } from "./names.ts";

export interface ConnectionOptions {
  /** The nodes, as URLs: `"https://host:9200"`. Each request goes to one of them. Default: `"http://localhost:9200"`. */
  readonly nodes?: string | readonly string[] | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** In place of user and password: the key as Elasticsearch encodes it. */
  readonly apiKey?: string | undefined;
  /** `ca` is the PEM of the authorities to trust in place of those that Node.js brings. */
  readonly tls?: { readonly ca?: string | undefined } | undefined;
}

export type ElasticsearchDriverOptions = ConnectionOptions & {
  /**
   * `elasticsearch://user:password@host:9200/prefix`, or `elasticsearchs://` for TLS. What is given beside it counts
   * instead.
   */
  readonly url?: string | undefined;
  /** A client of the caller's, version 9, in place of all connection options. Never closed. */
  readonly client?: Client | undefined;
  /**
   * Begins the name of each index: `<prefix>-<collection>`, as Python's `index_prefix`; each `-` in it is doubled there.
   * Default: `"kv_store"`.
   */
  readonly prefix?: string | undefined;
  /**
   * How indices and documents are named: as Python does by default, or with its `ElasticsearchV1…` strategies, and with
   * the prefix as it is (`"python-exact"`). Default: `"python"`.
   */
  readonly names?: NameScheme | undefined;
  /**
   * When searches of other programs see what was written: by and by (`false`, the default), at once (`true`), or by and
   * by with the write waiting for it (`"wait_for"`). What this store reads is never stale.
   */
  readonly refresh?: boolean | "wait_for" | undefined;
  /** Bytes that the servers take in one request, their `http.max_content_length`. Default: 104,857,600. */
  readonly maxContentLength?: number | undefined;
  /** Integers beyond 2^53 that Python wrote: an error (the default), or the nearest value. */
  readonly numbers?: InexactNumbers | undefined;
};

/** All that is not about the connection, checked and complete. */
export interface Settings {
  readonly prefix: string;
  readonly names: NameScheme;
  readonly refresh: boolean | "wait_for";
  readonly maxContentLength: number;
  readonly numbers: InexactNumbers;
}

const CONNECTION_OPTIONS = [
  "nodes",
  "username",
  "password",
  "apiKey",
  "tls",
] as const satisfies readonly (keyof ConnectionOptions)[];

const OPTIONS: readonly string[] = [
  ...CONNECTION_OPTIONS,
  ...["url", "client", "prefix", "names", "refresh", "maxContentLength", "numbers"],
];

/** What a request needs beside a record: the names, and what JSON adds to them. */
const OVERHEAD = 16_384;

/** The largest record, in bytes. */
export function recordBytesOf({ maxContentLength }: Settings): number {
  return maxContentLength - OVERHEAD;
}

/** @throws InvalidArgumentError */
export function settingsOf(options: ElasticsearchDriverOptions): Settings {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !OPTIONS.includes(name)) {
      throw new InvalidArgumentError(`"${name}" is no option of an Elasticsearch store`);
    }
  }
  const fromUrl = options.url === undefined ? undefined : parseUrl(options.url).prefix;
  const {
    prefix = fromUrl ?? "kv_store",
    names = "python",
    refresh = false,
    maxContentLength = 100 * 1024 * 1024,
    numbers = "error",
  } = options;
  if (!NAME_SCHEMES.includes(names)) {
    throw new InvalidArgumentError(`names must be one of ${NAME_SCHEMES.map((name) => `"${name}"`).join(", ")}`);
  }
  // What Elasticsearch demands of the name of an index, and no upper case: Python would change it.
  const longest = longestPrefix(names);
  const fits = typeof prefix === "string" && /^[a-z0-9][a-z0-9._-]*$/.test(prefix);
  if (!fits || startOf(prefix, names).length > longest) {
    throw new InvalidArgumentError(
      `prefix must be at most ${longest} of a-z, 0-9, ".", "_" and "-" (which may count twice), and begin with a letter or a digit`,
    );
  }
  if (typeof refresh !== "boolean" && refresh !== "wait_for") {
    throw new InvalidArgumentError('refresh must be true, false or "wait_for"');
  }
  if (!Number.isSafeInteger(maxContentLength) || maxContentLength < 2 * OVERHEAD) {
    throw new InvalidArgumentError(`maxContentLength must be a number of bytes, at least ${2 * OVERHEAD}`);
  }
  if (numbers !== "error" && numbers !== "nearest") {
    throw new InvalidArgumentError('numbers must be "error" or "nearest"');
  }
  return { prefix, names, refresh, maxContentLength, numbers };
}

/** A client of our own: each request is sent once, to one node, and nothing else is. @throws InvalidArgumentError */
export function newClient(options: ElasticsearchDriverOptions): Client {
  const url = options.url === undefined ? undefined : parseUrl(options.url);
  const { nodes = url?.node ?? "http://localhost:9200", apiKey, tls } = options;
  const { username = apiKey === undefined ? url?.username : undefined } = options;
  const { password = apiKey === undefined ? url?.password : undefined } = options;
  if (apiKey !== undefined && username !== undefined) {
    throw new InvalidArgumentError("give an apiKey, or user and password");
  }
  if ((username === undefined) !== (password === undefined)) {
    throw new InvalidArgumentError("a user of Elasticsearch needs a password, and a password a user");
  }
  const addresses = typeof nodes === "string" ? [nodes] : nodes;
  if (!Array.isArray(addresses) || addresses.length === 0) {
    throw new InvalidArgumentError("nodes must be the URL of a node, or an array of some");
  }
  const settings: ConstructorParameters<typeof Client>[0] = {
    nodes: addresses.map((node) => ({ url: nodeOf(node) })),
    maxRetries: 0,
    sniffOnStart: false,
    sniffInterval: false,
    sniffOnConnectionFault: false,
    ...(username !== undefined && password !== undefined && { auth: { username, password } }),
    ...(apiKey !== undefined && { auth: { apiKey } }),
    ...(tls && { tls: { ...(tls.ca !== undefined && { ca: tls.ca }) } }),
  };
  return new Client(settings);
}

/** @throws InvalidArgumentError */
export function checkClient(client: Client, options: ElasticsearchDriverOptions): void {
  const given: unknown = client;
  const beside = CONNECTION_OPTIONS.filter((name) => options[name] !== undefined);
  if (options.url !== undefined || beside.length > 0) {
    throw new InvalidArgumentError("give a client or connection options, not both");
  }
  if (typeof given !== "object" || given === null || typeof client.transport?.request !== "function") {
    throw new InvalidArgumentError("client must be an instance of @elastic/elasticsearch's Client");
  }
}

/** Messages here never quote a URL: it may hold a password. */
function nodeOf(text: unknown): URL {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:") || url.search !== "" || url.hash !== "") {
    throw new InvalidArgumentError("a node of Elasticsearch is a URL such as https://host:9200");
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidArgumentError("user and password go into the options of that name, not into the URLs of nodes");
  }
  return url;
}

const STORE = "an Elasticsearch store";

interface Parsed {
  readonly node: string;
  readonly prefix?: string;
  readonly username?: string;
  readonly password?: string;
}

function parseUrl(text: string): Parsed {
  const form = /^(elasticsearchs?):\/\/(?:([^@/]*)@)?([^/@?#]*)(?:\/([^/?#]*))?$/i;
  const [, scheme, login, host = "", prefix = ""] = form.exec(text) ?? [];
  if (scheme === undefined) {
    throw new InvalidArgumentError(
      "the URL of an Elasticsearch store cannot be read: elasticsearch://user:password@host:9200/prefix",
    );
  }
  const address = parseAddress(host, STORE);
  const name = address.host.includes(":") ? `[${address.host}]` : address.host;
  return {
    node: `http${scheme.toLowerCase() === "elasticsearchs" ? "s" : ""}://${name}:${address.port ?? 9200}`,
    ...(prefix !== "" && { prefix: decodeUrlPart(prefix, STORE) }),
    ...parseLogin(login, STORE),
  };
}
