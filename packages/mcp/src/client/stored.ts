/** What the OAuth provider stores, and how it is known again. */
import type {
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from "@modelcontextprotocol/client";
import { isRecord } from "../common/is-record.ts";

/** A grant: its tokens, and who they were issued to, the only client that can refresh them. */
export interface Login {
  /** Stays through refreshes; a new login has another. */
  readonly id: string;
  readonly tokens: StoredOAuthTokens;
  readonly registration?: Registration | undefined;
  /** The access token's hash. */
  readonly mark: string;
  /** When the access token ends, in milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
  /** The hashes of access tokens that were replaced, newest last. */
  readonly superseded: readonly string[];
}

export interface Registration {
  readonly client: StoredOAuthClientInformation;
  /** What was registered, as JSON: redirect URI and metadata. */
  readonly registered: string;
}

/** A login that was begun: all that its callback needs. */
export interface LoginAttempt {
  readonly state: string;
  readonly verifier: string;
  readonly redirectUrl: string;
  readonly registration: Registration;
  readonly discovery?: OAuthDiscoveryState | undefined;
}

/** Which authorization server issued the latest tokens. */
export interface CurrentIssuer {
  readonly issuer: string;
}

export function isLogin(value: unknown): value is Login {
  return (
    isRecord(value) &&
    typeof value.id === "string" &&
    typeof value.mark === "string" &&
    isTokens(value.tokens) &&
    Array.isArray(value.superseded) &&
    (value.registration === undefined || isRegistration(value.registration)) &&
    (value.expiresAt === undefined || typeof value.expiresAt === "number")
  );
}

export function isTokens(value: unknown): value is StoredOAuthTokens {
  return isRecord(value) && typeof value.access_token === "string";
}

export function isRegistration(value: unknown): value is Registration {
  return (
    isRecord(value) &&
    isRecord(value.client) &&
    typeof value.client.client_id === "string" &&
    typeof value.registered === "string"
  );
}

export function isLoginAttempt(value: unknown): value is LoginAttempt {
  return (
    isRecord(value) &&
    isRegistration(value.registration) &&
    [value.state, value.verifier, value.redirectUrl].every((text) => typeof text === "string")
  );
}

export function isDiscoveryState(value: unknown): value is OAuthDiscoveryState {
  return isRecord(value) && typeof value.authorizationServerUrl === "string";
}

export function isCurrentIssuer(value: unknown): value is CurrentIssuer {
  return isRecord(value) && typeof value.issuer === "string";
}
