/** A client that is logged in: by what an earlier run has left in the store, else by the browser. */
import type { KeyValueStore } from "@kv/core";
import { KvOAuthClientProvider, refreshCoordinator } from "@kv/mcp/client";
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import type { Callback } from "./callback.ts";

export interface ConnectOptions {
  readonly server: URL;
  /** Encrypted, or in memory only. */
  readonly store: KeyValueStore<"write" | "atomic" | "durable">;
  /** Whose login. */
  readonly user: string;
  readonly callback: Callback;
  readonly say: (line: string) => void;
}

/** An attempt to log in is forgotten after that, in milliseconds. */
const LOGIN_TIME = 600_000;

export function providerFor({ server, store, user, callback, say }: ConnectOptions): KvOAuthClientProvider {
  return new KvOAuthClientProvider({
    server,
    store,
    principal: user,
    redirectUrl: callback.url,
    clientMetadata: {
      client_name: "kv example client",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      // A program on its user's machine can keep no secret.
      token_endpoint_auth_method: "none",
    },
    redirect: (url) => say(`Log in: ${url}`),
    onError: (error) => say(`The login that was kept cannot be read (${error.code}).`),
  });
}

/** A connected client; the first time it waits until somebody has logged in. */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { server, store, callback } = options;
  const authProvider = providerFor(options);
  // However many calls, in however many processes, find the access token expired: it is refreshed once.
  const coordinated = refreshCoordinator({ store })(fetch);
  const newTransport = () => new StreamableHTTPClientTransport(server, { authProvider, fetch: coordinated });

  const transport = newTransport();
  try {
    return await connectBy(transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    const finish = (params: URLSearchParams) =>
      authProvider.finishLogin(params, (checked) => transport.finishAuth(checked));
    await callback.finished(finish, LOGIN_TIME);
  }
  return connectBy(newTransport());
}

async function connectBy(transport: StreamableHTTPClientTransport): Promise<Client> {
  const client = new Client({ name: "kv-example-client", version: "0.1.0" }, { versionNegotiation: { mode: "auto" } });
  await client.connect(transport);
  return client;
}
