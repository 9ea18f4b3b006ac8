/**
 * The way to one server, over one connection after the other, as a server of memjs, whose own loses calls: those that
 * are made just after a connection broke, or are under way when it is closed in good order, wait for ever.
 */
import { AbortedError, StoreClosedError, StoreUnavailableError, TimeoutError } from "@kv/core";
import type { Call, Report } from "@kv/core/driver";
import { Server } from "memjs";
import type { Reply, Request } from "./protocol.ts";
import { Session, type Target } from "./session.ts";

export class Link extends Server {
  // memjs would take those of the environment.
  override readonly username: string | undefined;
  override readonly password: string | undefined;
  readonly #target: Target;
  #report: Report | undefined;
  /** The store's own timeout: how long an attempt to connect may take, and a server be silent. In milliseconds. */
  #patience = 5000;
  #session: Session | undefined;
  #attempt: Promise<Session> | undefined;
  #closed = false;

  constructor(target: Target) {
    super(target.host, target.port);
    this.username = target.username;
    this.password = target.password;
    this.#target = target;
  }

  /** Told once, before the first request. */
  prepare(patience: number, report: Report): void {
    this.#patience = patience;
    this.#report = report;
  }

  /** The reply to one request, sent as soon as there is a connection. `writes`: marks the call as sent. */
  ask(request: Request, call: Call, writes = false): Promise<Reply> {
    const session = this.#usable();
    if (session === undefined) return this.#connected(call).then((made) => this.#ask(made, request, call, writes));
    return this.#ask(session, request, call, writes);
  }

  /** The replies to several requests of one exchange; see {@link Session.askAll}. `onSent`: told when they are sent. */
  async askAll(
    requests: readonly Request[],
    call: Call,
    writes = false,
    onSent?: () => void,
  ): Promise<readonly (Reply | undefined)[]> {
    const session = this.#usable() ?? (await this.#connected(call));
    if (writes) call.markSent();
    onSent?.();
    return session.askAll(requests, this.#due(call), writes);
  }

  /** Of memjs: a request of its own, whose callbacks it has noted already. */
  override write(request: Buffer): void {
    const session = this.#usable();
    if (session) session.write(request);
    else
      this.#attempted().then(
        (made) => made.write(request),
        (error: Error) => this.error(error),
      );
  }

  /** Ends the connection; the next request makes another one. */
  override close(): void {
    this.#session?.end(new StoreUnavailableError("the connection was closed by its owner"));
  }

  /** Ends the connection for good. */
  async disconnect(): Promise<void> {
    this.#closed = true;
    this.#report = undefined;
    const session = this.#session;
    this.close();
    await session?.closed;
  }

  #ask(session: Session, request: Request, call: Call, writes: boolean): Promise<Reply> {
    if (writes) call.markSent();
    return session.ask(request, this.#due(call), writes);
  }

  #due(call: Call): number {
    return Math.max(call.deadline, performance.now() + this.#patience);
  }

  /** The connection, if there is one that works; one that does no more is given up. */
  #usable(): Session | undefined {
    const session = this.#session;
    if (this.#attempt || session === undefined) return undefined;
    if (session.usable) return session;
    session.end(new StoreUnavailableError("the server has not answered in time"));
    this.#session = undefined;
    return undefined;
  }

  /** A connection, as soon as there is one; the call may leave before. */
  async #connected(call: Call): Promise<Session> {
    for (;;) {
      try {
        await this.#attempted();
      } catch (error) {
        // Who joined an attempt that ran out of time has time left for another.
        if (!(error instanceof TimeoutError) || call.ended) throw error;
      }
      if (call.ended) throw new AbortedError("the call had ended before its request was sent");
      const session = this.#usable();
      if (session) return session;
    }
  }

  #attempted(): Promise<Session> {
    // Of memjs' own requests: the store itself sends none any more.
    if (this.#closed) return Promise.reject(new StoreClosedError("the store is closed"));
    this.#attempt ??= this.#connect().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  async #connect(): Promise<Session> {
    const session = new Session(this.#target, {
      // Not at once, since what its callback throws is none of the connection's business.
      onReply: (bytes) => process.nextTick(() => this.responseHandler(bytes)),
      onEnd: (error) => {
        this.#report?.({ type: "connection-lost", error });
        this.error(error);
      },
    });
    this.#session = session;
    const late = new TimeoutError("no connection to memcached in time", { outcome: "not-applied" });
    const timer = setTimeout(() => session.end(late), this.#patience);
    try {
      await session.greet();
    } finally {
      clearTimeout(timer);
    }
    this.#report?.({ type: "connected" });
    return session;
  }
}
