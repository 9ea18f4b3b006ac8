/** The least share of the raw driver's speed that kv is to have. */
import type { Case } from "./cases.ts";
import type { BackendName } from "./contender.ts";

/** `undefined` where none was set. */
export function targetOf(backend: BackendName, { operation, size, concurrency }: Case): number | undefined {
  const batch = operation === "getMany(100)" || operation === "putMany(100)";
  if (operation !== "get" && operation !== "put" && !batch) return undefined;
  switch (backend) {
    case "memory":
      if (batch || size === "1 MB") return undefined;
      return size === "100 B" ? 1.2 : operation === "get" ? 2 : 1;
    // At most 5 % and 30 % more time.
    case "around-1":
      return size === "100 B" && operation === "get" ? 0.95 : undefined;
    case "around-5":
      return size === "100 B" && operation === "get" ? 0.77 : undefined;
    case "disk":
      return operation === "get" ? 0.7 : undefined;
    case "rocksdb":
      return batch ? undefined : 0.8;
    case "redis":
    case "valkey":
      if (batch) return 0.85;
      if (concurrency !== 64) return undefined;
      return size === "100 B" ? 0.92 : 0.95;
    case "memcached":
    case "dynamodb":
    case "mongodb":
    case "elasticsearch":
      return batch ? undefined : 0.9;
  }
}
