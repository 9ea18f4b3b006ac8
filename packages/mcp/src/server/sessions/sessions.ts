/** Sessions of 2025-era clients that any node can go on with. */
import { KeyValueError, ValueTooLargeError } from "@kv/core";
import { timeoutOf } from "@kv/core/driver";
import type { McpHandlerRequestOptions } from "@modelcontextprotocol/server";
import { encryptedStore } from "../../common/encrypted.ts";
import { bindingOf } from "../principal.ts";
import type { KvSessionsOptions } from "./options.ts";
import { type SessionRecord, SessionRecords } from "./records.ts";
import { Session } from "./session.ts";

/**
 * Serves the legacy leg behind the SDK's `isLegacyRequest`, with sessions that outlive the process that began them.
 * @throws InvalidArgumentError, InvalidTtlError, UnsupportedOperationError
 */
export function kvSessions(options: KvSessionsOptions): KvSessions {
  return new KvSessions(options);
}

export class KvSessions {
  readonly #options: KvSessionsOptions;
  readonly #records: SessionRecords;
  /** Those that this node holds, or is about to. */
  readonly #here = new Map<string, Promise<Session>>();
  readonly #timer: ReturnType<typeof setInterval>;
  #closed = false;

  /** @internal Use {@link kvSessions}. */
  constructor(options: KvSessionsOptions) {
    const { ttl = "1d", timeout = 1000, checkEvery = "10s" } = options;
    const store = encryptedStore("kvSessions", options, ["write", "atomic"]);
    this.#options = options;
    this.#records = new SessionRecords(store, ttl, timeoutOf(timeout));
    this.#timer = setInterval(() => void this.#check(), timeoutOf(checkEvery));
    this.#timer.unref();
  }

  /** Answers a request. `authInfo` is of a token that has been verified. Never rejects. */
  readonly fetch = async (request: Request, options: McpHandlerRequestOptions = {}): Promise<Response> => {
    if (this.#closed) return unavailable();
    try {
      return await this.#answer(request, options);
    } catch (error) {
      this.#failed(error);
      if (error instanceof ValueTooLargeError) return refusal(413, -32_600, "initialize is too large");
      return error instanceof KeyValueError ? unavailable() : refusal(500, -32_603, "Internal error");
    }
  };

  /** Ends this node's streams, and answers no more: 503. The sessions go on at others. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all([...this.#here.keys()].map((id) => this.#leave(id)));
  }

  async #answer(request: Request, options: McpHandlerRequestOptions): Promise<Response> {
    const { authInfo } = options;
    const context = { http: { ...(authInfo && { authInfo }), req: request } };
    const principal = await bindingOf(context, this.#options.principal);
    if (principal === undefined) return refusal(403, -32_600, "Forbidden");
    const id = request.headers.get("mcp-session-id");
    if (id === null) {
      if (request.method === "POST") return this.#begin(principal, request, options);
      return refusal(400, -32_600, "Bad Request: Mcp-Session-Id header is required");
    }
    const record = await this.#records.find(id, principal);
    // Who is refused learns nothing of another's session, and does not end it here.
    if (!record) return unknown();
    if (request.method === "DELETE") {
      await this.#records.end(id);
      await this.#leave(id);
      return new Response(null, { status: 200 });
    }
    const session = await this.#sessionOf(id, record, request, options);
    return (await session.answer(request, options)) ?? unknown();
  }

  async #begin(principal: string, request: Request, options: McpHandlerRequestOptions): Promise<Response> {
    const id = crypto.randomUUID();
    const { parts, hold } = this.#placeFor(id);
    const session = await Session.begin(id, parts, request, options);
    try {
      const response = (await session.answer(request, options)) ?? unknown();
      const { initialize } = session;
      // Before the client has an answer, and with it the id: the next request may come to any node.
      if (initialize && response.ok) {
        await this.#records.begin(id, { initialize, principal });
        hold(Promise.resolve(session));
      }
      return response;
    } finally {
      if (!this.#here.has(id)) await session.close();
    }
  }

  #sessionOf(id: string, record: SessionRecord, request: Request, options: McpHandlerRequestOptions): Promise<Session> {
    const here = this.#here.get(id);
    if (here) return here;
    const { parts, hold, leave } = this.#placeFor(id);
    const resumed = Session.resume(id, record.initialize, parts, request, options);
    hold(resumed);
    resumed.catch(leave);
    return resumed;
  }

  async #leave(id: string): Promise<void> {
    const session = this.#here.get(id);
    this.#here.delete(id);
    try {
      await (await session)?.close();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Leaves the sessions that were ended elsewhere, or have expired. */
  async #check(): Promise<void> {
    const ids = [...this.#here.keys()];
    if (ids.length === 0) return;
    try {
      for (const id of await this.#records.ended(ids)) await this.#leave(id);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What a session is made of, and how it comes to be among those that are here and goes again. */
  #placeFor(id: string) {
    const { factory, transport, events } = this.#options;
    let held: Promise<Session> | undefined;
    const hold = (session: Promise<Session>): void => {
      held = session;
      this.#here.set(id, session);
    };
    const leave = (): void => {
      if (held && this.#here.get(id) === held) this.#here.delete(id);
    };
    // A server may also end by itself: the next request then resumes the session.
    return { parts: { factory, transport, events: events?.forSession(id), closed: leave }, hold, leave };
  }

  #failed(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // A hook that throws must not take the answer with it.
    }
  }
}

function unavailable(): Response {
  return refusal(503, -32_603, "Sessions are not available now");
}

function unknown(): Response {
  return refusal(404, -32_001, "Session not found");
}

function refusal(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status });
}
