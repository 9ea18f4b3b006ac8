/** One refresh for a refresh token, whoever asks for it: calls of this process and of all that share the store. */
import { type Collection, CorruptRecordError, InvalidArgumentError, KeyValueError } from "@kv/core";
import { copyJson, timeoutOf } from "@kv/core/driver";
import type { FetchLike, Middleware } from "@modelcontextprotocol/client";
import { type EncryptedStoreOptions, encryptedStore } from "../common/encrypted.ts";
import { lookupKey } from "../common/lookup-key.ts";
import { accessMarkOf, bodyOf, endOf, isKeptAnswer, KEPT_SECONDS, type KeptAnswer, tokensOf } from "./kept-answer.ts";
import { Lease } from "./lease.ts";
import { accessTokenOf, refreshTokenOf } from "./refresh-request.ts";

export interface RefreshCoordinatorOptions extends EncryptedStoreOptions<"write" | "atomic" | "durable"> {
  /** How long a refresh may take in all, the wait for others included; milliseconds or a duration. Default: 30 s. */
  readonly timeout?: number | string | undefined;
  /** Told of failures of the store. */
  readonly onError?: ((error: KeyValueError) => void) | undefined;
}

const COLLECTION = "mcp-oauth-refresh";
/** The longest pause between two looks at somebody else's refresh. Pauses begin with {@link FIRST_PAUSE} and double. */
const LONGEST_PAUSE = 250;
const FIRST_PAUSE = 10;
/** So many rejected access tokens are remembered. */
const REMEMBERED = 1000;

/**
 * A fetch middleware for the SDK's transports: `fetch: refreshCoordinator({ store, keys })(fetch)`. A refresh is sent
 * once; who asks for the same one meanwhile, or within a minute, in any process, is given the same answer. Where the one
 * who sent it dies, another takes over within ten seconds; where it fails, the next one tries.
 *
 * Where the authorization server fails or does not answer within `timeout`, a refresh is answered with 503
 * `temporarily_unavailable`, which the SDK throws without sending the user to a new login. So it is while the store fails,
 * and nothing is sent then: a refresh token that two send is taken for stolen, and that login is gone for good.
 *
 * @throws InvalidArgumentError, UnsupportedOperationError
 */
export function refreshCoordinator(options: RefreshCoordinatorOptions): Middleware {
  const coordinator = new RefreshCoordinator(options);
  return (next) => (url, init) => coordinator.fetch(next, url, init);
}

/** What everybody who waits for a refresh is told: tokens, or that there are none. */
interface Verdict {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a flight came to: a verdict, or a failure for the one alone who began it. */
type Outcome = { readonly verdict: Verdict } | { readonly failed: Response };

class RefreshCoordinator {
  readonly #records: Collection<"write" | "atomic">;
  readonly #timeout: number;
  readonly #onError: (error: KeyValueError) => void;
  /** The refreshes of this process, by URL and token: not by a hash, which takes a turn, in which two would begin. */
  readonly #flights = new Map<string, Promise<Outcome>>();
  /** The hashes of access tokens that a server was seen to refuse, oldest first. */
  readonly #rejected = new Set<string>();

  constructor(options: RefreshCoordinatorOptions) {
    const { timeout = "30s", onError = () => {} } = options;
    this.#records = encryptedStore("refreshCoordinator", options, ["write", "atomic", "durable"]).collection(
      COLLECTION,
    );
    this.#timeout = timeoutOf(timeout);
    if (typeof onError !== "function") throw new InvalidArgumentError("onError must be a function");
    this.#onError = onError;
  }

  async fetch(next: FetchLike, url: string | URL, init: RequestInit | undefined): Promise<Response> {
    const token = refreshTokenOf(init);
    if (token !== undefined) return this.#coordinated({ next, url: String(url), init, token });
    const response = await next(url, init);
    if (response.status === 401) await this.#noteRejected(accessTokenOf(init));
    return response;
  }

  async #coordinated(refresh: Refresh): Promise<Response> {
    const deadline = performance.now() + this.#timeout;
    const asked = JSON.stringify([refresh.url, refresh.token]);
    for (;;) {
      const joined = this.#flights.get(asked);
      if (joined === undefined) return this.#begin(asked, refresh, deadline);
      const outcome = await joined;
      if ("verdict" in outcome) return responseOf(outcome.verdict);
      // It failed for whoever began it: now the next one tries.
      if (performance.now() >= deadline) return unavailable("the authorization server did not answer in time");
    }
  }

  async #begin(asked: string, refresh: Refresh, deadline: number): Promise<Response> {
    const flight = this.#fly(refresh, deadline);
    this.#flights.set(asked, flight);
    try {
      const outcome = await flight;
      return "verdict" in outcome ? responseOf(outcome.verdict) : outcome.failed;
    } finally {
      this.#flights.delete(asked);
    }
  }

  async #fly(refresh: Refresh, deadline: number): Promise<Outcome> {
    const key = await lookupKey(refresh.url, refresh.token);
    for (let attempt = 0; performance.now() < deadline; attempt++) {
      let lease: Lease | undefined;
      try {
        lease = await Lease.acquire(this.#records, `lease/${key}`);
        const kept = await this.#kept(key, attempt > 0);
        if (kept) {
          await this.#release(lease);
          return { verdict: verdictOf(kept) };
        }
      } catch (error) {
        this.#report(error);
        await this.#release(lease);
        return { failed: unavailable("the store that refreshes are coordinated by does not answer") };
      }
      if (lease) return this.#send(lease, refresh, deadline);
      const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt);
      const pause = (0.5 + Math.random() / 2) * longest;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return { failed: unavailable("somebody else's refresh did not come to an end in time") };
  }

  async #send(lease: Lease, { next, url, init, token }: Refresh, deadline: number): Promise<Outcome> {
    // The caller's own signal is left out: half of a refresh would lose the login.
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - performance.now())));
    try {
      const response = await next(url, { ...init, signal });
      if (response.status >= 500)
        return { failed: unavailable(`the authorization server answered ${response.status}`) };
      if (response.status >= 300 && response.status < 400) return { failed: response };
      const body = await response.text();
      const tokens = response.ok ? tokensOf(body) : undefined;
      if (tokens) await this.#keep(url, token, tokens);
      return { verdict: { status: response.status, body, headers: headersOf(response) } };
    } catch {
      const what = signal.aborted ? "did not answer in time" : "could not be reached";
      return { failed: unavailable(`the authorization server ${what}`) };
    } finally {
      await this.#release(lease);
    }
  }

  /** Under the token that was sent, for who sends it too; and under the new one, for who saw the old access token fail. */
  async #keep(url: string, token: string, tokens: KeptAnswer["tokens"]): Promise<void> {
    const { refresh_token: issued } = tokens;
    const isRotated = typeof issued === "string" && issued !== token;
    const answer = { tokens, receivedAt: Date.now(), final: isRotated };
    const entries = [{ key: `answer/${await lookupKey(url, token)}`, value: copyJson(answer), ttl: KEPT_SECONDS }];
    if (isRotated) {
      const key = `answer/${await lookupKey(url, issued)}`;
      entries.push({ key, value: copyJson({ ...answer, final: false }), ttl: KEPT_SECONDS });
    }
    try {
      await this.#records.putMany(entries);
    } catch (error) {
      // Those who wait will not profit, but this caller has its tokens.
      this.#report(error);
    }
  }

  /** The answer that stands for this refresh. `hasWaited`: somebody else's refresh was under way when this was asked. */
  async #kept(key: string, hasWaited: boolean): Promise<KeptAnswer | undefined> {
    const answer = await this.#read(`answer/${key}`);
    if (answer === undefined || answer.final) return answer;
    const isGood = endOf(answer) > Date.now() && !this.#rejected.has(await accessMarkOf(answer));
    // Who asks after a 401 for another access token does not know these yet; who sees no 401s may have tried them.
    return isGood && (hasWaited || this.#rejected.size > 0) ? answer : undefined;
  }

  async #read(key: string): Promise<KeptAnswer | undefined> {
    try {
      const value: unknown = await this.#records.get(key);
      return isKeptAnswer(value) ? value : undefined;
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error;
      this.#report(error);
      return undefined;
    }
  }

  async #noteRejected(accessToken: string | undefined): Promise<void> {
    if (accessToken === undefined) return;
    this.#rejected.add(await lookupKey(accessToken));
    const [oldest] = this.#rejected;
    if (this.#rejected.size > REMEMBERED && oldest !== undefined) this.#rejected.delete(oldest);
  }

  /** Where the store fails, it ends by itself. */
  async #release(lease: Lease | undefined): Promise<void> {
    await lease?.release().catch((error: unknown) => this.#report(error));
  }

  #report(error: unknown): void {
    if (!(error instanceof KeyValueError)) throw error;
    this.#onError(error);
  }
}

interface Refresh {
  readonly next: FetchLike;
  readonly url: string;
  readonly init: RequestInit | undefined;
  readonly token: string;
}

function verdictOf(answer: KeptAnswer): Verdict {
  return { status: 200, body: bodyOf(answer), headers: { "content-type": "application/json" } };
}

function headersOf(response: Response): Record<string, string> {
  const names = ["content-type", "dpop-nonce", "www-authenticate", "retry-after"];
  return Object.fromEntries([...response.headers].filter(([name]) => names.includes(name)));
}

function responseOf({ status, body, headers }: Verdict): Response {
  return new Response(body === "" ? null : body, { status, headers: { ...headers, "cache-control": "no-store" } });
}

/** What the SDK throws as it is, without sending the user to a new login. */
function unavailable(description: string): Response {
  return Response.json({ error: "temporarily_unavailable", error_description: description }, { status: 503 });
}
