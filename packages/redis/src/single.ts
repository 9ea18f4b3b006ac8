/** The link to one server, found by its address or by Sentinel. */
import { KeyValueError, StoreUnavailableError } from "@kv/core";
import {
  type Call,
  type Command,
  type CommandReply,
  type Layout,
  type Link,
  noConnection,
  type Report,
} from "@kv/core/driver";
import { type Redis, ReplyError } from "ioredis";
import { diagnose } from "./diagnose.ts";
import { explain, refusedConnection } from "./errors.ts";
import { until } from "./events.ts";
import { Node, type Owner } from "./node.ts";

export class SingleLink implements Link, Owner {
  readonly isCluster = false;
  readonly own: boolean;
  report: Report | undefined;
  patience = 0;
  readonly #node: Node;
  /** How often a connection was lost: the next one may lead to another server, or to the same after a restart. */
  #losses = 0;

  constructor(client: Redis, own: boolean) {
    this.own = own;
    this.#node = new Node(client, this);
    if (!own) client.on("ready", this.#node.connected);
    client.on("close", this.#onClose);
  }

  get ready(): boolean {
    return this.#node.usable;
  }

  async open(call: Call, report: Report): Promise<void> {
    this.report = report;
    this.patience = call.deadline - performance.now();
    const { signal } = call;
    await until(signal, this.own ? this.#connect(signal) : this.#node.wait(signal), () => {
      if (this.own) this.#node.client.disconnect();
      return noConnection(this.#node.server, this.#node.failure, "there was none by the deadline");
    });
  }

  async close(): Promise<void> {
    this.report = undefined;
    if (this.own) await this.#node.disconnect();
    this.#node.release();
    this.#node.client.off("close", this.#onClose);
  }

  get(name: string, call: Call): Promise<unknown> {
    return this.#node.get(name, call);
  }

  set(name: string, text: string, ttl: number | undefined, call: Call): Promise<unknown> {
    return this.#node.set(name, text, ttl, call);
  }

  send(command: Command, call: Call): Promise<unknown> {
    return this.#node.send(command, call);
  }

  async sendAll(commands: readonly Command[], call: Call): Promise<readonly CommandReply[]> {
    const replies = await this.#node.sendAll(commands, call);
    return replies.map((reply) => (reply instanceof Error ? this.explain(reply) : (reply as CommandReply)));
  }

  sendTo(_: string, command: Command, call: Call): Promise<unknown> {
    return this.#node.send(command, call);
  }

  async layout(): Promise<Layout> {
    return { servers: [""], version: `${this.#losses}`, moving: false };
  }

  explain(error: unknown): KeyValueError {
    // A master that has become a replica: the sentinels know the new one.
    const readOnly = error instanceof Error && error instanceof ReplyError && error.message.startsWith("READONLY");
    if (readOnly && this.#bySentinel) this.#node.lose();
    return explain(error, this.#node.failure);
  }

  outOfStep(): void {
    this.#node.lose();
  }

  get #bySentinel(): boolean {
    return this.#node.client.options.sentinels !== null && this.#node.client.options.sentinels !== undefined;
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const node = this.#node;
    await node.disconnect();
    if (signal.aborted) return;
    node.forget();
    try {
      await node.client.connect();
      // A database that the server has not is reported so, and then ignored.
      if (node.failure instanceof ReplyError) throw node.failure;
      if (this.#bySentinel) await this.#checkRole();
    } catch (error) {
      const failure = error instanceof KeyValueError ? error : (node.failure ?? error);
      await node.disconnect();
      throw (await this.#ofSentinel(failure, signal)) ?? refusedConnection(node.server, failure);
    }
    node.connected();
  }

  /** What the first sentinel has against us, where none of them answered. */
  async #ofSentinel(error: unknown, signal: AbortSignal): Promise<KeyValueError | undefined> {
    const { sentinels, sentinelUsername, sentinelPassword, sentinelTLS } = this.#node.client.options;
    const [first] = sentinels ?? [];
    if (!first || !(error instanceof Error && /^All sentinels.*Last error/.test(error.message))) return undefined;
    const login = {
      ...(sentinelUsername && { username: sentinelUsername }),
      ...(sentinelPassword && { password: sentinelPassword }),
      ...(sentinelTLS && { tls: sentinelTLS }),
    };
    return diagnose({ ...first, ...login, enableReadyCheck: false }, this.patience, signal);
  }

  /** Sentinels may not know yet that a master is one no more. */
  async #checkRole(): Promise<void> {
    const answer = await this.#node.client.call("role");
    const [role] = Array.isArray(answer) ? answer : [];
    if (role === "master") return;
    throw new StoreUnavailableError("the server that Sentinel names is no master", { outcome: "not-applied" });
  }

  readonly #onClose = (): void => {
    this.#losses++;
  };
}
