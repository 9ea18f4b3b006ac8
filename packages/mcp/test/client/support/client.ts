/** An MCP client with a login over a store. */
import { Client, type FetchLike, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  KvOAuthClientProvider,
  type KvOAuthClientProviderOptions,
  refreshCoordinator,
} from "../../../src/client/index.ts";
import { callText } from "../../support/server.ts";

export type LoginOptions = Pick<KvOAuthClientProviderOptions, "store" | "server"> &
  Partial<KvOAuthClientProviderOptions> & {
    readonly fetch?: FetchLike;
    readonly timeout?: string;
    /** Another coordinator than that of the same store. */
    readonly coordinated?: FetchLike;
  };

export const redirectUrl = "http://127.0.0.1:9/callback";

/** A provider that notes where it sends its user. */
export function providerOf(options: LoginOptions) {
  const redirects: URL[] = [];
  const provider = new KvOAuthClientProvider({
    principal: "ada@example.com",
    redirectUrl,
    clientMetadata: { client_name: "tested" },
    redirect: (url) => {
      redirects.push(url);
    },
    ...options,
  });
  return { provider, redirects };
}

/** A login whose refreshes are coordinated through the same store. */
export function loginOf(options: LoginOptions) {
  const { provider, redirects } = providerOf(options);
  const { store, keys, allowPlaintext, timeout } = options;
  const own = () => refreshCoordinator({ store, keys, allowPlaintext, timeout })(options.fetch ?? fetch);
  const coordinated = options.coordinated ?? own();
  const transport = () =>
    new StreamableHTTPClientTransport(new URL(options.server), { authProvider: provider, fetch: coordinated });
  return {
    provider,
    redirects,
    transport,
    finish: (callback: URLSearchParams) => provider.finishLogin(callback, (params) => transport().finishAuth(params)),
  };
}

export type Login = ReturnType<typeof loginOf>;

/** As whom a client of its own is known to the server; else its error's message. */
export async function whoami({ transport }: Pick<Login, "transport">): Promise<string> {
  const client = new Client({ name: "tester", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
  try {
    await client.connect(transport());
    return await callText(client, "whoami");
  } catch (error) {
    return String(error);
  } finally {
    await client.close();
  }
}
