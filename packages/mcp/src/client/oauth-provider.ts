/** Logins of an MCP client that survive restarts, and that many processes share. */
// No web standard has it yet, but all runtimes of servers do.
import { AsyncLocalStorage } from "node:async_hooks";
import { InvalidArgumentError } from "@kv/core";
import type {
  OAuthClientInformationContext,
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from "@modelcontextprotocol/client";
import { encryptedStore } from "../common/encrypted.ts";
import { lookupKey } from "../common/lookup-key.ts";
import { Clients } from "./clients.ts";
import { LoginStateError } from "./errors.ts";
import { canonicalIssuer, renewed, tokensLeft } from "./login.ts";
import { ATTEMPT_SECONDS, LoginAttempts } from "./login-attempts.ts";
import { checkedMetadataUrl, type KvOAuthClientProviderOptions } from "./provider-options.ts";
import { Redirects } from "./redirects.ts";
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
} from "./stored.ts";

const COLLECTION = "mcp-oauth-client";
const DAY_SECONDS = 86_400;
/** Of what each refresh renews. */
const YEAR_SECONDS = 365 * DAY_SECONDS;

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
  /** The id of the records that are of no issuer. */
  readonly #here: Promise<string>;
  readonly #redirectUrl: string;
  readonly #logins: Slots<Login>;
  readonly #clients: Clients;
  readonly #discoveries: Slots<OAuthDiscoveryState>;
  /** Whose tokens came last, for reads that do not say of which issuer. */
  readonly #current: Slots<CurrentIssuer>;
  readonly #attempts: LoginAttempts;
  readonly #redirects = new Redirects();
  /** The login whose callback is being handled in this asynchronous context; empty once it is done. */
  readonly #callback = new AsyncLocalStorage<{ attempt?: LoginAttempt | undefined }>();
  /** The id of the records of the issuer that the SDK has asked for last: what it finds invalid then is of that one. */
  #asked: string | undefined;
  /** The login that a refresh is of, by the issuer. */
  readonly #refreshed = new Map<string, string>();

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
    this.#here = lookupKey(...this.#scope);
    this.#redirectUrl = String(redirectUrl);
    const records = store.collection(COLLECTION);
    const slots = <T>(kind: string, accepts: (value: unknown) => value is T, ttl = YEAR_SECONDS): Slots<T> =>
      new Slots(records, { kind, accepts, ttl, onError });
    this.#logins = slots("login", isLogin);
    const registered = JSON.stringify([this.clientMetadata, this.clientMetadataUrl ?? ""]);
    this.#clients = new Clients(slots("client", isRegistration), registered);
    this.#current = slots("current", isCurrentIssuer);
    this.#discoveries = slots("discovery", isDiscoveryState, DAY_SECONDS);
    this.#attempts = new LoginAttempts(slots("attempt", isLoginAttempt, ATTEMPT_SECONDS), this.#scope);
  }

  get redirectUrl(): string {
    return this.#attempt?.redirectUrl ?? this.#redirectUrl;
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
    const handled: { attempt: LoginAttempt | undefined } = { attempt: await this.#attempts.take(callback) };
    try {
      return await this.#callback.run(handled, async () => exchange(callback));
    } finally {
      // What was begun in there and goes on, a connection for instance, is this login's no more.
      handled.attempt = undefined;
    }
  }

  /** Forgets the tokens and what was discovered; the registration stays, and so does the grant at the server. */
  async logout(): Promise<void> {
    const here = await this.#here;
    const latest = await this.#current.get(here);
    if (latest !== undefined) await this.#logins.delete(await this.#at(latest.issuer));
    await this.#current.delete(here);
    await this.#discoveries.delete(here);
  }

  state(): string {
    return this.#attempts.newState();
  }

  async clientInformation(ctx?: OAuthClientInformationContext): Promise<StoredOAuthClientInformation | undefined> {
    const attempt = this.#attempt;
    if (attempt !== undefined) return attempt.registration.client;
    const issuer = await this.#issuerOf(ctx);
    if (issuer === undefined) return this.#options.client;
    const id = await this.#at(issuer);
    this.#asked = id;
    // The SDK asks this first, and may come back to reject these tokens, which version 1 reads without a context.
    const login = await this.#logins.handOut(id);
    if (login) this.#refreshed.set(issuer, login.id);
    else this.#refreshed.delete(issuer);
    return this.#options.client ?? this.#clients.choose(id, login);
  }

  async saveClientInformation(
    client: StoredOAuthClientInformation,
    ctx?: OAuthClientInformationContext,
  ): Promise<void> {
    if (this.#options.client !== undefined || this.#attempt !== undefined) return;
    const issuer = await this.#issuerOf(ctx ?? client);
    if (issuer === undefined) return;
    await this.#clients.save(await this.#at(issuer), client);
  }

  async tokens(ctx?: OAuthClientInformationContext): Promise<StoredOAuthTokens | undefined> {
    if (ctx === undefined) return this.#latestTokens();
    const id = await this.#at(canonicalIssuer(ctx.issuer));
    this.#asked = id;
    const login = await this.#logins.handOut(id);
    if (login === undefined) return undefined;
    const { refresh_token, ...tokens } = tokensLeft(login);
    return refresh_token === undefined || this.#clients.isForeign(id, login) ? tokens : { ...tokens, refresh_token };
  }

  async saveTokens(tokens: StoredOAuthTokens, ctx?: OAuthClientInformationContext): Promise<void> {
    const issuer = await this.#issuerOf(ctx ?? tokens);
    if (issuer === undefined) throw new InvalidArgumentError("tokens of no known issuer cannot be kept");
    const attempt = this.#attempt;
    // As they are now: names take a turn, in which another call may begin.
    const [now, refreshed] = [Date.now(), this.#refreshed.get(issuer)];
    const id = await this.#at(issuer);
    const coming = {
      tokens,
      mark: await lookupKey(tokens.access_token),
      isLogin: attempt !== undefined,
      refreshed,
      registration: attempt?.registration ?? this.#clients.inUse(id),
      now,
    };
    await this.#logins.update(id, (current) => renewed(current, coming));
    await this.#current.put(await this.#here, { issuer });
    const handled = this.#callback.getStore();
    if (handled) handled.attempt = undefined;
  }

  async saveCodeVerifier(verifier: string): Promise<void> {
    await this.#attempts.addVerifier(verifier);
  }

  codeVerifier(): string {
    const attempt = this.#attempt;
    if (attempt !== undefined) return attempt.verifier;
    throw new LoginStateError(
      "the callback's state was not checked: provider.finishLogin(callback, (params) => transport.finishAuth(params))",
    );
  }

  /** Stores the attempt, then sends the user off; or waits, where they are on their way there. @throws LoginStateError */
  async redirectToAuthorization(url: URL): Promise<void> {
    // It comes from the server, and what opens it may well start programs for other schemes.
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      throw new LoginStateError("the authorization server's address is no http or https URL");
    }
    const { client } = this.#options;
    const registration = client
      ? this.#clients.given(client)
      : this.#clients.forRedirect(url.searchParams.get("client_id"));
    const { sent, joined } = this.#redirects.begin(url, async () => {
      const discovery = await this.#discoveries.get(await this.#here);
      await this.#attempts.begin(url, { redirectUrl: this.#redirectUrl, registration, discovery });
      await this.#options.redirect(url);
    });
    if (joined) this.#attempts.forget(url);
    await sent;
  }

  async discoveryState(): Promise<OAuthDiscoveryState | undefined> {
    return this.#attempt?.discovery ?? this.#discoveries.handOut(await this.#here);
  }

  async saveDiscoveryState(discovery: OAuthDiscoveryState): Promise<void> {
    await this.#discoveries.put(await this.#here, discovery);
  }

  /** Deletes what this instance has used and found rejected, never what somebody has written since. */
  async invalidateCredentials(scope: "all" | "client" | "tokens" | "verifier" | "discovery"): Promise<void> {
    const concerns = (one: typeof scope): boolean => scope === one || scope === "all";
    const attempt = this.#attempt;
    // Not made from the issuer: that takes a turn, after which something else may be in use.
    const id = attempt ? await this.#idInCallback() : this.#asked;
    if (concerns("client") && id !== undefined) {
      await this.#clients.reject(id, attempt?.registration ?? this.#clients.inUse(id));
    }
    // What is rejected in a callback is its code.
    if (concerns("tokens") && id !== undefined && attempt === undefined) await this.#logins.reject(id);
    if (concerns("discovery")) await this.#discoveries.reject(await this.#here);
    if (concerns("verifier")) this.#attempts.forgetVerifiers();
  }

  get #attempt(): LoginAttempt | undefined {
    return this.#callback.getStore()?.attempt;
  }

  #at(issuer: string): Promise<string> {
    return lookupKey(...this.#scope, issuer);
  }

  /** Version 1 of the SDK gives no context: what it asks is for the server that was discovered last. */
  async #issuerOf(ctx: { readonly issuer?: string | undefined } | undefined): Promise<string | undefined> {
    const issuer = ctx?.issuer ?? (await this.#discovered()) ?? (await this.#current.get(await this.#here))?.issuer;
    return issuer === undefined ? undefined : canonicalIssuer(issuer);
  }

  async #idInCallback(): Promise<string | undefined> {
    const issuer = await this.#issuerOf(undefined);
    return issuer === undefined ? undefined : this.#at(issuer);
  }

  async #discovered(): Promise<string | undefined> {
    const discovery = await this.discoveryState();
    return discovery?.authorizationServerMetadata?.issuer ?? discovery?.authorizationServerUrl;
  }

  /** For a request to the MCP server, which does not know of issuers. */
  async #latestTokens(): Promise<StoredOAuthTokens | undefined> {
    const { issuer } = (await this.#current.get(await this.#here)) ?? {};
    const login = issuer === undefined ? undefined : await this.#logins.get(await this.#at(issuer));
    return login && tokensLeft(login);
  }
}
