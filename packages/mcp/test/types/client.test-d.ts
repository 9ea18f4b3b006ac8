/** Which stores the parts of the client take, and that they are what the SDK takes. */
import type { KeyValueStore } from "@kv/core";
import {
  discoveryCache,
  KvOAuthClientProvider,
  type KvOAuthClientProviderOptions,
  KvResponseCacheStore,
  refreshCoordinator,
  withTokenStore,
} from "@kv/mcp/client";
import { memoryStore } from "@kv/memory";
import {
  applyMiddlewares,
  ClientCredentialsProvider,
  type OAuthClientProvider,
  type ResponseCacheStore,
} from "@modelcontextprotocol/client";
import type { OAuthClientProvider as OAuthClientProviderV1 } from "@modelcontextprotocol/sdk/client/auth.js";

declare const whole: KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;
declare const evicting: KeyValueStore<"write" | "atomic" | "enumerate" | "clear">;
declare const plain: KeyValueStore<"write" | "durable">;
declare const readOnly: KeyValueStore<"enumerate">;
declare const keys: KvOAuthClientProviderOptions["keys"];
const at = { keys, server: "https://mcp.example/mcp", principal: "ada" };
const login = { ...at, redirectUrl: "http://127.0.0.1:9/", clientMetadata: {}, redirect: () => {} };

const provider: OAuthClientProvider = new KvOAuthClientProvider({ ...login, store: whole });
const providerV1: OAuthClientProviderV1 = new KvOAuthClientProvider({ ...login, store: whole });
const cache: ResponseCacheStore = new KvResponseCacheStore({ ...at, store: plain });
applyMiddlewares(refreshCoordinator({ store: whole, keys }))(fetch);
discoveryCache({ ...at, store: evicting });
void [provider, providerV1, cache];

// @ts-expect-error what may evict records may lose a login
new KvOAuthClientProvider({ ...login, store: evicting });
// @ts-expect-error such a store is one with a limit
new KvOAuthClientProvider({ ...login, store: memoryStore({ maxEntries: 10 }) });
// @ts-expect-error without atomic operations, a state could be used twice
new KvOAuthClientProvider({ ...login, store: plain });
// @ts-expect-error an evicted lease is a second refresh
refreshCoordinator({ store: evicting, keys });
// @ts-expect-error there is no lease without atomic operations
refreshCoordinator({ store: plain, keys });
// @ts-expect-error what cannot be written keeps no answers
new KvResponseCacheStore({ ...at, store: readOnly });
// @ts-expect-error nor anything else
discoveryCache({ ...at, store: readOnly });
// @ts-expect-error the server's name is not enough
new KvResponseCacheStore({ store: whole, keys, principal: "ada" });
// @ts-expect-error whose answers they are must be said
new KvResponseCacheStore({ store: whole, keys, server: at.server });

const machine = new ClientCredentialsProvider({
  clientId: "a",
  clientSecret: "s",
  expectedIssuer: "https://as.example",
});
const stored: ClientCredentialsProvider = withTokenStore(machine, { store: evicting, keys, server: at.server });
void stored;
