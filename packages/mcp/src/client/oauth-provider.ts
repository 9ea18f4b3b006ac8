/** Logins of an MCP client that survive restarts, and that many processes share. */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { type CorruptRecordError, InvalidArgumentError } from "@kv/core";
import type {
  OAuthClientInformationContext,
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from "@modelcontextprotocol/client";
import { type EncryptedStoreOptions, encryptedStore } from "../common/encrypted.ts";
import { lookupKey } from "../common/lookup-key.ts";
import { LoginStateError } from "./errors.ts";
import { canonicalServer, checkPrincipal } from "./server-url.ts";
import { Slots } from "./slots.ts";
import {
  type CurrentIssuer,
  isCurrentIssuer,
  isDiscoveryState,
  isLogin,
  isLoginAttempt,
  isRegistration,
  type Login,
  type LoginAttempt,
  type Registration,
} from "./stored.ts";

export interface KvOAuthClientProviderOptions extends EncryptedStoreOptions<"write" | "atomic" | "durable"> {
  /** The MCP server's URL. */
  readonly server: string | URL;
  /** Whose login it is: a verified user id; where there is one user only, any text. */
  readonly principal: string;
  /** Where the authorization server sends the browser back to. May differ from run to run, as a loopback port does. */
  readonly redirectUrl: string | URL;
  /** What is registered; `redirect_uris` is filled in. */
  readonly clientMetadata: Omit<OAuthClientMetadata, "redirect_uris">;
  /** Sends the user to the authorization server. */
  readonly redirect: (url: URL) => void | Promise<void>;
  /** The https URL of a client ID metadata document, for authorization servers that take one instead of a registration. */
  readonly clientMetadataUrl?: string | undefined;
  /** A client that was registered beforehand, and with which authorization server. */
  readonly client?: (StoredOAuthClientInformation & { readonly issuer: string }) | undefined;
  /** Told of records that cannot be decrypted or read. They count as absent, so that the user logs in anew. */
  readonly onError?: ((error: CorruptRecordError) => void) | undefined;
}

const COLLECTION = "mcp-oauth-client";
const ATTEMPT_SECONDS = 600;
const DAY_SECONDS = 86_400;
/** Renewed with each refresh. */
const LOGIN_SECONDS = 365 * DAY_SECONDS;
/** So many replaced access tokens are remembered: more than can be under way at once. */
const SUPERSEDED = 32;

/**
 * The SDK's `OAuthClientProvider` over a store: one login of one principal at one MCP server. Any number of instances,
 * in any number of processes, may share it; several logins may be under way at once.
 *
 * Every method rejects with a `KeyValueError` where the store fails.
 */
export class KvOAuthClientProvider implements OAuthClientProvider {
  readonly clientMetadataUrl?: string;
  readonly #options: KvOAuthClientProviderOptions;
  readonly #scope: readonly [principal: string, server: string];
  readonly #redirectUrl: string;
  readonly #logins: Slots<Login>;
  readonly #registrations: Slots<Registration>;
  readonly #attempts: Slots<LoginAttempt>;
  readonly #discoveries: Slots<OAuthDiscoveryState>;
  readonly #current: Slots<CurrentIssuer>;
  /** The login whose callback is being handled in this asynchronous context. */
  readonly #callback = new AsyncLocalStorage<LoginAttempt>();
  /** Verifiers by challenge, between the SDK's `saveCodeVerifier` and `redirectToAuthorization`. */
  readonly #verifiers = new Map<string, string>();
  /** Clients that the SDK was given or gave, by id, so that an attempt can keep its own. */
  readonly #clients = new Map<string, StoredOAuthClientInformation>();
  /** The one of them that it uses with each issuer now. */
  readonly #clientOf = new Map<string, StoredOAuthClientInformation>();

  /** @throws InvalidArgumentError, UnsupportedOperationError */
  constructor(options: KvOAuthClientProviderOptions) {
    const { server, principal, redirectUrl, clientMetadataUrl, onError = () => {} } = options;
    const store = encryptedStore("KvOAuthClientProvider", options, ["write", "atomic", "durable"]);
    checkPrincipal(principal);
    if (!URL.canParse(String(redirectUrl))) throw new InvalidArgumentError("redirectUrl must be a URL");
    if (typeof options.redirect !== "function") throw new InvalidArgumentError("redirect must be a function");
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = checkedMetadataUrl(clientMetadataUrl);
    this.#options = options;
    this.#scope = [principal, canonicalServer(server)];
    this.#redirectUrl = String(redirectUrl);
    const records = store.collection(COLLECTION);
    const common = { ttl: LOGIN_SECONDS, onError };
    this.#logins = new Slots(records, { ...common, kind: "login", accepts: isLogin });
    this.#registrations = new Slots(records, { ...common, kind: "client", accepts: isRegistration });
    this.#current = new Slots(records, { ...common, kind: "current", accepts: isCurrentIssuer });
    this.#discoveries = new Slots(records, {
      ...common,
      kind: "discovery",
      accepts: isDiscoveryState,
      ttl: DAY_SECONDS,
    });
    this.#attempts = new Slots(records, {
      ...common,
      kind: "attempt",
      accepts: isLoginAttempt,
      ttl: ATTEMPT_SECONDS,
    });
  }

  get redirectUrl(): string {
    return this.#callback.getStore()?.redirectUrl ?? this.#redirectUrl;
  }

  get clientMetadata(): OAuthClientMetadata {
    return { ...this.#options.clientMetadata, redirect_uris: [this.redirectUrl] };
  }

  /**
   * Handles the callback of a login: checks its `state`, which counts once, and runs `exchange`, in which the SDK finds
   * what belongs to that login: `provider.finishLogin(url.searchParams, (params) => transport.finishAuth(params))`.
   * The login may have been begun by another process.
   * @throws LoginStateError where this principal began no such login here, more than ten minutes ago, or it was used
   */
  async finishLogin<T>(params: URLSearchParams, exchange: (params: URLSearchParams) => T | Promise<T>): Promise<T> {
    const state = params.get("state");
    if (state === null) throw new LoginStateError("the callback has no state");
    const attempt = await this.#attempts.take(lookupKey(...this.#scope, state));
    if (attempt === undefined || !isSameText(attempt.state, state)) {
      throw new LoginStateError(
        "the callback's state is unknown, used or older than ten minutes: begin the login anew",
      );
    }
    return this.#callback.run(attempt, () => Promise.resolve(exchange(params)));
  }

  /** Forgets the tokens and what was discovered; the registration stays, and so does the grant at the server. */
  async logout(): Promise<void> {
    const issuer = await this.#issuerOf(undefined);
    if (issuer !== undefined) await this.#logins.delete(this.#at(issuer));
    await this.#current.delete(this.#here);
    await this.#discoveries.delete(this.#here);
  }

  state(): string {
    return randomBytes(32).toString("base64url");
  }

  async clientInformation(ctx?: OAuthClientInformationContext): Promise<StoredOAuthClientInformation | undefined> {
    const begun = this.#callback.getStore()?.client ?? this.#options.client;
    if (begun !== undefined) return begun;
    const issuer = await this.#issuerOf(ctx);
    if (issuer === undefined) return undefined;
    const client = (await this.#refreshingClient(issuer)) ?? (await this.#registeredClient(issuer));
    if (client === undefined || hasExpired(client)) {
      this.#clientOf.delete(issuer);
      return undefined;
    }
    this.#use(client, issuer);
    return client;
  }

  async saveClientInformation(
    client: StoredOAuthClientInformation,
    ctx?: OAuthClientInformationContext,
  ): Promise<void> {
    if (this.#options.client !== undefined || this.#callback.getStore() !== undefined) return;
    const issuer = await this.#issuerOf(ctx ?? client);
    if (issuer === undefined) return;
    this.#use(client, issuer);
    await this.#registrations.put(this.#at(issuer), { client, registered: this.#registered });
  }

  async tokens(ctx?: OAuthClientInformationContext): Promise<StoredOAuthTokens | undefined> {
    const issuer = await this.#issuerOf(ctx);
    if (issuer === undefined) return undefined;
    const id = this.#at(issuer);
    const login = await (ctx === undefined ? this.#logins.get(id) : this.#logins.handOut(id));
    if (login === undefined) return undefined;
    const { refresh_token, ...tokens } = withTimeLeft(login);
    const client = this.#clientOf.get(issuer);
    // Another client cannot refresh them, and a strict server would take the attempt for theft.
    const foreign = client !== undefined && login.client !== undefined && client.client_id !== login.client.client_id;
    return refresh_token === undefined || (ctx !== undefined && foreign) ? tokens : { ...tokens, refresh_token };
  }

  async saveTokens(tokens: StoredOAuthTokens, ctx?: OAuthClientInformationContext): Promise<void> {
    const issuer = (await this.#issuerOf(ctx ?? tokens)) ?? "";
    const attempt = this.#callback.getStore();
    const now = Date.now();
    const mark = lookupKey(tokens.access_token);
    const expiresAt = tokens.expires_in === undefined ? undefined : now + tokens.expires_in * 1000;
    await this.#logins.update(this.#at(issuer), (current) => {
      // Who was slow to store must not bring back what has been replaced since.
      if (attempt === undefined && current?.superseded.includes(mark)) return current;
      const isNew = current?.tokens.access_token !== tokens.access_token;
      const superseded = [
        ...(current?.superseded ?? []),
        ...(current && isNew ? [lookupKey(current.tokens.access_token)] : []),
      ];
      // A refresh may leave it out; a new login without one is another grant.
      const kept = attempt === undefined ? current?.tokens.refresh_token : undefined;
      const refreshToken = tokens.refresh_token ?? kept;
      return {
        tokens: { ...tokens, ...(refreshToken !== undefined && { refresh_token: refreshToken }) },
        client: attempt?.client ?? current?.client ?? this.#clientOf.get(issuer),
        expiresAt: isNew ? expiresAt : (current?.expiresAt ?? expiresAt),
        superseded: superseded.slice(-SUPERSEDED),
      };
    });
    await this.#current.put(this.#here, { issuer });
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifiers.set(createHash("sha256").update(verifier).digest("base64url"), verifier);
  }

  codeVerifier(): string {
    const attempt = this.#callback.getStore();
    if (attempt !== undefined) return attempt.verifier;
    throw new LoginStateError(
      "the callback's state was not checked: provider.finishLogin(params, (params) => transport.finishAuth(params))",
    );
  }

  /** Stores the attempt, then sends the user off. */
  async redirectToAuthorization(url: URL): Promise<void> {
    const { searchParams } = url;
    const challenge = searchParams.get("code_challenge") ?? "";
    const state = searchParams.get("state");
    const verifier = this.#verifiers.get(challenge);
    this.#verifiers.delete(challenge);
    const client = this.#options.client ?? this.#clients.get(searchParams.get("client_id") ?? "");
    if (state === null || verifier === undefined || client === undefined) {
      throw new LoginStateError("this is not the authorization request of a login that was begun here");
    }
    const discovery = await this.#discoveries.get(this.#here);
    const attempt = { state, verifier, redirectUrl: this.#redirectUrl, client, discovery };
    await this.#attempts.put(lookupKey(...this.#scope, state), attempt);
    await this.#options.redirect(url);
  }

  async discoveryState(): Promise<OAuthDiscoveryState | undefined> {
    return this.#callback.getStore()?.discovery ?? this.#discoveries.handOut(this.#here);
  }

  async saveDiscoveryState(discovery: OAuthDiscoveryState): Promise<void> {
    await this.#discoveries.put(this.#here, discovery);
  }

  /** Deletes what this instance has read and found rejected, never what somebody has written since. */
  async invalidateCredentials(scope: "all" | "client" | "tokens" | "verifier" | "discovery"): Promise<void> {
    // What is rejected in a callback is its code.
    const isCallback = this.#callback.getStore() !== undefined;
    if (scope === "verifier" || scope === "all") this.#verifiers.clear();
    if (scope === "client" || scope === "all") await this.#registrations.reject();
    if ((scope === "tokens" || scope === "all") && !isCallback) await this.#logins.reject();
    if (scope === "discovery" || scope === "all") await this.#discoveries.reject();
  }

  get #here(): string {
    return lookupKey(...this.#scope);
  }

  #at(issuer: string): string {
    return lookupKey(...this.#scope, issuer);
  }

  get #registered(): string {
    return lookupKey(JSON.stringify(this.clientMetadata), this.clientMetadataUrl ?? "");
  }

  /** Without a context (each request, and version 1 of the SDK always): of the latest tokens, else as discovered. */
  async #issuerOf(ctx: { readonly issuer?: string | undefined } | undefined): Promise<string | undefined> {
    const given = ctx?.issuer ?? (await this.#current.get(this.#here))?.issuer;
    if (given !== undefined) return canonicalIssuer(given);
    const discovery = await this.discoveryState();
    const found = discovery?.authorizationServerMetadata?.issuer ?? discovery?.authorizationServerUrl;
    return found === undefined ? undefined : canonicalIssuer(found);
  }

  /** The client that a refresh needs, whatever has changed since it was registered. */
  async #refreshingClient(issuer: string): Promise<StoredOAuthClientInformation | undefined> {
    const login = await this.#logins.handOut(this.#at(issuer));
    return login?.tokens.refresh_token === undefined ? undefined : login.client;
  }

  async #registeredClient(issuer: string): Promise<StoredOAuthClientInformation | undefined> {
    const registration = await this.#registrations.handOut(this.#at(issuer));
    return registration?.registered === this.#registered ? registration.client : undefined;
  }

  #use(client: StoredOAuthClientInformation, issuer: string): void {
    this.#clients.set(client.client_id, client);
    this.#clientOf.set(issuer, client);
  }
}

/** As the SDK compares issuers: with or without a slash at the end. */
function canonicalIssuer(issuer: string): string {
  return issuer.endsWith("/") ? issuer.slice(0, -1) : issuer;
}

/** The tokens with the lifetime that is left now. */
function withTimeLeft({ tokens, expiresAt }: Login): StoredOAuthTokens {
  if (expiresAt === undefined) return tokens;
  return { ...tokens, expires_in: Math.max(0, Math.floor((expiresAt - Date.now()) / 1000)) };
}

/** Whether its secret has ended; 0 says that it never does. */
function hasExpired(client: StoredOAuthClientInformation): boolean {
  const end = "client_secret_expires_at" in client ? client.client_secret_expires_at : undefined;
  return typeof end === "number" && end !== 0 && end * 1000 <= Date.now();
}

/** Without telling by its time how much of it is right. */
function isSameText(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash("sha256").update(text).digest());
  return first !== undefined && second !== undefined && timingSafeEqual(first, second);
}

/** @throws InvalidArgumentError */
function checkedMetadataUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" && url.pathname !== "/") return text;
  throw new InvalidArgumentError("clientMetadataUrl must be an https URL with a path");
}
