/** Which requests may be answered from the cache, and which answers may be kept. */
import { isRecord, type RequestContext } from "./context.ts";

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

/** How long the server itself allows the result to be used: its `ttlMs`, in milliseconds. */
export function ownTtl(result: unknown): number | undefined {
  return isRecord(result) && typeof result.ttlMs === "number" ? result.ttlMs : undefined;
}

/** A kept result as it is `age` milliseconds later: less of its own `ttlMs` remains. */
export function aged<T extends object>(result: T, age: number): T {
  const ttlMs = ownTtl(result);
  return ttlMs === undefined ? result : { ...result, ttlMs: Math.max(0, Math.floor(ttlMs - age)) };
}
