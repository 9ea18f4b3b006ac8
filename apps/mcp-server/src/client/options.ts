/** What the client's command line and environment ask for. */
import { parseArgs } from "node:util";
import { UsageError } from "../options.ts";

export interface ClientOptions {
  readonly server: URL;
  readonly command: Command;
  readonly store: string;
  readonly user: string;
  /** 0: any free one. */
  readonly callbackPort: number;
}

export type Command =
  | { readonly name: "list" }
  | { readonly name: "call"; readonly tool: string; readonly args: Record<string, unknown> }
  | { readonly name: "logout" };

const DEFAULT_STORE = "disk:.kv-client";
/** Always the same one where it is free, since some authorization servers compare it with what was registered. */
const DEFAULT_CALLBACK_PORT = 8734;

export const HELP = `A client for MCP servers over HTTP, which stays logged in.

Usage: pnpm client URL list              the tools
       pnpm client URL call TOOL [JSON]  what a tool answers, given its arguments as a JSON object
       pnpm client URL logout            forgets the login

  --store URL           where logins are kept, encrypted: disk:FOLDER, redis://HOST:PORT …
                        (default: KV_CLIENT_STORE, else ${DEFAULT_STORE})
  --user NAME           whose login: each name has its own (default: default)
  --callback-port PORT  where the browser comes back to after logging in (default: ${DEFAULT_CALLBACK_PORT}, if free)
  --help                this text

Keys: KV_ENCRYPTION_KEYS, as for the server.
`;

/**
 * `undefined`: help is asked for.
 * @throws UsageError
 */
export function clientOptionsFrom(args: readonly string[], env: NodeJS.ProcessEnv): ClientOptions | undefined {
  const { values, positionals } = parsed(args);
  if (values.help) return undefined;
  const [url = "", ...command] = positionals;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError("the first argument must be the URL of an MCP server (--help tells more)");
  }
  const port = values["callback-port"];
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new UsageError("--callback-port must be a number from 0 to 65535");
  }
  return {
    server: new URL(url),
    command: commandOf(command),
    store: values.store ?? (env.KV_CLIENT_STORE || DEFAULT_STORE),
    user: values.user,
    callbackPort: Number(port),
  };
}

function commandOf([name, ...rest]: readonly string[]): Command {
  if (name === "list" && rest.length === 0) return { name };
  if (name === "logout" && rest.length === 0) return { name };
  const [tool, json = "{}", ...surplus] = rest;
  if (name !== "call" || tool === undefined || surplus.length > 0) {
    throw new UsageError("after the URL comes list, call TOOL [JSON], or logout (--help tells more)");
  }
  return { name, tool, args: argumentsOf(json) };
}

function argumentsOf(json: string): Record<string, unknown> {
  try {
    const args: unknown = JSON.parse(json);
    if (typeof args === "object" && args !== null && !Array.isArray(args)) return { ...args };
  } catch {
    // The same advice as for JSON that is no object.
  }
  throw new UsageError(`the tool's arguments must be a JSON object, such as '{"query":"tides"}'`);
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h", default: false },
        store: { type: "string" },
        user: { type: "string", default: "default" },
        "callback-port": { type: "string", default: String(DEFAULT_CALLBACK_PORT) },
      },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error} (--help tells more)`);
  }
}
