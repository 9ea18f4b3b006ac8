/** What only valkey-glide knows: connecting, sending, and when a connection is of no more use. */
import { AccessDeniedError, type KeyValueError, StoreUnavailableError } from "@kv/core";
import {
  type Call,
  type Command,
  type CommandReply,
  type Layout,
  type Link,
  layoutOf,
  type Report,
} from "@kv/core/driver";
import { GlideClusterClient } from "@valkey/valkey-glide";
import type { Client, Settings } from "./options.ts";
import { probe } from "./probe.ts";
import { causeOf, ErrorReply, explain, replyOf } from "./replies.ts";
import { connect, Session } from "./session.ts";

export class ValkeyLink implements Link {
  readonly isCluster: boolean;
  /** Absent where the client is the caller's. */
  readonly #settings: Settings | undefined;
  #session: Session | undefined;
  /** What the server is said to be, as it was last reported. */
  #connected = false;
  #report: Report | undefined;

  /** @param source settings for clients of our own, or the caller's client */
  constructor(source: Settings | Client) {
    if ("addresses" in source) {
      this.#settings = source;
      this.isCluster = source.cluster;
    } else {
      this.#session = new Session(source, undefined);
      this.isCluster = source instanceof GlideClusterClient;
    }
  }

  get client(): Client | undefined {
    return this.#session?.client;
  }

  get ready(): boolean {
    return this.#connected && this.#session?.usable === true;
  }

  async open(call: Call, report: Report): Promise<void> {
    this.#report = report;
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

  get(name: string, call: Call): Promise<unknown> {
    return this.send(["get", name], call);
  }

  set(name: string, text: string, ttl: number | undefined, call: Call): Promise<unknown> {
    return this.send(ttl === undefined ? ["set", name, text] : ["set", name, text, "PX", `${ttl}`], call);
  }

  send(command: Command, call: Call): Promise<unknown> {
    return this.#one(command, call);
  }

  async sendAll(commands: readonly Command[], call: Call): Promise<readonly CommandReply[]> {
    try {
      const answers = await this.#current.exec(commands, call);
      return answers.map((answer) => (answer instanceof Error ? this.explain(causeOf(answer)) : replyOf(answer)));
    } catch (error) {
      return commands.map(() => this.explain(error));
    }
  }

  sendTo(server: string, command: Command, call: Call): Promise<unknown> {
    return this.#one(command, call, server);
  }

  async layout(call: Call): Promise<Layout> {
    // glide mends lost connections without a word: whether the server is another process, it tells itself.
    if (!this.isCluster) {
      const answer = await this.#one(["info", "server"], call).catch(unlessDenied);
      return { servers: [""], version: runOf(answer), moving: false };
    }
    const session = this.#current;
    const [nodes, runs] = await Promise.all([
      session.askMasters(["cluster", "nodes"]),
      session.askMasters(["info", "server"]).catch(unlessDenied),
    ]).catch((error: unknown) => {
      throw explain(causeOf(error));
    });
    return layoutOf(
      new Map(
        [...nodes].map(([server, text]) => [server, { nodes: text, run: runOf(runs === "" ? "" : runs.get(server)) }]),
      ),
    );
  }

  explain(error: unknown): KeyValueError {
    // glide follows redirections by itself, but not to a node that it has no connection to.
    if (this.isCluster && error instanceof ErrorReply && /^(?:MOVED|ASK) /.test(error.message)) {
      return new StoreUnavailableError("the cluster is being rearranged", { cause: error, outcome: "not-applied" });
    }
    return explain(error);
  }

  outOfStep(): void {
    this.#session?.lose();
  }

  get #current(): Session {
    if (this.#session) return this.#session;
    throw new StoreUnavailableError("there is no connection to Valkey", { outcome: "not-applied" });
  }

  async #one(command: Command, call: Call, server?: string): Promise<unknown> {
    const answer = await this.#current.send(command, call, server);
    if (answer instanceof Error) throw causeOf(answer);
    return replyOf(answer);
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
    const address = await probe(settings, call.signal);
    const connecting = connect(settings, address, call.deadline);
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

/** Nothing in the place of an answer that the user may not have. */
function unlessDenied(error: unknown): "" {
  const explained = explain(causeOf(error));
  if (explained instanceof AccessDeniedError) return "";
  throw explained;
}

/** What a server calls its process; nothing where the user may not ask. */
function runOf(info: unknown): string {
  return /^run_id:(\w+)/m.exec(String(info))?.[1] ?? "";
}
