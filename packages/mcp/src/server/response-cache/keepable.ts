/** Which requests may be answered from the cache, which answers may be kept, and what a kept one says of itself. */
import { isRecord, type RequestContext } from "../context.ts";
import type { CachedMethod } from "./methods.ts";

/**
 * Whether the request begins something anew. Later rounds of a multi-round request, and those that ask for a task,
 * are about their own state.
 */
export function isFresh(params: { readonly [key: string]: unknown }, { mcpReq }: RequestContext): boolean {
  if (mcpReq?.inputResponses !== undefined || mcpReq?.requestState?.() !== undefined) return false;
  return params.inputResponses === undefined && params.requestState === undefined && params.task === undefined;
}

/**
 * The answer as JSON text; `undefined` where it may not be kept: errors, requests for input, and whatever else is not
 * a complete result, or not JSON.
 */
export function textOf(result: unknown): string | undefined {
  if (!isRecord(result) || result.isError === true) return undefined;
  if (result.resultType !== undefined && result.resultType !== "complete") return undefined;
  try {
    return JSON.stringify(result);
  } catch {
    return undefined;
  }
}

/**
 * How long the server itself allows the result to be used, in milliseconds: its `ttlMs`, else that of the `cacheHint`
 * that the SDK has attached to it under a symbol of its own.
 */
export function ownTtl(result: unknown): number | undefined {
  if (!isRecord(result)) return undefined;
  if (typeof result.ttlMs === "number") return result.ttlMs;
  for (const symbol of Object.getOwnPropertySymbols(result)) {
    const attached: unknown = Reflect.get(result, symbol);
    if (isRecord(attached) && typeof attached.ttlMs === "number") return attached.ttlMs;
  }
  return undefined;
}

/** The methods whose results say how long they may be used. */
const CACHEABLE: ReadonlySet<CachedMethod> = new Set([
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);

/** The wire's names for how long a client may use a result, in milliseconds, and for whom. */
export function announced(
  result: { readonly [name: string]: unknown },
  {
    method,
    remaining,
    shared,
  }: { readonly method: CachedMethod; readonly remaining: number; readonly shared: boolean },
): object {
  if (!CACHEABLE.has(method)) return result;
  return { cacheScope: shared ? "public" : "private", ...result, ttlMs: remaining };
}
