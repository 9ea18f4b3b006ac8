/** A client that is logged in: by what an earlier run has left in the store, else by the browser. */
import type { KeyValueStore } from "@kv/core";
import { KvOAuthClientProvider, refreshCoordinator } from "@kv/mcp/client";
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import type { Callback } from "./callback.ts";

export interface LoginOptions {
  readonly server: URL;
  /** Encrypted, or in memory only. */
  readonly store: KeyValueStore<"write" | "atomic" | "durable">;
  /** Whose login. */
  readonly user: string;
  readonly callback: Callback;
  readonly say: (line: string) => void;
}

/** One to get in, and one more for a tool that wants more scopes than that. */
const MAX_LOGINS = 2;
/** An attempt to log in is forgotten after that, in milliseconds. */
const LOGIN_TIME = 600_000;

export function providerFor({ server, store, user, callback, say }: LoginOptions): KvOAuthClientProvider {
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

/**
 * Runs `action` with a connected client. Where the server asks for a login, waits for it and begins anew: what a server
 * refuses for want of one, it has not done.
 */
export async function loggedIn<T>(options: LoginOptions, action: (client: Client) => Promise<T>): Promise<T> {
  const { server, store, callback } = options;
  const authProvider = providerFor(options);
  // However many calls, in however many processes, find the access token expired: it is refreshed once.
  const coordinated = refreshCoordinator({ store })(fetch);
  for (let logins = 0; ; logins++) {
    const transport = new StreamableHTTPClientTransport(server, { authProvider, fetch: coordinated });
    const client = new Client(
      { name: "kv-example-client", version: "0.1.0" },
      { versionNegotiation: { mode: "auto" } },
    );
    try {
      await client.connect(transport);
      return await action(client);
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || logins === MAX_LOGINS) throw error;
      const finish = (params: URLSearchParams) =>
        authProvider.finishLogin(params, (checked) => transport.finishAuth(checked));
      await callback.finished(finish, LOGIN_TIME);
    } finally {
      await client.close();
    }
  }
}
