/** What the OAuth provider stores, and how it is known again. */
import type {
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from "@modelcontextprotocol/client";

/** A grant: its tokens, and the client that they were issued to, the only one that can refresh them. */
export interface Login {
  readonly tokens: StoredOAuthTokens;
  readonly client?: StoredOAuthClientInformation | undefined;
  /** When the access token ends, in milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
  /** The hashes of access tokens that were replaced, newest last. */
  readonly superseded: readonly string[];
}

export interface Registration {
  readonly client: StoredOAuthClientInformation;
  /** Identifies what was registered: redirect URI and metadata. */
  readonly registered: string;
}

/** A login that was begun: all that its callback needs. */
export interface LoginAttempt {
  readonly state: string;
  readonly verifier: string;
  readonly redirectUrl: string;
  readonly client: StoredOAuthClientInformation;
  readonly discovery?: OAuthDiscoveryState | undefined;
}

/** Which authorization server issued the latest tokens. */
export interface CurrentIssuer {
  readonly issuer: string;
}

export function isLogin(value: unknown): value is Login {
  return (
    hasText(value, "tokens", "access_token") &&
    Array.isArray(value.superseded) &&
    (value.expiresAt === undefined || typeof value.expiresAt === "number")
  );
}

export function isRegistration(value: unknown): value is Registration {
  return hasText(value, "client", "client_id") && typeof value.registered === "string";
}

export function isLoginAttempt(value: unknown): value is LoginAttempt {
  return (
    hasText(value, "client", "client_id") &&
    [value.state, value.verifier, value.redirectUrl].every((text) => typeof text === "string")
  );
}

export function isDiscoveryState(value: unknown): value is OAuthDiscoveryState {
  return isRecord(value) && typeof value.authorizationServerUrl === "string";
}

export function isCurrentIssuer(value: unknown): value is CurrentIssuer {
  return isRecord(value) && typeof value.issuer === "string";
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasText(value: unknown, part: string, name: string): value is Record<string, unknown> {
  if (!isRecord(value)) return false;
  const inner = value[part];
  return isRecord(inner) && typeof inner[name] === "string";
}
