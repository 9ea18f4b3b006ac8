/** Logins that were begun: each has a verifier and a state of its own, for ten minutes, to be used once. */
import { lookupKey } from "../common/lookup-key.ts";
import { base64url, isSameText, randomText } from "../common/secrets.ts";
import { LoginStateError } from "./errors.ts";
import type { Slots } from "./slots.ts";
import type { LoginAttempt } from "./stored.ts";

export const ATTEMPT_SECONDS = 600;
/** So many verifiers wait to be sent off; the SDK does so at once. */
const WAITING = 100;

export class LoginAttempts {
  readonly #slots: Slots<LoginAttempt>;
  readonly #scope: readonly string[];
  /** By challenge: the SDK hands over the verifier first, then the request that tells which attempt it belongs to. */
  readonly #verifiers = new Map<string, string>();

  /** @param scope whose attempts these are: a state counts for them alone */
  constructor(slots: Slots<LoginAttempt>, scope: readonly string[]) {
    this.#slots = slots;
    this.#scope = scope;
  }

  newState(): string {
    return randomText();
  }

  async addVerifier(verifier: string): Promise<void> {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    this.#verifiers.set(base64url(new Uint8Array(digest)), verifier);
    const [oldest] = this.#verifiers.keys();
    if (this.#verifiers.size > WAITING && oldest !== undefined) this.#verifiers.delete(oldest);
  }

  forgetVerifiers(): void {
    this.#verifiers.clear();
  }

  /** The request will not be sent. */
  forget({ searchParams }: URL): void {
    this.#verifiers.delete(searchParams.get("code_challenge") ?? "");
  }

  /** Stores what the callback of this authorization request will need. @throws LoginStateError */
  async begin({ searchParams }: URL, rest: Omit<LoginAttempt, "state" | "verifier">): Promise<void> {
    const state = searchParams.get("state");
    const challenge = searchParams.get("code_challenge") ?? "";
    const verifier = this.#verifiers.get(challenge);
    this.#verifiers.delete(challenge);
    if (state === null || verifier === undefined) {
      throw new LoginStateError("this is not the authorization request of a login that was begun here");
    }
    await this.#slots.put(await this.#id(state), { ...rest, state, verifier });
  }

  /** The attempt that the callback belongs to; of several calls, one gets it. @throws LoginStateError */
  async take(callback: URLSearchParams): Promise<LoginAttempt> {
    const state = callback.get("state");
    if (state === null) throw new LoginStateError("the callback has no state");
    const attempt = await this.#slots.take(await this.#id(state));
    if (attempt !== undefined && (await isSameText(attempt.state, state))) return attempt;
    throw new LoginStateError("the callback's state is unknown, used or older than ten minutes: begin the login anew");
  }

  #id(state: string): Promise<string> {
    return lookupKey(...this.#scope, state);
  }
}
