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

/** What a server offers. */
export type Kind = "tools" | "resources" | "prompts";

export const CACHED_METHODS: readonly CachedMethod[] = [
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "tools/call",
  "resources/read",
  "prompts/get",
];

export const DEFAULT_TTL: { readonly [M in CachedMethod]: Duration } = {
  "tools/list": "5m",
  "prompts/list": "5m",
  "resources/list": "5m",
  "resources/templates/list": "5m",
  "tools/call": "1h",
  "resources/read": "1h",
  "prompts/get": "1h",
};

const KINDS: { readonly [M in CachedMethod]: Kind } = {
  "tools/list": "tools",
  "prompts/list": "prompts",
  "resources/list": "resources",
  "resources/templates/list": "resources",
  "tools/call": "tools",
  "resources/read": "resources",
  "prompts/get": "prompts",
};

export function isCachedMethod(method: string): method is CachedMethod {
  return Object.hasOwn(DEFAULT_TTL, method);
}

/** What the method is about. */
export function kindOf(method: CachedMethod): Kind {
  return KINDS[method];
}

export function isList(method: CachedMethod): boolean {
  return method.endsWith("/list");
}

/** The tool, resource or prompt that is asked for, a resource by its URI in normal form. */
export function itemOf(method: CachedMethod, params: { readonly [name: string]: unknown }): string | undefined {
  if (isList(method)) return undefined;
  const item = method === "resources/read" ? params.uri : params.name;
  if (typeof item !== "string") return undefined;
  return method === "resources/read" ? hrefOf(item) : item;
}

/** As the SDK looks a resource up: other spellings of a URI are the same resource. */
export function hrefOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).href : uri;
}
