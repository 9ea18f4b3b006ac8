/** What the command line and the environment ask for. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export interface Options {
  readonly stdio: boolean;
  /** 0: any free one. */
  readonly port: number;
  readonly host: string;
  /** Names by which clients may call the server, besides `host` and this machine's own. */
  readonly allowedHosts: readonly string[];
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
  --host HOST        the address to listen on (default: 127.0.0.1, this machine only)
  --allow-host NAME  a name by which clients may call the server; may be repeated
  --help             this text
`;

/**
 * `undefined`: help is asked for.
 * @throws UsageError
 */
export function optionsFrom(args: readonly string[], env: NodeJS.ProcessEnv): Options | undefined {
  const { help, stdio, port, host, store, docs, "allow-host": allowedHosts } = parsed(args);
  if (help) return undefined;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new UsageError(`--port must be a number from 0 to 65535, not ${JSON.stringify(port)}`);
  }
  return { stdio, port: Number(port), host, allowedHosts, store: store ?? (env.KV_STORE || DEFAULT_STORE), docs };
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
        store: { type: "string" },
        docs: { type: "string", default: DEFAULT_DOCS },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error} (--help lists the options)`);
  }
}
