/** What only valkey-glide knows: connecting, sending, and when a connection is of no more use. */
import { InvalidArgumentError, type KeyValueError, StoreUnavailableError } from "@kv/core";
import { type Call, type CommandReply, type Driver, RedisLikeDriver, type Report } from "@kv/core/driver";
import { type Client, checkClient, type Settings, settingsOf, type ValkeyDriverOptions } from "./options.ts";
import { probe } from "./probe.ts";
import { causeOf, explain, replyOf } from "./replies.ts";
import { type Command, connect, Session } from "./session.ts";

/** The driver of one Valkey server, or of a cluster. */
export class ValkeyDriver extends RedisLikeDriver implements Driver {
  readonly name = "valkey";
  /** Absent where the client is the caller's. */
  readonly #settings: Settings | undefined;
  #session: Session | undefined;
  /** What the server is said to be, as it was last reported. */
  #connected = false;
  #report: Report | undefined;

  /** @throws InvalidArgumentError */
  constructor(options: ValkeyDriverOptions = {}) {
    super(options, true);
    const { numbers, client } = options;
    if (numbers !== undefined && numbers !== "error" && numbers !== "nearest") {
      throw new InvalidArgumentError('numbers must be "error" or "nearest"');
    }
    if (client) {
      checkClient(client, options);
      this.#session = new Session(client, undefined);
    } else {
      this.#settings = settingsOf(options);
    }
  }

  /** The glide client: the caller's, or the store's own while it has one, which is another one after each connecting. */
  get client(): Client | undefined {
    return this.#session?.client;
  }

  get ready(): boolean {
    return this.#connected && this.#session?.usable === true;
  }

  async open(call: Call, report: Report): Promise<void> {
    this.#report = report;
    this.reset();
    this.#leave();
    const settings = this.#settings;
    if (settings) this.#session = await this.#connect(settings, call);
    else if (this.#session) this.#session = await this.#await(this.#session.client, call);
    this.#connected = true;
    this.#report({ type: "connected" });
  }

  close(): void {
    this.#report = undefined;
    this.#leave();
  }

  protected async getText(name: string, call: Call): Promise<unknown> {
    return this.send(["get", name], call);
  }

  protected setText(name: string, text: string, ttl: number | undefined, call: Call): Promise<unknown> {
    return this.send(ttl === undefined ? ["set", name, text] : ["set", name, text, "PX", `${ttl}`], call);
  }

  protected async send(command: Command, call: Call): Promise<unknown> {
    const [answer = null] = await this.#exec([command], call);
    if (answer instanceof Error) throw causeOf(answer);
    return replyOf(answer);
  }

  protected async sendAll(commands: readonly Command[], call: Call): Promise<readonly CommandReply[]> {
    try {
      return (await this.#exec(commands, call)).map(replyOf);
    } catch (error) {
      return commands.map(() => explain(error));
    }
  }

  protected explain(error: unknown): KeyValueError {
    return explain(error);
  }

  protected outOfStep(): void {
    this.#session?.lose();
  }

  async #exec(commands: readonly Command[], call: Call) {
    if (!this.#session) throw new StoreUnavailableError("there is no connection to Valkey", { outcome: "not-applied" });
    return this.#session.exec(commands, call);
  }

  /** Done with the connection there was; a client of our own is closed. */
  #leave(): void {
    if (this.#connected) this.#report?.({ type: "connection-lost" });
    this.#connected = false;
    if (!this.#settings) return;
    this.#session?.retire();
    this.#session = undefined;
  }

  async #connect(settings: Settings, call: Call): Promise<Session> {
    const patience = call.deadline - performance.now();
    await probe(settings, call.signal);
    const connecting = connect(settings, call.deadline);
    return new Promise((resolve, reject) => {
      const leave = (): void => fail(new Error("there was none by the deadline"));
      const fail = (cause: unknown): void => {
        call.signal.removeEventListener("abort", leave);
        reject(new StoreUnavailableError("no connection to Valkey", { cause, outcome: "not-applied" }));
      };
      call.signal.addEventListener("abort", leave);
      connecting.then((client) => {
        call.signal.removeEventListener("abort", leave);
        // Nobody may wait for it any more.
        if (call.signal.aborted) client.close();
        else resolve(new Session(client, patience));
      }, fail);
    });
  }

  /** The caller's client, which connects by itself, is ready once the server has answered. */
  async #await(client: Client, call: Call): Promise<Session> {
    const session = new Session(client, undefined);
    const [answer = null] = await session.exec([["ping"]], call).catch((error: unknown) => {
      const explained = explain(error);
      explained.outcome = "not-applied";
      throw explained;
    });
    // Any reply will do: the user may lack the permission for PING.
    if (answer instanceof Error) {
      const explained = explain(causeOf(answer));
      if (explained.retryable) throw explained;
    }
    return session;
  }
}
