/** The registered clients of one login: which one is used with each issuer, and which can bring a user back here. */
import type { StoredOAuthClientInformation } from "@modelcontextprotocol/client";
import { LoginStateError } from "./errors.ts";
import { hasExpired } from "./login.ts";
import type { Slots } from "./slots.ts";
import type { Login, Registration } from "./stored.ts";

/** So many registrations are remembered: more than can be under way at once. */
const KNOWN = 100;

export class Clients {
  readonly #slots: Slots<Registration>;
  /** What would be registered now, as JSON. */
  readonly #registered: string;
  /** What the SDK uses with each issuer, by the id of the issuer's records. */
  readonly #inUse = new Map<string, Registration>();
  /** What it has used, by client id: of several that registered at once, each goes on with its own. */
  readonly #known = new Map<string, Registration>();
  /** Ids of clients that cannot send a user to where this process waits. */
  readonly #elsewhere = new Set<string>();

  constructor(slots: Slots<Registration>, registered: string) {
    this.#slots = slots;
    this.#registered = registered;
  }

  inUse(id: string): Registration | undefined {
    return this.#inUse.get(id);
  }

  /** The client to use now; `undefined`: register one. */
  async choose(id: string, login: Login | undefined): Promise<StoredOAuthClientInformation | undefined> {
    const found = this.#refreshing(login) ?? (await this.#registeredNow(id));
    if (found === undefined || hasExpired(found.client)) {
      this.#inUse.delete(id);
      return undefined;
    }
    this.#use(found, id);
    return found.client;
  }

  async save(id: string, client: StoredOAuthClientInformation): Promise<void> {
    const registration = this.given(client);
    this.#use(registration, id);
    await this.#slots.put(id, registration);
  }

  /** A client as if it had been registered now. */
  given(client: StoredOAuthClientInformation): Registration {
    return { client, registered: this.#registered };
  }

  /** Whether the login is another client's than the one in use: a strict server would take its refresh for theft. */
  isForeign(id: string, { registration }: Login): boolean {
    const inUse = this.#inUse.get(id);
    return (
      inUse !== undefined && registration !== undefined && inUse.client.client_id !== registration.client.client_id
    );
  }

  /** @throws LoginStateError where the client is not one that can come back here: then the next login registers anew */
  forRedirect(clientId: string | null): Registration {
    const registration = this.#known.get(clientId ?? "");
    if (registration?.registered === this.#registered) return registration;
    if (clientId !== null) this.#elsewhere.add(clientId);
    throw new LoginStateError(
      "the client is registered for another redirect URI; begin again, which registers it anew",
    );
  }

  /** Deletes the registration, if it is still this client's. */
  async reject(id: string, rejected: Registration | undefined): Promise<void> {
    await this.#slots.deleteIf(id, ({ client }) => client.client_id === rejected?.client.client_id);
  }

  /** What a refresh needs, whatever has changed since it was registered: another client cannot refresh these tokens. */
  #refreshing({ tokens, registration }: Partial<Login> = {}): Registration | undefined {
    if (tokens?.refresh_token === undefined || registration === undefined) return undefined;
    return this.#elsewhere.has(registration.client.client_id) ? undefined : registration;
  }

  /** What a login needs: registered with the redirect URI and the metadata of now. */
  async #registeredNow(id: string): Promise<Registration | undefined> {
    const registration = await this.#slots.get(id);
    return registration?.registered === this.#registered ? registration : undefined;
  }

  #use(registration: Registration, id: string): void {
    this.#inUse.set(id, registration);
    this.#known.set(registration.client.client_id, registration);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}
