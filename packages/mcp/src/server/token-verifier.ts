/** Verified access tokens, kept for a while, so that not every request asks the authorization server. */
import type { Collection, Duration, JsonObject, JsonValue } from "@kv/core";
import { expiryOf, timeoutOf } from "@kv/core/driver";
import type { AuthInfo, OAuthTokenVerifier } from "@modelcontextprotocol/server";
import { type EncryptedStoreOptions, encryptedStore } from "../common/encrypted.ts";
import { lookupKey } from "../common/lookup-key.ts";
import { isRecord } from "./context.ts";

export interface CachedTokenVerifierOptions extends EncryptedStoreOptions<"write"> {
  /** Asked about each token that is not known. */
  readonly verifier: OAuthTokenVerifier;
  /** How long a token is taken for good: so long a revocation may go unseen. Never beyond its expiry. Default: 1 minute. */
  readonly ttl?: Duration | undefined;
  /** How long to wait for the store, in milliseconds or as a duration such as `"500ms"`. Default: 1 s. */
  readonly timeout?: number | string | undefined;
  /** Told of each failure of the store, which costs a question to the verifier. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** @throws InvalidArgumentError, InvalidTtlError, UnsupportedOperationError */
export function cachedTokenVerifier(options: CachedTokenVerifierOptions): CachedTokenVerifier {
  return new CachedTokenVerifier(options);
}

export class CachedTokenVerifier implements OAuthTokenVerifier {
  readonly #options: CachedTokenVerifierOptions;
  readonly #ttl: Duration;
  readonly #timeout: number;
  readonly #known: Collection<"write">;
  /** By token: a hash takes a turn, in which two would ask. */
  readonly #asked = new Map<string, Promise<AuthInfo>>();

  /** @internal Use {@link cachedTokenVerifier}. */
  constructor(options: CachedTokenVerifierOptions) {
    const { ttl = "1m", timeout = 1000 } = options;
    expiryOf({ ttl }, Date.now());
    this.#options = options;
    this.#ttl = ttl;
    this.#timeout = timeoutOf(timeout);
    this.#known = encryptedStore("cachedTokenVerifier", options, ["write"]).collection("mcp-tokens");
  }

  /** What the verifier says; what it refuses is asked again each time. Equal questions at one time are one. */
  async verifyAccessToken(token: string): Promise<AuthInfo> {
    const asked = this.#asked.get(token);
    if (asked) return structuredCopy(await asked);
    const asking = this.#verify(token).finally(() => this.#asked.delete(token));
    this.#asked.set(token, asking);
    return asking;
  }

  /** Asks about the token again next time, as after its revocation. @throws StoreUnavailableError, TimeoutError */
  async forget(token: string): Promise<void> {
    await this.#known.delete(await lookupKey(token), { timeout: this.#timeout });
  }

  async #verify(token: string): Promise<AuthInfo> {
    const key = await lookupKey(token);
    const known = await this.#unlessStoreFails(() => this.#known.get(key, { timeout: this.#timeout }));
    const kept = authInfoOf(known, token);
    if (kept) return kept;
    const authInfo = await this.#options.verifier.verifyAccessToken(token);
    await this.#unlessStoreFails(() => this.#keep(key, authInfo));
    return authInfo;
  }

  /** Without the token: who can read the store, and has the key, still has none that can be used. */
  async #keep(key: string, { token: _, resource, ...rest }: AuthInfo): Promise<void> {
    const now = Date.now();
    const ends = rest.expiresAt === undefined ? Number.POSITIVE_INFINITY : rest.expiresAt * 1000;
    const expiresAt = Math.min(expiryOf({ ttl: this.#ttl }, now) ?? now, ends);
    if (expiresAt <= now) return;
    const { extra = {}, ...plain } = rest;
    // What is no JSON is refused by the store, and asked for each time.
    const value = { ...plain, extra: extra as JsonObject, ...(resource && { resource: resource.href }) };
    await this.#known.put(key, value, { expiresAt, timeout: this.#timeout });
  }

  async #unlessStoreFails<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      try {
        this.#options.onError?.(error);
      } catch {
        // A hook that throws must not refuse the token.
      }
      return undefined;
    }
  }
}

/** What was kept of a token; `undefined` where it does not look like that. */
function authInfoOf(value: JsonValue | undefined, token: string): AuthInfo | undefined {
  if (!isRecord(value)) return undefined;
  const { clientId, scopes, expiresAt, resource, resourceMetadataUrl, extra } = value;
  if (typeof clientId !== "string" || !Array.isArray(scopes) || !scopes.every((one) => typeof one === "string")) {
    return undefined;
  }
  return {
    token,
    clientId,
    scopes,
    ...(typeof expiresAt === "number" && { expiresAt }),
    ...(typeof resource === "string" && { resource: new URL(resource) }),
    ...(typeof resourceMetadataUrl === "string" && { resourceMetadataUrl }),
    ...(isRecord(extra) && { extra }),
  };
}

function structuredCopy({ resource, ...rest }: AuthInfo): AuthInfo {
  return { ...rest, scopes: [...rest.scopes], ...(resource && { resource: new URL(resource) }) };
}
