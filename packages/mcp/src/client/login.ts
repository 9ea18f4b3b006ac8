/** What becomes of a login as tokens come in, and what is given of it. */
import type { StoredOAuthClientInformation, StoredOAuthTokens } from "@modelcontextprotocol/client";
import type { Login, Registration } from "./stored.ts";

/** So many replaced access tokens are remembered: more than can be under way at once. */
const SUPERSEDED = 32;

export interface NewTokens {
  readonly tokens: StoredOAuthTokens;
  /** The access token's hash. */
  readonly mark: string;
  /** Whether they are a new login's, not a refresh's. */
  readonly isLogin: boolean;
  /** Which login was refreshed, where that is known. */
  readonly refreshed: string | undefined;
  /** Who they were issued to; a refresh is by whom the login was. */
  readonly registration: Registration | undefined;
  /** When they came, in milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The login with new tokens. Who was slow to store them does not bring back what has been replaced since, nor a login in
 * place of which there is another.
 */
export function renewed(current: Login | undefined, coming: NewTokens): Login {
  const { tokens, mark, isLogin, refreshed, registration, now } = coming;
  const expiresAt = tokens.expires_in === undefined ? undefined : now + tokens.expires_in * 1000;
  if (current === undefined) {
    return { id: refreshed ?? crypto.randomUUID(), tokens, mark, registration, expiresAt, superseded: [] };
  }
  const isOutdated = current.superseded.includes(mark) || (refreshed ?? current.id) !== current.id;
  if (!isLogin && isOutdated) return current;
  const isSame = current.mark === mark;
  const replaced = isSame ? [] : [current.mark];
  // A refresh may leave it out; a login without one is another grant.
  const refreshToken = tokens.refresh_token ?? (isLogin ? undefined : current.tokens.refresh_token);
  return {
    id: isLogin ? crypto.randomUUID() : current.id,
    tokens: { ...tokens, ...(refreshToken !== undefined && { refresh_token: refreshToken }) },
    mark,
    registration: isLogin ? registration : (current.registration ?? registration),
    expiresAt: isSame ? (current.expiresAt ?? expiresAt) : expiresAt,
    superseded: [...current.superseded, ...replaced].slice(-SUPERSEDED),
  };
}

/** The tokens, with the lifetime that is left now. */
export function tokensLeft({ tokens, expiresAt }: Login): StoredOAuthTokens {
  if (expiresAt === undefined) return tokens;
  return { ...tokens, expires_in: Math.max(0, Math.floor((expiresAt - Date.now()) / 1000)) };
}

/** Whether the client's secret has ended; 0 says that it never does. */
export function hasExpired(client: StoredOAuthClientInformation): boolean {
  const end = "client_secret_expires_at" in client ? client.client_secret_expires_at : undefined;
  return typeof end === "number" && end !== 0 && end * 1000 <= Date.now();
}

/** As the SDK compares issuers: with or without a slash at the end. */
export function canonicalIssuer(issuer: string): string {
  return issuer.endsWith("/") ? issuer.slice(0, -1) : issuer;
}
