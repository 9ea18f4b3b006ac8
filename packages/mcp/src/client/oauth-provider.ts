/** Logins of an MCP client that survive restarts, and that many processes share. */
import { AsyncLocalStorage } from "node:async_hooks";
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
import { canonicalIssuer, hasExpired, renewed, tokensLeft } from "./login.ts";
import { ATTEMPT_SECONDS, LoginAttempts } from "./login-attempts.ts";
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
const DAY_SECONDS = 86_400;
/** Of what each refresh renews. */
const YEAR_SECONDS = 365 * DAY_SECONDS;

/** So many registrations are remembered: more than can be under way at once. */
const KNOWN = 100;

/**
 * The SDK's `OAuthClientProvider` over a store: the login of one principal at one MCP server. Any number of instances, in
 * any number of processes, may share it; several logins may be under way at once.
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
  readonly #discoveries: Slots<OAuthDiscoveryState>;
  /** Whose tokens came last, for reads that do not say of which issuer. */
  readonly #current: Slots<CurrentIssuer>;
  readonly #attempts: LoginAttempts;
  /** The login whose callback is being handled in this asynchronous context. */
  readonly #callback = new AsyncLocalStorage<LoginAttempt>();
  /** What the SDK uses with each issuer now. */
  readonly #inUse = new Map<string, Registration>();
  /** What it has used, by client id: of several that registered at once, each goes on with its own. */
  readonly #known = new Map<string, Registration>();
  /** Ids of clients that cannot send a user to where this instance waits for them. */
  readonly #elsewhere = new Set<string>();

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
    const slots = <T>(kind: string, accepts: (value: unknown) => value is T, ttl = YEAR_SECONDS): Slots<T> =>
      new Slots(records, { kind, accepts, ttl, onError });
    this.#logins = slots("login", isLogin);
    this.#registrations = slots("client", isRegistration);
    this.#current = slots("current", isCurrentIssuer);
    this.#discoveries = slots("discovery", isDiscoveryState, DAY_SECONDS);
    this.#attempts = new LoginAttempts(slots("attempt", isLoginAttempt, ATTEMPT_SECONDS), this.#scope);
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
  async finishLogin<T>(callback: URLSearchParams, exchange: (callback: URLSearchParams) => T | Promise<T>): Promise<T> {
    const attempt = await this.#attempts.take(callback);
    return this.#callback.run(attempt, async () => exchange(callback));
  }

  /** Forgets the tokens and what was discovered; the registration stays, and so does the grant at the server. */
  async logout(): Promise<void> {
    const issuer = await this.#issuerOf(undefined);
    if (issuer !== undefined) await this.#logins.delete(this.#at(issuer));
    await this.#current.delete(this.#here);
    await this.#discoveries.delete(this.#here);
  }

  state(): string {
    return this.#attempts.newState();
  }

  async clientInformation(ctx?: OAuthClientInformationContext): Promise<StoredOAuthClientInformation | undefined> {
    const begun = this.#callback.getStore()?.registration.client ?? this.#options.client;
    if (begun !== undefined) return begun;
    const issuer = await this.#issuerOf(ctx);
    if (issuer === undefined) return undefined;
    const found = (await this.#refreshing(issuer)) ?? (await this.#registration(issuer));
    const registration = found && !hasExpired(found.client) ? found : undefined;
    if (registration) this.#use(registration, issuer);
    else this.#inUse.delete(issuer);
    return registration?.client;
  }

  async saveClientInformation(
    client: StoredOAuthClientInformation,
    ctx?: OAuthClientInformationContext,
  ): Promise<void> {
    // In a callback it is what the attempt has kept.
    if (this.#options.client !== undefined || this.#callback.getStore() !== undefined) return;
    const issuer = await this.#issuerOf(ctx ?? client);
    if (issuer === undefined) return;
    const registration = { client, registered: this.#registered };
    this.#use(registration, issuer);
    await this.#registrations.put(this.#at(issuer), registration);
  }

  async tokens(ctx?: OAuthClientInformationContext): Promise<StoredOAuthTokens | undefined> {
    const issuer = await this.#issuerOf(ctx);
    if (issuer === undefined) return undefined;
    const id = this.#at(issuer);
    // Without a context it is for a request, which comes back only by way of a refresh.
    const login = await (ctx === undefined ? this.#logins.get(id) : this.#logins.handOut(id));
    if (login === undefined) return undefined;
    const { refresh_token, ...tokens } = tokensLeft(login);
    if (refresh_token === undefined || (ctx !== undefined && this.#isForeign(login, issuer))) return tokens;
    return { ...tokens, refresh_token };
  }

  async saveTokens(tokens: StoredOAuthTokens, ctx?: OAuthClientInformationContext): Promise<void> {
    const issuer = await this.#issuerOf(ctx ?? tokens);
    if (issuer === undefined) throw new InvalidArgumentError("tokens of no known issuer cannot be kept");
    const attempt = this.#callback.getStore();
    const registration = attempt?.registration ?? this.#inUse.get(issuer);
    const coming = { tokens, isLogin: attempt !== undefined, registration, now: Date.now() };
    await this.#logins.update(this.#at(issuer), (current) => renewed(current, coming));
    await this.#current.put(this.#here, { issuer });
  }

  saveCodeVerifier(verifier: string): void {
    this.#attempts.addVerifier(verifier);
  }

  codeVerifier(): string {
    const attempt = this.#callback.getStore();
    if (attempt !== undefined) return attempt.verifier;
    throw new LoginStateError(
      "the callback's state was not checked: provider.finishLogin(callback, (params) => transport.finishAuth(params))",
    );
  }

  /** Stores the attempt, then sends the user off. @throws LoginStateError */
  async redirectToAuthorization(url: URL): Promise<void> {
    const registration = this.#registrationOf(url.searchParams.get("client_id"));
    const discovery = await this.#discoveries.get(this.#here);
    await this.#attempts.begin(url, { redirectUrl: this.#redirectUrl, registration, discovery });
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
    const concerns = (one: typeof scope): boolean => scope === one || scope === "all";
    // What is rejected in a callback is its code.
    if (concerns("tokens") && this.#callback.getStore() === undefined) await this.#logins.reject();
    if (concerns("client")) await this.#registrations.reject();
    if (concerns("discovery")) await this.#discoveries.reject();
    if (concerns("verifier")) this.#attempts.forgetVerifiers();
  }

  get #here(): string {
    return lookupKey(...this.#scope);
  }

  #at(issuer: string): string {
    return lookupKey(...this.#scope, issuer);
  }

  /** Identifies what this instance would register. */
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

  /** What a refresh needs, whatever has changed since it was registered: another client cannot refresh these tokens. */
  async #refreshing(issuer: string): Promise<Registration | undefined> {
    const login = await this.#logins.handOut(this.#at(issuer));
    const { tokens, registration } = login ?? {};
    if (tokens?.refresh_token === undefined || registration === undefined) return undefined;
    return this.#elsewhere.has(registration.client.client_id) ? undefined : registration;
  }

  /** What a login needs: registered with the redirect URI and the metadata of now. */
  async #registration(issuer: string): Promise<Registration | undefined> {
    const registration = await this.#registrations.handOut(this.#at(issuer));
    return registration?.registered === this.#registered ? registration : undefined;
  }

  #use(registration: Registration, issuer: string): void {
    this.#inUse.set(issuer, registration);
    this.#known.set(registration.client.client_id, registration);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }

  /** A strict server would take a refresh by another client for theft. */
  #isForeign({ registration }: Login, issuer: string): boolean {
    const inUse = this.#inUse.get(issuer);
    return (
      inUse !== undefined && registration !== undefined && inUse.client.client_id !== registration.client.client_id
    );
  }

  /** @throws LoginStateError where the client is not one that can come back here */
  #registrationOf(clientId: string | null): Registration {
    const { client } = this.#options;
    if (client !== undefined) return { client, registered: this.#registered };
    const registration = this.#known.get(clientId ?? "");
    if (registration?.registered === this.#registered) return registration;
    if (clientId !== null) this.#elsewhere.add(clientId);
    throw new LoginStateError(
      "the client is registered for another redirect URI; begin again, which registers it anew",
    );
  }
}

/** @throws InvalidArgumentError */
function checkedMetadataUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" && url.pathname !== "/") return text;
  throw new InvalidArgumentError("clientMetadataUrl must be an https URL with a path");
}
