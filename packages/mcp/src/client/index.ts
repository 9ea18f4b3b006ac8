/** The public surface of `@kv/mcp/client`: what MCP clients keep in a store. */
export type { EncryptedStoreOptions } from "../common/encrypted.ts";
export { type DiscoveryCache, type DiscoveryCacheOptions, discoveryCache } from "./discovery-cache.ts";
export { LoginStateError } from "./errors.ts";
export { KvOAuthClientProvider } from "./oauth-provider.ts";
export type { KvOAuthClientProviderOptions } from "./provider-options.ts";
export { type RefreshCoordinatorOptions, refreshCoordinator } from "./refresh-coordinator.ts";
export { KvResponseCacheStore, type KvResponseCacheStoreOptions } from "./response-cache-store.ts";
export { type TokenStoreOptions, withTokenStore } from "./token-store.ts";
