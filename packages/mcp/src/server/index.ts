/** The public surface of `@kv/mcp/server`: what MCP servers keep in a store. */
export type { RequestContext } from "./context.ts";
export { KvEventStore, type KvEventStoreOptions } from "./events/event-store.ts";
export { type ReplayGuard, type ReplayGuardOptions, replayGuard } from "./replay-guard.ts";
export { type KvRequestStateOptions, kvRequestState } from "./request-state.ts";
export type { Invalidation } from "./response-cache/invalidations.ts";
export type { CachedMethod, Kind } from "./response-cache/methods.ts";
export type { ItemOptions, ItemsOptions, ResponseCacheOptions } from "./response-cache/options.ts";
export { type CacheMiddleware, ResponseCache, responseCache } from "./response-cache/response-cache.ts";
export type { CacheStatistics } from "./response-cache/statistics.ts";
export type { KvSessionsOptions, SessionTransport, SessionTransportOptions } from "./sessions/options.ts";
export { type KvSessions, kvSessions } from "./sessions/sessions.ts";
export { type CachedTokenVerifier, type CachedTokenVerifierOptions, cachedTokenVerifier } from "./token-verifier.ts";
