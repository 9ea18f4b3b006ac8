/** Who asks, as far as somebody has verified it. */
import type { AuthInfo } from "@modelcontextprotocol/server";
import { lookupKey } from "../common/lookup-key.ts";
import type { RequestContext } from "./context.ts";

/**
 * Who asks: `undefined` where somebody does, but nobody has verified who, so that nothing may be kept for them.
 * - a user, where the token's verifier put `sub` and `iss` (or `issuer`) into `authInfo.extra`;
 * - else a token, so that a refreshed one begins anew. Never `clientId`: all users of one client product share it;
 * - else anonymous.
 */
export function verifiedPrincipal({ http }: RequestContext): readonly string[] | undefined {
  const authInfo = http?.authInfo;
  if (authInfo) return ownerOf(authInfo);
  const headers = http?.req?.headers;
  return headers?.has("authorization") || headers?.has("cookie") ? undefined : ["anonymous"];
}

/** Who asks, by the option of that name where it is given. */
export function principalOf(
  context: RequestContext,
  principal: ((context: RequestContext) => string | undefined) | undefined,
): readonly string[] | undefined {
  if (!principal) return verifiedPrincipal(context);
  const own = principal(context);
  return own === undefined ? undefined : ["principal", own];
}

/**
 * Whose something is that is bound to one principal, as a hash, so that no token is stored; `undefined` where the
 * option says nobody's. What nobody has verified makes nobody another one: all without `authInfo` are anonymous.
 */
export async function bindingOf(
  { http }: RequestContext,
  principal: ((context: RequestContext) => string | undefined) | undefined,
): Promise<string | undefined> {
  const authInfo = http?.authInfo;
  const parts = principal
    ? principalOf({ http }, principal)
    : principalOf({ http: authInfo && { authInfo } }, undefined);
  return parts && lookupKey(...parts);
}

function ownerOf({ token, extra = {} }: AuthInfo): readonly string[] {
  const issuer = extra.iss ?? extra.issuer;
  const { sub } = extra;
  return typeof issuer === "string" && typeof sub === "string" ? ["user", issuer, sub] : ["token", token];
}
