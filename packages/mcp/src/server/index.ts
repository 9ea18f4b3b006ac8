/** The public surface of `@kv/mcp/server`: what MCP servers keep in a store. */
export type { RequestContext } from "./context.ts";
export type { CachedMethod } from "./methods.ts";
export {
  type CacheMiddleware,
  type CacheStatistics,
  ResponseCache,
  type ResponseCacheOptions,
  responseCache,
} from "./response-cache.ts";
