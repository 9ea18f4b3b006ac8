/** The MCP methods whose answers may be kept, and for how long by default. */
import type { Duration } from "@kv/core";

export type CachedMethod =
  | "tools/list"
  | "prompts/list"
  | "resources/list"
  | "resources/templates/list"
  | "tools/call"
  | "resources/read"
  | "prompts/get";

export const DEFAULT_TTL: { readonly [M in CachedMethod]: Duration } = {
  "tools/list": "5m",
  "prompts/list": "5m",
  "resources/list": "5m",
  "resources/templates/list": "5m",
  "tools/call": "1h",
  "resources/read": "1h",
  "prompts/get": "1h",
};

export const CACHED_METHODS: readonly CachedMethod[] = [
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "tools/call",
  "resources/read",
  "prompts/get",
];

export function isCachedMethod(method: string): method is CachedMethod {
  return Object.hasOwn(DEFAULT_TTL, method);
}
