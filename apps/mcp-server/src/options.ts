/** What the command line and the environment ask for. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export interface Options {
  readonly stdio: boolean;
  /** 0: any free one. */
  readonly port: number;
  readonly host: string;
  /** Names by which clients may call the server, besides `host`, that of `url`, and this machine's own. */
  readonly allowedHosts: readonly string[];
  /** Where clients find the server, where that is not where it listens. */
  readonly url: URL | undefined;
  /** The issuer whose users may call; `"none"`: whoever gets here may. Without it, whoever is on this machine. */
  readonly auth: string | undefined;
  /** What users must have been granted, besides a login. */
  readonly scopes: readonly string[];
  /** Whether the status page and the statistics in `/health` are served. */
  readonly status: boolean;
  readonly store: string;
  readonly docs: string;
}

/** What the user has to put right: told in one line, without a stack. */
export class UsageError extends Error {}

const DEFAULT_PORT = 3333;
const DEFAULT_STORE = "disk:.kv";
/** The project that this example is part of. In a project of your own, name its documents. */
const DEFAULT_DOCS = fileURLToPath(new URL("../../..", import.meta.url));

export const HELP = `An MCP server over a folder of Markdown: searches it, and keeps notes.

Usage: pnpm start [options]

  --store URL        where notes and cached answers are kept: disk:FOLDER, memory:, redis://HOST:PORT …
                     (default: KV_STORE, else ${DEFAULT_STORE})
  --docs FOLDER      the documents: all *.md in it (default: the Markdown of this project)
  --stdio            speak MCP on stdin and stdout, for a client that starts the server itself
  --port PORT        for HTTP, 0 for any free one (default: ${DEFAULT_PORT})
  --auth ISSUER      users log in at this OAuth authorization server, and each has notes of their own
                     (default: KV_AUTH, else no users: who is on this machine may call). "none": something in front
                     of the server decides who may call
  --scope SCOPE      what a user must have been granted there, and what clients ask for; may be repeated
  --host HOST        the address to listen on (default: 127.0.0.1, this machine only); others need --auth
  --url URL          where clients find the server, if not where it listens: behind a proxy, with TLS
  --allow-host NAME  a name by which clients may call the server; may be repeated
  --status           serve the status page also with --auth, to whoever can reach the server: counts, never values
  --help             this text

Values are encrypted in the store by the keys in KV_ENCRYPTION_KEYS: ID:KEY, KEY being 32 random bytes in Base64; several
with commas, the first encrypts, all decrypt. Without it a key is made, and kept in a file; under NODE_ENV=production
that is an error.
`;

/**
 * `undefined`: help is asked for.
 * @throws UsageError
 */
export function optionsFrom(args: readonly string[], env: NodeJS.ProcessEnv): Options | undefined {
  const { help, stdio, port, host, store, docs, scope: scopes, "allow-host": allowedHosts, ...given } = parsed(args);
  if (help) return undefined;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new UsageError(`--port must be a number from 0 to 65535, not ${JSON.stringify(port)}`);
  }
  const auth = (given.auth ?? env.KV_AUTH) || undefined;
  const url = given.url === undefined ? undefined : urlOf(given.url, "--url");
  if (auth !== undefined && auth !== "none") urlOf(auth, "--auth");
  if (auth !== undefined && stdio) throw new UsageError("--auth is for HTTP: over stdio, the user is who starts it");
  if (auth === undefined && !stdio && !isLoopback(host)) {
    throw new UsageError(
      `--host ${host} lets others call: give --auth ISSUER, or --auth none where something in front decides who may`,
    );
  }
  if (auth !== undefined && auth !== "none" && url === undefined && !isLoopback(host)) {
    throw new UsageError(`--host ${host} with --auth needs --url: tokens are issued for the URL that clients know`);
  }
  if (scopes.length > 0 && (auth === undefined || auth === "none")) throw new UsageError("--scope needs --auth ISSUER");
  const status = given.status ?? auth === undefined;
  const chosen = store ?? (env.KV_STORE || DEFAULT_STORE);
  return { stdio, port: Number(port), host, allowedHosts, url, auth, scopes, status, store: chosen, docs };
}

/** Whether only this machine gets there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || /^127(\.\d{1,3}){3}$/.test(host) || host === "::1" || host === "[::1]";
}

/** Tokens and logins go there, so in plain HTTP only on this machine. */
function urlOf(text: string, option: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const safe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (!url || !safe) {
    throw new UsageError(
      `${option} must be an https: URL (or http: on this machine), not ${JSON.stringify(text)}${option === "--auth" ? ', or "none"' : ""}`,
    );
  }
  return url;
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        stdio: { type: "boolean", default: false },
        port: { type: "string", default: String(DEFAULT_PORT) },
        host: { type: "string", default: "127.0.0.1" },
        "allow-host": { type: "string", multiple: true, default: [] },
        url: { type: "string" },
        auth: { type: "string" },
        scope: { type: "string", multiple: true, default: [] },
        status: { type: "boolean" },
        store: { type: "string" },
        docs: { type: "string", default: DEFAULT_DOCS },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error} (--help lists the options)`);
  }
}
