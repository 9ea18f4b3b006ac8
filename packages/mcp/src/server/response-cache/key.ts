/** Under which name an answer is kept: what was asked, of which server, by whom. */
import { canonicalJson, digestOf } from "../../common/lookup-key.ts";
import type { RequestContext } from "../context.ts";
import type { CachedMethod } from "./methods.ts";

/** What tells answers apart. */
export interface Identity {
  readonly method: CachedMethod;
  readonly params: { readonly [name: string]: unknown };
  readonly context: RequestContext;
  readonly server: { readonly name: string; readonly version: string };
  readonly revision: string;
  /** Who asks; `undefined` where the answer is the same for everybody. */
  readonly principal: readonly string[] | undefined;
}

/** All of that as one text, by which requests of one process join each other. It may hold a token. */
export function textOfIdentity({ method, params, context, server, revision, principal }: Identity): string {
  const { _meta, ...asked } = params;
  const whose = principal ? ["of", principal, ...grantOf(context)] : ["shared"];
  return canonicalJson([method, server.name, server.version, revision, eraOf(context), whose, asked]);
}

/** The name of an answer: neither tokens nor arguments can be read in it. */
export async function keyOf(method: CachedMethod, identity: string): Promise<string> {
  return `${method}:${await digestOf(identity)}`;
}

/** The two generations of the wire: results differ between them, and only the newer one has an envelope. */
export function eraOf({ mcpReq }: RequestContext): "legacy" | "modern" {
  return mcpReq?.envelope === undefined ? "legacy" : "modern";
}

/** What the caller was granted: a callback may check scopes itself, so other scopes may mean another answer. */
function grantOf({ http }: RequestContext): readonly unknown[] {
  const { scopes = [], resource } = http?.authInfo ?? {};
  return [[...new Set(scopes)].sort(), resource?.href ?? null];
}
