/** The wrappers, for `store.with(…)`. */

export { type CacheOptions, cache } from "./cache/cache.ts";
export { type ChaosOptions, chaos } from "./chaos.ts";
export {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitEvent,
  type CircuitState,
  circuitBreaker,
} from "./circuit-breaker.ts";
export { type ClampTtlOptions, clampTtl } from "./clamp-ttl.ts";
export { type CompressionAlgorithm, type CompressionOptions, compression } from "./compression.ts";
export { type ConcurrencyLimitOptions, concurrencyLimit } from "./concurrency-limit.ts";
export { defaultValue } from "./default-value.ts";
export { type EncryptionKey, type EncryptionOptions, encryption, keyFromPassphrase } from "./encryption.ts";
export { type Fallback, type FallbackOptions, fallback } from "./fallback/fallback.ts";
export type { FallbackEvent, Replayed } from "./fallback/outage.ts";
export { type FernetEncryptionOptions, fernetEncryption, fernetKeyFromPassphrase } from "./fernet-encryption.ts";
export { type LimitSizeOptions, limitSize } from "./limit-size.ts";
export { type Logger, type LoggingOptions, type LogLevel, type LogRecord, logging } from "./logging.ts";
export { prefixCollections } from "./prefix-collections.ts";
export { prefixKeys } from "./prefix-keys.ts";
export { readOnly } from "./read-only.ts";
export { type ReencryptOptions, type ReencryptProgress, reencrypt } from "./reencrypt.ts";
export { type RetryOptions, retry } from "./retry.ts";
export { type RouteOptions, route } from "./route.ts";
export { singleCollection } from "./single-collection.ts";
export {
  type OperationStatistics,
  type Statistics,
  type StatisticsByOperation,
  type StatisticsOptions,
  type StatisticsSnapshot,
  statistics,
} from "./statistics.ts";
export { timeout } from "./timeout.ts";
