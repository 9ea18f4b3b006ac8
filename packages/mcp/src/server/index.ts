/** The public surface of `@kv/mcp/server`: what MCP servers keep in a store. */
export type { RequestContext } from "./context.ts";
export type { Invalidation } from "./response-cache/invalidations.ts";
export type { CachedMethod, Kind } from "./response-cache/methods.ts";
export type { ItemOptions, ItemsOptions, ResponseCacheOptions } from "./response-cache/options.ts";
export { type CacheMiddleware, ResponseCache, responseCache } from "./response-cache/response-cache.ts";
export type { CacheStatistics } from "./response-cache/statistics.ts";
