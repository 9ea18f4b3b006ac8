/**
 * The link to a cluster. ioredis knows the nodes and which slot is whose; requests go to the nodes themselves, since
 * ioredis would repeat some whose outcome is unknown, and keep others for later.
 */
import { type KeyValueError, StoreUnavailableError } from "@kv/core";
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
import { explain, refusedConnection } from "./errors.ts";
import { nextOf, until } from "./events.ts";
import type { Node, Owner } from "./node.ts";
import { Nodes, TITLE } from "./nodes.ts";
import { slotOf } from "./slots.ts";

/** How often a request follows nodes that say that its slot is another's. */
const REDIRECTIONS = 8;

export class ClusterLink implements Link, Owner {
  readonly isCluster = true;
  readonly own: boolean;
  report: Report | undefined;
  patience = 0;
  readonly #client: Cluster;
  readonly #startup: readonly Required<Address>[];
  readonly #nodes: Nodes;
  #failure: Error | undefined;

  /** @param startup the addresses of a client of the store's own; absent where it is the caller's */
  constructor(client: Cluster, startup?: readonly Required<Address>[]) {
    this.#client = client;
    this.own = startup !== undefined;
    this.#startup = startup ?? [];
    this.#nodes = new Nodes(client, this);
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
    return this.#request(name, call, false, (node) => node.get(name, call));
  }

  set(name: string, text: string, ttl: number | undefined, call: Call): Promise<unknown> {
    return this.#request(name, call, true, (node) => node.set(name, text, ttl, call));
  }

  async send(command: Command, call: Call): Promise<unknown> {
    const name = nameIn(command);
    if (name !== undefined) return this.#request(name, call, true, (node) => node.send(command, call));
    const { slots } = this.#nodes;
    if (slots.length === 0) throw noConnection(TITLE, undefined, "no master is known");
    const answers = slots.map(async (slot) => (await this.#nodes.find(slot, call)).send(command, call));
    return (await Promise.all(answers))[0];
  }

  async sendAll(commands: readonly Command[], call: Call): Promise<readonly CommandReply[]> {
    const replies: CommandReply[] = [];
    const positions = commands.map((_, at) => at);
    await this.#sendParts(commands, positions, replies, call);
    return replies;
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
    if (redirection(error)) {
      return new StoreUnavailableError("the cluster is being rearranged", { cause: error, outcome: "not-applied" });
    }
    return explain(error);
  }

  outOfStep(): void {
    this.#nodes.lose();
  }

  async #request(name: string, call: Call, writes: boolean, send: (node: Node) => Promise<unknown>): Promise<unknown> {
    const slot = slotOf(name);
    let node = this.#nodes.ownerOf(slot);
    if (!node?.usable) {
      if (writes) call.markSent(false);
      node = await this.#nodes.find(slot, call);
      if (writes) call.markSent();
    }
    try {
      return await send(node);
    } catch (error) {
      return await this.#follow(error, node, call, send);
    }
  }

  /** Goes where a node says that the slot is now, which has done nothing itself. */
  async #follow(error: unknown, from: Node, call: Call, send: (node: Node) => Promise<unknown>): Promise<unknown> {
    let [reason, node] = [error, from];
    for (let left = REDIRECTIONS; left > 0; left--) {
      const to = redirection(reason);
      if (!to) break;
      if (!to.asking) void this.#nodes.refresh();
      node = this.#nodes.at(to.address, node);
      await this.#nodes.reach(node, call);
      try {
        // Opens the slot to the one request that follows on the connection.
        if (to.asking) node.send(["asking"], call).catch(() => {});
        return await send(node);
      } catch (next) {
        reason = next;
      }
    }
    throw reason;
  }

  /** The answers to those at the positions, each at its own. */
  async #sendParts(
    commands: readonly Command[],
    positions: readonly number[],
    replies: CommandReply[],
    call: Call,
  ): Promise<void> {
    const slots = new Map(positions.map((at) => [at, slotOf(nameIn(commands[at] as Command) ?? "")]));
    const parts = new Map<Node | undefined, number[]>();
    for (const [at, slot] of slots) {
      const node = this.#nodes.ownerOf(slot);
      const part = parts.get(node);
      if (part) part.push(at);
      else parts.set(node, [at]);
    }
    await Promise.all(
      [...parts].map(async ([node, part]) => {
        try {
          if (!node?.usable) {
            await this.#nodes.find(slots.get(part[0] as number) as number, call);
            return await this.#sendParts(commands, part, replies, call);
          }
          const some = part.map((at) => commands[at] as Command);
          const answers = await node.sendAll(some, call);
          await Promise.all(
            part.map(async (at, index) => {
              const answer = answers[index];
              replies[at] = await this.#settle(answer, node, commands[at] as Command, call);
            }),
          );
        } catch (error) {
          for (const at of part) replies[at] ??= this.explain(error);
        }
      }),
    );
  }

  /** An answer of a batch: that of another node where it says so. */
  async #settle(answer: unknown, node: Node, command: Command, call: Call): Promise<CommandReply> {
    if (!(answer instanceof Error)) return answer as CommandReply;
    try {
      return (await this.#follow(answer, node, call, (other) => other.send(command, call))) as CommandReply;
    } catch (error) {
      return this.explain(error);
    }
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

/** The name by which a command finds its server. */
function nameIn(command: Command): string | undefined {
  switch (command[0]) {
    case "ping":
      return undefined;
    case "eval":
    case "evalsha":
      return command[3];
    default:
      return command[1];
  }
}

/** Where another node has the slot: for good, or for the one request. */
function redirection(error: unknown): { readonly address: string; readonly asking: boolean } | undefined {
  if (!(error instanceof Error && error instanceof ReplyError)) return undefined;
  const [, kind, address] = /^(MOVED|ASK) \d+ (\S+)/.exec(error.message) ?? [];
  return address === undefined ? undefined : { address, asking: kind === "ASK" };
}
