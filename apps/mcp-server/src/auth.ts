/** Who may call: those with an access token that one authorization server has issued for this very server. */
import { discoverAuthorizationServerMetadata, IssuerMismatchError } from "@modelcontextprotocol/client";
import {
  type AuthInfo,
  type AuthorizationServerMetadata,
  bearerAuthChallengeResponse,
  getOAuthProtectedResourceMetadataUrl,
  OAuthError,
  OAuthErrorCode,
  oauthMetadataResponse,
  verifyBearerToken,
} from "@modelcontextprotocol/server";
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { UsageError } from "./options.ts";

/** Signatures that who can verify them cannot make. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** How long the authorization server may take for an answer, in milliseconds. */
const TIMEOUT = 5000;

interface Authority {
  readonly metadata: AuthorizationServerMetadata;
  readonly keys: JWTVerifyGetKey;
}

export class Gate {
  readonly #issuer: string;
  readonly #resource: URL;
  readonly #scopes: string[];
  readonly #say: (line: string) => void;
  #authority: Promise<Authority> | undefined;
  #down = false;

  /**
   * @param resource where clients find this server: tokens must have been issued for it
   * @param scopes what users must have been granted
   */
  constructor(issuer: string, resource: URL, scopes: readonly string[], say: (line: string) => void) {
    this.#issuer = issuer;
    this.#resource = resource;
    this.#scopes = [...scopes];
    this.#say = say;
  }

  /**
   * Asks the authorization server about itself. One that is down is said, and asked again when it is needed.
   * @throws UsageError where there is none
   */
  async open(): Promise<void> {
    try {
      await this.#find();
    } catch (error) {
      if (error instanceof UsageError) throw error;
      if (error instanceof IssuerMismatchError) throw new UsageError(`--auth ${this.#issuer}: ${error.message}`);
      this.#sayDown(error);
    }
  }

  /** Answers requests for the documents by which clients find where to log in; `undefined`: it is none. */
  async metadata(request: Request): Promise<Response | undefined> {
    return this.#unlessDown(async () => {
      const { metadata } = await this.#find();
      this.#sayUp();
      return oauthMetadataResponse(request, {
        oauthMetadata: metadata,
        resourceServerUrl: this.#resource,
        resourceName: "Knowledge base",
        ...(this.#scopes.length > 0 && { scopesSupported: this.#scopes }),
        // What is checked of the URL has been, when the options were.
        dangerouslyAllowInsecureIssuerUrl: true,
      });
    });
  }

  /** Who calls, or the answer to one who may not, which tells clients where to log in. */
  async admit(authorization: string | undefined): Promise<AuthInfo | Response> {
    const challenge = {
      requiredScopes: this.#scopes,
      resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(this.#resource),
    };
    return this.#unlessDown(async () => {
      try {
        return await verifyBearerToken(authorization, {
          verifier: { verifyAccessToken: (token) => this.#verify(token) },
          expectedResource: this.#resource,
          ...challenge,
        });
      } catch (error) {
        if (!(error instanceof OAuthError)) throw error;
        return bearerAuthChallengeResponse(error, challenge);
      }
    });
  }

  async #verify(token: string): Promise<AuthInfo> {
    const { keys, metadata } = await this.#find();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: metadata.issuer,
        audience: this.#resource.href,
        algorithms: ALGORITHMS,
        requiredClaims: ["exp", "sub"],
      });
      this.#sayUp();
      return this.#infoOf(token, payload);
    } catch (error) {
      // Where the token is at fault, the client gets another one. Where the keys are, it must not lose its login.
      if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) throw error;
      if (!(error instanceof errors.JOSEError) || error.code === errors.JOSEError.code) throw error;
      throw new OAuthError(OAuthErrorCode.InvalidToken, "The access token is not valid here");
    }
  }

  #infoOf(token: string, payload: JWTPayload): AuthInfo {
    const { iss, sub, exp, client_id: clientId, scope } = payload;
    return {
      token,
      clientId: typeof clientId === "string" ? clientId : "",
      scopes: typeof scope === "string" ? scope.split(" ").filter((one) => one !== "") : [],
      ...(exp !== undefined && { expiresAt: exp }),
      resource: this.#resource,
      // The user. Never the client, which all users of one program share.
      extra: { iss, sub },
    };
  }

  #find(): Promise<Authority> {
    this.#authority ??= this.#discover().catch((error: unknown) => {
      this.#authority = undefined;
      throw error;
    });
    return this.#authority;
  }

  async #discover(): Promise<Authority> {
    const fetchFn = (url: string | URL, init?: RequestInit): Promise<Response> =>
      fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT) });
    const metadata = await discoverAuthorizationServerMetadata(this.#issuer, { fetchFn });
    const keys = metadata?.jwks_uri;
    if (!metadata || typeof keys !== "string") {
      throw new UsageError(`--auth ${this.#issuer}: there is no authorization server that tells its keys (jwks_uri)`);
    }
    return { metadata, keys: createRemoteJWKSet(new URL(keys), { timeoutDuration: TIMEOUT }) };
  }

  /** Where the authorization server cannot be asked, callers are told to come again: they keep their login. */
  async #unlessDown<T>(action: () => Promise<T>): Promise<T | Response> {
    try {
      return await action();
    } catch (error) {
      this.#sayDown(error);
      return Response.json({ error: "temporarily_unavailable" }, { status: 503, headers: { "retry-after": "5" } });
    }
  }

  #sayUp(): void {
    if (this.#down) this.#say("The authorization server is back.");
    this.#down = false;
  }

  #sayDown(error: unknown): void {
    if (!this.#down)
      this.#say(`The authorization server ${this.#issuer} is down (${reasonOf(error)}): nobody is let in.`);
    this.#down = true;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && "code" in cause ? String(cause.code) : error.message;
}
