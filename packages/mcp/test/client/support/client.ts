/** An MCP client with a login over a store. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  KvOAuthClientProvider,
  type KvOAuthClientProviderOptions,
  refreshCoordinator,
} from "../../../src/client/index.ts";

export type StoreOptions = Pick<KvOAuthClientProviderOptions, "store" | "keys" | "allowPlaintext">;

export interface LoginOptions extends StoreOptions {
  readonly server: string | URL;
  readonly principal?: string;
  readonly redirectUrl?: string;
}

/** A provider that notes where it sends its user. */
export function providerOf({ principal = "ada", redirectUrl = "http://127.0.0.1:9/callback", ...rest }: LoginOptions) {
  const redirects: URL[] = [];
  const provider = new KvOAuthClientProvider({
    ...rest,
    principal,
    redirectUrl,
    clientMetadata: { client_name: "tested" },
    redirect: (url) => {
      redirects.push(url);
    },
  });
  return { provider, redirects };
}

/** A transport of it, whose refreshes are coordinated through the same store. */
export function transportOf(provider: KvOAuthClientProvider, { server, ...store }: LoginOptions) {
  const coordinate = refreshCoordinator({ store: store.store, keys: store.keys, allowPlaintext: store.allowPlaintext });
  return new StreamableHTTPClientTransport(new URL(server), { authProvider: provider, fetch: coordinate(fetch) });
}

export function newClient(): Client {
  return new Client({ name: "tester", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
}
