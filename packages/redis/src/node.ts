/** One connection to one server: whether it serves, and sending on it. */
import { type Call, type Command, noConnection, type Report } from "@kv/core/driver";
import type { Command as ClientCommand, Redis } from "ioredis";
import { encoded, encodedTogether } from "./encoded-command.ts";
import { refusedConnection } from "./errors.ts";
import { nextOf, until } from "./events.ts";

/** How many requests go in one write. */
const TOGETHER = 32;

/** What holds for all connections of a store. */
export interface Owner {
  /** Whether the client is the store's own, to be connected, given up and closed. */
  readonly own: boolean;
  /** How long a server may be silent, in milliseconds; the store's own timeout. */
  readonly patience: number;
  readonly report: Report | undefined;
}

export class Node {
  readonly client: Redis;
  readonly #owner: Owner;
  /** Whether the connection has been reported as there. */
  #connected = false;
  /** What the client reported last about the connection. */
  #failure: Error | undefined;
  /** By when the server must have sent something, since a request has gone out since it last did; 0 while none has. */
  #silentUntil = 0;
  /** One attempt for all that wait for it. */
  #waiting: Promise<void> | undefined;
  readonly #released = new AbortController();
  /** The connection that keeps what is written until the end of this turn, or until there are {@link TOGETHER}. */
  #corked: Redis["stream"] | undefined;
  /** How many requests it keeps, beside the first. */
  #held = 0;

  constructor(client: Redis, owner: Owner) {
    this.client = client;
    this.#owner = owner;
    client.on("error", this.#onError);
    client.on("close", this.#onClose);
  }

  /** What the user knows the server by. */
  get server(): string {
    const { path, host = "localhost", port = 6379, sentinels, name } = this.client.options;
    return sentinels ? `Redis' master ${name}` : `Redis at ${path ?? `${host}:${port}`}`;
  }

  /** What the client reported last about the connection. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get usable(): boolean {
    const { client } = this;
    return client.status === "ready" && client.stream.writable && !this.isSilent;
  }

  /** A server that has said nothing to a request by its deadline is not there any more, whatever TCP believes. */
  get isSilent(): boolean {
    return this.#silentUntil !== 0 && performance.now() >= this.#silentUntil;
  }

  get(name: string, call: Call): Promise<unknown> {
    return this.send(["get", name], call);
  }

  set(name: string, text: string, ttl: number | undefined, call: Call): Promise<unknown> {
    return this.send(ttl === undefined ? ["set", name, text] : ["set", name, text, "PX", `${ttl}`], call);
  }

  send(command: Command, call: Call): Promise<unknown> {
    this.#prepare(call);
    return this.#send(encoded(command));
  }

  /** The answers in order, an error in the place of what failed. */
  sendAll(commands: readonly Command[], call: Call): Promise<readonly unknown[]> {
    this.#prepare(call);
    // Not by a pipeline of the client's, which leaves more garbage behind than the commands themselves.
    const answers = encodedTogether(commands).map((command) => this.#send(command));
    return Promise.all(answers.map((answer) => answer.catch((error: unknown) => error)));
  }

  /** Until it serves. Nothing was sent where this rejects. */
  async wait(signal: AbortSignal): Promise<void> {
    this.#waiting ??= this.#becomeReady().finally(() => {
      this.#waiting = undefined;
    });
    await until(signal, this.#waiting, () =>
      noConnection(this.server, this.#failure, "there was none by the deadline"),
    );
  }

  /** At once, so that no later answer is taken for another's. A client of the caller's connects anew by itself. */
  lose(): void {
    const { status, stream } = this.client;
    if (status === "ready" || status === "connect") stream.destroy();
  }

  /** Gives it up: until there is no connection. */
  async disconnect(): Promise<void> {
    const { client } = this;
    if (client.status === "wait" || client.status === "end") return;
    const ended = nextOf(client, ["end"]);
    client.disconnect();
    await ended;
  }

  /** Told when the client has connected. */
  readonly connected = (): void => {
    if (this.#connected) return;
    this.#connected = true;
    this.#failure = undefined;
    if (this.#owner.own) this.client.stream.on("data", this.#onData);
    this.#owner.report?.({ type: "connected" });
  };

  /** Forgets what the client said before, when it is to connect anew. */
  forget(): void {
    this.#failure = undefined;
  }

  /** Leaves the client alone. */
  release(): void {
    this.#released.abort();
    this.client.off("error", this.#onError);
    this.client.off("close", this.#onClose);
    this.client.off("ready", this.connected);
  }

  /** A client of the caller's connects by itself; one failed attempt is enough to say that it does not. */
  async #becomeReady(): Promise<void> {
    const { client } = this;
    if (client.status === "end") throw noConnection(this.server, this.#failure, "the client was closed");
    if (client.status !== "connecting" && client.status !== "connect") this.#failure = undefined;
    if (client.status === "wait") this.#connect();
    // A stream that the server has ended is not closed yet.
    while (client.status !== "ready" || !client.stream.writable) {
      await nextOf(client, ["ready", "error", "end"], this.#released.signal);
      if (this.#failure !== undefined || this.client.status === "end" || this.#released.signal.aborted) {
        throw refusedConnection(this.server, this.#failure);
      }
    }
    this.connected();
  }

  #send(command: ClientCommand): Promise<unknown> {
    this.client.sendCommand(command);
    return command.promise;
  }

  #connect(): void {
    const { client } = this;
    client.connect().catch(() => {});
    if (!this.#owner.own) return;
    const timer = setTimeout(() => client.disconnect(), this.#owner.patience);
    nextOf(client, ["ready", "end"]).then(() => clearTimeout(timer));
  }

  /** Before each request. */
  #prepare(call: Call): void {
    const { client } = this;
    const { stream } = client;
    // The client would keep it until there is a connection, however long.
    if (client.status !== "ready" || !stream.writable) {
      throw noConnection(this.server, this.#failure, "it was just lost");
    }
    if (this.#silentUntil === 0 && this.#owner.own) {
      this.#silentUntil = Math.max(call.deadline, performance.now() + this.#owner.patience);
    }
    // Writing takes half of the client's time: the requests of one turn of the event loop go together, but some at a
    // time, so that the server works on them while the next are made.
    if (this.#corked === stream) {
      if (++this.#held < TOGETHER) return;
      stream.uncork();
    } else {
      this.#corked = stream;
      process.nextTick(() => {
        this.#corked = undefined;
        stream.uncork();
      });
    }
    this.#held = 0;
    stream.cork();
  }

  readonly #onError = (error: Error): void => {
    // The list of sentinels begins anew, without one having failed: it was left where the last connection was found.
    if (/^All sentinels are unreachable\. Retrying(?!.*Last error)/.test(error.message)) return;
    this.#failure = error;
    // A reply to no request, and so perhaps the next ones.
    if (/^Command queue state error/.test(error.message)) this.lose();
  };

  readonly #onData = (): void => {
    this.#silentUntil = 0;
  };

  readonly #onClose = (): void => {
    this.#silentUntil = 0;
    if (this.#connected) this.#owner.report?.({ type: "connection-lost", error: this.#failure });
    this.#connected = false;
  };
}
