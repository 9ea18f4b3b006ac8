/**
 * The link to a cluster. ioredis knows the nodes and which slot is whose; requests go to the nodes themselves, since
 * ioredis would repeat some whose outcome is unknown, and keep others for later.
 */
import type { KeyValueError } from "@kv/core";
import {
  type Address,
  type Call,
  type Command,
  type CommandReply,
  type Layout,
  type Link,
  layoutOf,
  noConnection,
  type Report,
  type View,
} from "@kv/core/driver";
import { type Cluster, ReplyError } from "ioredis";
import { diagnose } from "./diagnose.ts";
import { refusedConnection } from "./errors.ts";
import { nextOf, until } from "./events.ts";
import type { Owner } from "./node.ts";
import { Nodes, TITLE } from "./nodes.ts";
import { explainRouted, nameIn, Routes } from "./routes.ts";

export class ClusterLink implements Link, Owner {
  readonly isCluster = true;
  readonly own: boolean;
  report: Report | undefined;
  patience = 0;
  readonly #client: Cluster;
  readonly #startup: readonly Required<Address>[];
  readonly #nodes: Nodes;
  readonly #routes: Routes;
  #failure: Error | undefined;

  /** @param startup the addresses of a client of the store's own; absent where it is the caller's */
  constructor(client: Cluster, startup?: readonly Required<Address>[]) {
    this.#client = client;
    this.own = startup !== undefined;
    this.#startup = startup ?? [];
    this.#nodes = new Nodes(client, this);
    this.#routes = new Routes(this.#nodes);
    client.on("error", this.#onError);
  }

  get ready(): boolean {
    return this.#client.status === "ready";
  }

  async open(call: Call, report: Report): Promise<void> {
    this.report = report;
    this.patience = call.deadline - performance.now();
    const { signal } = call;
    await until(signal, this.own ? this.#connect(signal) : this.#await(signal), () => {
      if (this.own) this.#client.disconnect();
      return noConnection(TITLE, this.#failure, "there was none by the deadline");
    });
  }

  async close(): Promise<void> {
    this.report = undefined;
    if (this.own) await this.#disconnect();
    this.#client.off("error", this.#onError);
    this.#nodes.release();
  }

  get(name: string, call: Call): Promise<unknown> {
    return this.#routes.send(name, call, false, (node) => node.get(name, call));
  }

  set(name: string, text: string, ttl: number | undefined, call: Call): Promise<unknown> {
    return this.#routes.send(name, call, true, (node) => node.set(name, text, ttl, call));
  }

  async send(command: Command, call: Call): Promise<unknown> {
    const name = nameIn(command);
    if (name !== undefined) return this.#routes.send(name, call, true, (node) => node.send(command, call));
    const { slots } = this.#nodes;
    if (slots.length === 0) throw noConnection(TITLE, undefined, "no master is known");
    const answers = slots.map(async (slot) => (await this.#nodes.find(slot, call)).send(command, call));
    return (await Promise.all(answers))[0];
  }

  sendAll(commands: readonly Command[], call: Call): Promise<readonly CommandReply[]> {
    return this.#routes.sendAll(commands, call);
  }

  sendTo(server: string, command: Command, call: Call): Promise<unknown> {
    const node = this.#nodes.named(server);
    if (!node) throw noConnection(TITLE, undefined, "a master has left");
    return this.#nodes.send(node, command, call);
  }

  async layout(call: Call): Promise<Layout> {
    try {
      return await this.#ask(call);
    } catch (error) {
      // Another one may have taken over.
      await this.#nodes.refresh();
      if (call.ended) throw error;
      return await this.#ask(call);
    }
  }

  explain(error: unknown): KeyValueError {
    return explainRouted(error);
  }

  outOfStep(): void {
    this.#nodes.lose();
  }

  async #ask(call: Call): Promise<Layout> {
    const views = new Map<string, View>();
    const failures: KeyValueError[] = [];
    await Promise.all(
      [...this.#nodes.masters].map(async ([name, node]) => {
        try {
          views.set(name, { nodes: String(await this.#nodes.send(node, ["cluster", "nodes"], call)) });
        } catch (error) {
          failures.push(this.explain(error));
        }
      }),
    );
    try {
      return layoutOf(views);
    } catch (error) {
      throw failures[0] ?? error;
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    await this.#disconnect();
    if (signal.aborted) return;
    this.#failure = undefined;
    try {
      await this.#client.connect();
    } catch (error) {
      throw await this.#diagnose(this.#failure ?? error, signal);
    }
  }

  async #diagnose(error: unknown, signal: AbortSignal): Promise<KeyValueError> {
    const { replyMapping: _, ...settings } = this.#client.options.redisOptions ?? {};
    const [first] = this.#startup;
    const told = error instanceof ReplyError || !first;
    const reason = told ? undefined : await diagnose({ ...settings, ...first }, this.patience, signal);
    return reason ?? refusedConnection(TITLE, error);
  }

  /** Until the caller's client is connected, as it does by itself; one failed attempt is enough to say that it is not. */
  async #await(signal: AbortSignal): Promise<void> {
    const client = this.#client;
    if (client.status === "end") throw noConnection(TITLE, undefined, "the client was closed by its owner");
    this.#failure = undefined;
    if (client.status === "wait") client.connect().catch(() => {});
    while (client.status !== "ready") {
      await nextOf(client, ["ready", "error", "end"], signal);
      if (signal.aborted) return;
      const failure: Error | undefined = this.#failure;
      if (failure !== undefined || this.#client.status === "end") throw refusedConnection(TITLE, failure);
    }
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    if (client.status === "wait" || client.status === "end") return;
    const ended = client.nodes().length > 0 ? nextOf(client, ["end"]) : undefined;
    client.disconnect();
    await ended;
  }

  readonly #onError = (error: Error): void => {
    this.#failure = "lastNodeError" in error && error.lastNodeError instanceof Error ? error.lastNodeError : error;
  };
}
