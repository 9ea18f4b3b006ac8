/** What only ioredis knows: connecting, sending, and what its errors mean. */
import { BackendError, InvalidArgumentError, KeyValueError, StoreUnavailableError } from "@kv/core";
import {
  type Call,
  type CommandReply,
  codeOf,
  type Driver,
  noConnection,
  RedisLikeDriver,
  type Report,
  refusal,
} from "@kv/core/driver";
import { type Redis, ReplyError } from "ioredis";
import { checkClient, newClient, type RedisDriverOptions } from "./options.ts";
import { SetCommand } from "./set-command.ts";

type Command = readonly [string, ...string[]];

/** The driver of one Redis server. */
export class RedisDriver extends RedisLikeDriver implements Driver {
  readonly name = "redis";
  /** The ioredis client: the store's own, which only the store connects and closes, or the caller's. */
  readonly client: Redis;
  readonly #own: boolean;
  #report: Report | undefined;
  /** Whether the connection has been reported as there. */
  #connected = false;
  /** What the client reported last about the connection. */
  #failure: Error | undefined;
  /** How long a server may be silent; the store's own timeout. */
  #patience = 0;
  /** By when the server must have sent something, since a request has gone out since it last did; 0 while none has. */
  #silentUntil = 0;

  /** The connection that keeps what is written until the end of this turn. */
  #corked: Redis["stream"] | undefined;

  /** @throws InvalidArgumentError */
  constructor(options: RedisDriverOptions = {}) {
    super(options);
    if (options.numbers !== undefined && options.numbers !== "error" && options.numbers !== "nearest") {
      throw new InvalidArgumentError('numbers must be "error" or "nearest"');
    }
    this.#own = options.client === undefined;
    if (options.client) checkClient(options.client, options);
    this.client = options.client ?? newClient(options);
    this.client.on("error", this.#onError);
    if (!this.#own) this.client.on("ready", this.#onConnected);
    this.client.on("close", this.#onClose);
  }

  get ready(): boolean {
    const { client } = this;
    if (client.status !== "ready" || !client.stream.writable) return false;
    // A server that has said nothing to a request by its deadline is not there any more, whatever TCP believes.
    return this.#silentUntil === 0 || performance.now() < this.#silentUntil;
  }

  async open(call: Call, report: Report): Promise<void> {
    this.#report = report;
    this.#patience = call.deadline - performance.now();
    this.reset();
    const { signal } = call;
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => {
        reject(this.#noConnection("there was none by the deadline", this.#failure));
        if (this.#own) this.client.disconnect();
      };
      signal.addEventListener("abort", leave);
    });
    try {
      await Promise.race([this.#own ? this.#connect(signal) : this.#await(signal), left]);
    } finally {
      if (leave) signal.removeEventListener("abort", leave);
    }
  }

  async close(): Promise<void> {
    this.#report = undefined;
    if (this.#own) await this.#disconnect();
    this.client.off("error", this.#onError);
    this.client.off("ready", this.#onConnected);
    this.client.off("close", this.#onClose);
  }

  protected getText(name: string, call: Call): Promise<unknown> {
    this.#prepare(call);
    return this.client.get(name);
  }

  protected setText(name: string, text: string, ttl: number | undefined, call: Call): Promise<unknown> {
    this.#prepare(call);
    const command = new SetCommand(name, text, ttl);
    this.client.sendCommand(command);
    return command.promise;
  }

  protected send([command, ...parameters]: Command, call: Call): Promise<unknown> {
    this.#prepare(call);
    return this.client.call(command, parameters);
  }

  protected async sendAll(commands: readonly Command[], call: Call): Promise<readonly CommandReply[]> {
    this.#prepare(call);
    const pipeline = this.client.pipeline();
    for (const [command, ...parameters] of commands) pipeline.call(command, parameters);
    const answers = await pipeline.exec();
    return (answers ?? []).map(([error, reply]) => (error ? this.explain(error) : (reply as CommandReply)));
  }

  protected explain(error: unknown): KeyValueError {
    if (error instanceof KeyValueError) return error;
    if (!(error instanceof Error)) return new BackendError("the client failed", { cause: error });
    // The client notes the command there, and with it values and passwords.
    if ("command" in error) delete error.command;
    if (error instanceof ReplyError) return refusal(error.message, error);
    // That one comes before anything is written; all others end requests whose answer is not known.
    if (/^Stream isn't writeable/.test(error.message)) return this.#noConnection("it was just lost", error);
    return new StoreUnavailableError("the connection to Redis was lost before the answer", {
      cause: this.#failure ?? error,
    });
  }

  protected outOfStep(): void {
    // At once, so that no later answer is taken for another's. A client of the caller's connects anew by itself.
    this.client.stream.destroy();
  }

  /** Before each request. */
  #prepare(call: Call): void {
    const { stream } = this.client;
    if (this.#silentUntil === 0 && this.#own) {
      this.#silentUntil = Math.max(call.deadline, performance.now() + this.#patience);
    }
    // All requests of one turn of the event loop go in one write: half of the client's time is spent in writing.
    if (this.#corked === stream) return;
    this.#corked = stream;
    stream.cork();
    process.nextTick(() => {
      this.#corked = undefined;
      stream.uncork();
    });
  }

  async #connect(signal: AbortSignal): Promise<void> {
    await this.#disconnect();
    if (signal.aborted) return;
    this.#failure = undefined;
    try {
      await this.client.connect();
    } catch (error) {
      throw this.#refusedConnection(this.#failure ?? error);
    }
    // A database that the server has not is reported so, and then ignored.
    const failure: Error | undefined = this.#failure;
    if (failure !== undefined) {
      await this.#disconnect();
      throw this.#refusedConnection(failure);
    }
    this.client.stream.on("data", this.#onData);
    this.#onConnected();
  }

  /** Until the caller's client is connected, as it does by itself; one failed attempt is enough to say that it is not. */
  async #await(signal: AbortSignal): Promise<void> {
    const { client } = this;
    if (client.status === "end") throw this.#noConnection("the client was closed by its owner", undefined);
    this.#failure = undefined;
    if (client.status === "wait") client.connect().catch(() => {});
    while (client.status !== "ready") {
      await nextOf(client, ["ready", "error", "end"], signal);
      if (signal.aborted) return;
      if (this.#failure !== undefined || this.client.status === "end") throw this.#refusedConnection(this.#failure);
    }
    this.#onConnected();
  }

  /** Until our own client has no connection. */
  async #disconnect(): Promise<void> {
    const { client } = this;
    if (client.status === "wait" || client.status === "end") return;
    const ended = nextOf(client, ["end"]);
    client.disconnect();
    await ended;
  }

  #refusedConnection(error: unknown): KeyValueError {
    return error instanceof ReplyError
      ? this.explain(error)
      : this.#noConnection(codeOf(error) || "the connection was closed", error);
  }

  #noConnection(why: string, cause: unknown): KeyValueError {
    return noConnection(`Redis at ${this.#address}`, cause, why);
  }

  get #address(): string {
    const { path, host = "localhost", port = 6379 } = this.client.options;
    return path ?? `${host}:${port}`;
  }

  readonly #onError = (error: Error): void => {
    this.#failure = error;
    // A reply to no request, and so perhaps the next ones.
    if (/^Command queue state error/.test(error.message)) this.outOfStep();
  };

  readonly #onConnected = (): void => {
    if (this.#connected) return;
    this.#connected = true;
    this.#failure = undefined;
    this.#report?.({ type: "connected" });
  };

  readonly #onData = (): void => {
    this.#silentUntil = 0;
  };

  readonly #onClose = (): void => {
    this.#silentUntil = 0;
    if (this.#connected) this.#report?.({ type: "connection-lost", error: this.#failure });
    this.#connected = false;
  };
}

/** Until the client emits one of the events, or nobody waits any more. */
function nextOf(client: Redis, events: readonly string[], signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of events) client.off(event, settle);
      signal?.removeEventListener("abort", settle);
      resolve();
    };
    for (const event of events) client.on(event, settle);
    signal?.addEventListener("abort", settle);
  });
}
