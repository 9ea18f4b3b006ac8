/** One connection to a server, from its greeting to its end. What has come of an unfinished reply ends with it. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AccessDeniedError, BackendError, type KeyValueError, StoreUnavailableError } from "@kv/core";
import { codeOf, noConnection } from "@kv/core/driver";
import { encodeRequests, GarbageError, Reader, Reply, type Request, STATUS } from "./protocol.ts";

/** Where a server is, and how it lets one in. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean | { readonly ca?: string | undefined };
}

/** Ours; memjs numbers its own requests from 1 on. */
const FIRST_OPAQUE = 2 ** 31;
const LAST_OPAQUE = 2 ** 32 - 1;

/** From so many characters of values on, a turn's requests no longer wait for its end. */
const LONG_WRITE = 2 ** 17;

/** As {@link LONG_WRITE}, in requests: the server works on them while the next are made. */
const TOGETHER = 32;

/** Requests that were sent together, until the last one is answered. The server answers in order. */
interface Exchange {
  /** The opaque of the first request. */
  first: number;
  readonly count: number;
  readonly writes: boolean;
  /** By when the last one must have been answered, on the clock of `performance.now()`. */
  readonly due: number;
  readonly replies: (Reply | undefined)[];
  readonly resolve: (last: Reply) => void;
  readonly reject: (error: KeyValueError) => void;
  next: Exchange | undefined;
}

export interface Listener {
  /** A reply to a request that was written by {@link Session.write}. */
  onReply(bytes: Buffer): void;
  /** The connection is gone, and had been greeted; all who wait on it have been told. */
  onEnd(error: KeyValueError): void;
}

export class Session {
  readonly #target: Target;
  readonly #listener: Listener;
  readonly #socket: Socket;
  readonly #reader = new Reader();
  /** The oldest exchange that is not complete; the others follow it. */
  #first: Exchange | undefined;
  #last: Exchange | undefined;
  #opaque = FIRST_OPAQUE;
  /** The requests of this turn of the event loop, which go in one write; the opaque of their first, their values' length. */
  #outgoing: Request[] = [];
  #outgoingOpaque = FIRST_OPAQUE;
  #outgoingLength = 0;
  #greeted = false;
  #failure: Error | undefined;
  #ended = false;

  /** Begins to connect. */
  constructor(target: Target, listener: Listener) {
    const { host, port, tls } = target;
    this.#target = target;
    this.#listener = listener;
    const options = { host, port, noDelay: true, keepAlive: true };
    this.#socket = tls ? connectTls({ ...options, ...(tls !== true && tls) }) : connect(options);
    this.#socket.on("data", (piece) => this.#read(piece));
    this.#socket.on("error", (error) => {
      this.#failure = error;
    });
    for (const event of ["end", "close"]) this.#socket.on(event, () => this.end(this.#lost()));
  }

  /** Resolves when the server has answered, and let us in. */
  async greet(): Promise<void> {
    const { username, password } = this.#target;
    const known = username !== undefined && password !== undefined;
    const { status } = await this.ask(
      known ? { command: "SASL_AUTH", key: "PLAIN", value: `\0${username}\0${password}` } : { command: "NOOP" },
      Number.POSITIVE_INFINITY,
    );
    // A server without SASL does not know the command, and lets everybody in.
    if (status === STATUS.OK || (known && status === STATUS.UNKNOWN_COMMAND)) {
      this.#greeted = true;
      return;
    }
    const why = known ? "does not let this user in with this password" : "wants a user and a password";
    const refused = new AccessDeniedError(`${this.#name} ${why}`, { outcome: "not-applied" });
    this.end(refused);
    throw refused;
  }

  /** Whether what is sent now may be answered: a server that has let an answer's time pass is not there any more. */
  get usable(): boolean {
    if (!this.#greeted || this.#ended || !this.#socket.writable) return false;
    return this.#first === undefined || performance.now() < this.#first.due;
  }

  /** The reply to one request. */
  ask(request: Request, due: number, writes = false): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#send([request], { first: 0, count: 1, writes, due, replies: [], resolve, reject, next: undefined });
    });
  }

  /** The replies to several, `undefined` where a quiet one was not answered. The last one is not quiet. */
  askAll(requests: readonly Request[], due: number, writes = false): Promise<readonly (Reply | undefined)[]> {
    return new Promise((done, reject) => {
      const count = requests.length;
      const replies: (Reply | undefined)[] = new Array(count);
      const resolve = (last: Reply): void => {
        replies[count - 1] = last;
        done(replies);
      };
      this.#send(requests, { first: 0, count, writes, due, replies, resolve, reject, next: undefined });
    });
  }

  /** Sends what is complete in itself; its replies go to the listener. */
  write(bytes: Buffer): void {
    this.#flush();
    this.#socket.write(bytes);
  }

  /** Gives the connection up. Who waits on it is told `error`; what only reads has changed nothing. */
  end(error: KeyValueError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    for (let one = this.#first; one; one = one.next) one.reject(one.writes ? error : error.copy("not-applied"));
    this.#first = undefined;
    if (this.#greeted) this.#listener.onEnd(error);
  }

  /** Once it is given up: resolves when the socket is closed. */
  get closed(): Promise<void> {
    if (this.#socket.closed) return Promise.resolve();
    return new Promise((resolve) => this.#socket.once("close", () => resolve()));
  }

  get #name(): string {
    return `memcached at ${this.#target.host}:${this.#target.port}`;
  }

  #send(requests: readonly Request[], exchange: Exchange): void {
    if (this.#ended) {
      exchange.reject(this.#lost());
      return;
    }
    if (this.#opaque + exchange.count > LAST_OPAQUE) {
      this.#flush();
      this.#opaque = FIRST_OPAQUE;
    }
    exchange.first = this.#opaque;
    this.#opaque += exchange.count;
    if (this.#first && this.#last) this.#last.next = exchange;
    else this.#first = exchange;
    this.#last = exchange;
    let opaque = exchange.first;
    for (const request of requests) {
      if (this.#outgoing.length === 0) {
        this.#outgoingOpaque = opaque;
        process.nextTick(this.#flush);
      }
      this.#outgoing.push(request);
      this.#outgoingLength += request.value?.length ?? 0;
      if (this.#outgoingLength > LONG_WRITE || this.#outgoing.length >= TOGETHER) this.#flush();
      opaque++;
    }
  }

  readonly #flush = (): void => {
    if (this.#outgoing.length === 0) return;
    const bytes = encodeRequests(this.#outgoing, this.#outgoingOpaque);
    this.#outgoing = [];
    this.#outgoingLength = 0;
    this.#socket.write(bytes);
  };

  #read(piece: Buffer): void {
    try {
      this.#reader.push(piece, this.#onReply);
    } catch (error) {
      this.end(this.#garbled(error));
    }
  }

  readonly #onReply = (bytes: Buffer): void => {
    const reply = new Reply(bytes);
    const { opaque } = reply;
    const exchange = this.#first;
    if (opaque < FIRST_OPAQUE) {
      this.#listener.onReply(bytes);
      return;
    }
    const at = exchange ? opaque - exchange.first : -1;
    if (!exchange || at < 0 || at >= exchange.count) throw new GarbageError(bytes);
    if (at < exchange.count - 1) {
      exchange.replies[at] = reply;
      return;
    }
    this.#first = exchange.next;
    exchange.resolve(reply);
  };

  #lost(): KeyValueError {
    const cause = this.#failure;
    if (!this.#greeted) return noConnection(this.#name, cause, codeOf(cause) || "the connection was closed");
    return new StoreUnavailableError("the connection to memcached was lost before the answer", { cause });
  }

  #garbled(error: unknown): KeyValueError {
    if (error instanceof GarbageError && error.tooManyConnections) {
      return new StoreUnavailableError(`${this.#name} has too many connections`, { cause: error });
    }
    return this.#greeted
      ? new StoreUnavailableError("the connection to memcached was given up: what came was no answer", { cause: error })
      : new BackendError(`what answers for ${this.#name} does not speak its binary protocol`, { cause: error });
  }
}
