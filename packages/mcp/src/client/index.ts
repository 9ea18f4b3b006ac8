/** The public surface of `@kv/mcp/client`: what MCP clients keep in a store. */
export type { EncryptedStoreOptions } from "../common/encrypted.ts";
export { LoginStateError } from "./errors.ts";
export { KvOAuthClientProvider, type KvOAuthClientProviderOptions } from "./oauth-provider.ts";
export { type RefreshCoordinatorOptions, refreshCoordinator } from "./refresh-coordinator.ts";
