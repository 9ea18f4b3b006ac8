/**
 * The link to a cluster. ioredis knows the nodes and which slot is whose; requests go to the nodes themselves, since
 * ioredis would repeat some whose outcome is unknown, and keep others for later.
 */
import { AbortedError, type KeyValueError, StoreUnavailableError } from "@kv/core";
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
import { type Cluster, type Redis, ReplyError } from "ioredis";
import { diagnose } from "./diagnose.ts";
import { explain, refusedConnection } from "./errors.ts";
import { nextOf, until } from "./events.ts";
import { Node, type Owner } from "./node.ts";
import { slotOf } from "./slots.ts";

const TITLE = "the Redis cluster";

/** How often a request follows nodes that say that its slot is another's. */
const REDIRECTIONS = 8;

interface Known {
  readonly node: Node;
  /** Of this connection and no other: after a restart of the server it is another one. */
  readonly name: string;
  readonly onEnd: () => void;
}

export class ClusterLink implements Link, Owner {
  readonly isCluster = true;
  readonly own: boolean;
  report: Report | undefined;
  patience = 0;
  readonly #client: Cluster;
  readonly #startup: readonly Required<Address>[];
  readonly #known = new Map<Redis, Known>();
  /** The masters by their addresses, as the client has them; absent where it may know others now. */
  #masters: Map<string, Node> | undefined;
  /** By address: nodes that others named before the client knew them as masters. */
  readonly #named = new Map<string, Redis>();
  #connections = 0;
  #failure: Error | undefined;

  /** @param startup the addresses of a client of the store's own; absent where it is the caller's */
  constructor(client: Cluster, startup?: readonly Required<Address>[]) {
    this.#client = client;
    this.own = startup !== undefined;
    this.#startup = startup ?? [];
    client.on("error", this.#onError);
    client.on("refresh", this.#onChange);
    client.on("+node", this.#onChange);
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
    for (const redis of this.#named.values()) redis.disconnect();
    this.#client.off("error", this.#onError);
    this.#client.off("refresh", this.#onChange);
    this.#client.off("+node", this.#onChange);
    for (const [redis, { node, onEnd }] of this.#known) {
      redis.off("end", onEnd);
      node.release();
    }
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
    // A slot of each master: one that is down is missing among those that the client knows, but not there.
    const slots = new Map(this.#client.slots.map(([address], slot) => [address, slot]));
    if (slots.size === 0) throw noConnection(TITLE, undefined, "no master is known");
    const answers = [...slots.values()].map(async (slot) => (await this.#find(slot, call)).send(command, call));
    return (await Promise.all(answers))[0];
  }

  async sendAll(commands: readonly Command[], call: Call): Promise<readonly CommandReply[]> {
    const replies: CommandReply[] = [];
    const positions = commands.map((_, at) => at);
    await this.#sendParts(commands, positions, replies, call);
    return replies;
  }

  sendTo(server: string, command: Command, call: Call): Promise<unknown> {
    const known = [...this.#known.values()].find(({ name }) => name === server);
    if (!known) throw noConnection(TITLE, undefined, "a master has left");
    return this.#sendOn(known.node, command, call);
  }

  async layout(call: Call): Promise<Layout> {
    try {
      return await this.#ask(call);
    } catch (error) {
      // Another one may have taken over.
      await this.#refresh();
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
    for (const { node } of this.#known.values()) node.lose();
  }

  async #request(name: string, call: Call, writes: boolean, send: (node: Node) => Promise<unknown>): Promise<unknown> {
    const slot = slotOf(name);
    let node = this.#ownerOf(slot);
    if (!node?.usable) {
      if (writes) call.markSent(false);
      node = await this.#find(slot, call);
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
      if (!to.asking) void this.#refresh();
      node = this.#at(to.address, node);
      await this.#reach(node, call);
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
      const node = this.#ownerOf(slot);
      const part = parts.get(node);
      if (part) part.push(at);
      else parts.set(node, [at]);
    }
    await Promise.all(
      [...parts].map(async ([node, part]) => {
        try {
          if (!node?.usable) {
            await this.#find(slots.get(part[0] as number) as number, call);
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

  #ownerOf(slot: number): Node | undefined {
    const address = this.#client.slots[slot]?.[0];
    return address === undefined ? undefined : this.#mastersNow().get(address);
  }

  /** The slot's master, connected; where it cannot be, whoever is it by now. */
  async #find(slot: number, call: Call): Promise<Node> {
    const known = this.#ownerOf(slot);
    if (known) {
      try {
        await this.#reach(known, call);
        return known;
      } catch (error) {
        if (call.ended) throw error;
      }
    }
    await this.#refresh();
    const node = this.#ownerOf(slot);
    if (!node) throw noConnection(TITLE, undefined, "no master serves the record's slot");
    await this.#reach(node, call);
    return node;
  }

  /** Until a node is connected. */
  async #reach(node: Node, call: Call): Promise<void> {
    if (node.usable) return;
    if (node.isSilent) {
      node.lose();
      throw noConnection(node.server, undefined, "it has stopped answering");
    }
    await node.wait(call.signal);
    if (call.ended) throw new AbortedError("the call had ended before its request was sent");
  }

  async #sendOn(node: Node, command: Command, call: Call): Promise<unknown> {
    await this.#reach(node, call);
    return node.send(command, call);
  }

  /** Until the client has asked the nodes anew which slot is whose; one that does not answer is passed over. */
  #refresh(): Promise<void> {
    return new Promise((resolve) => this.#client.refreshSlotsCache(() => resolve()));
  }

  async #ask(call: Call): Promise<Layout> {
    const views = new Map<string, View>();
    const failures: KeyValueError[] = [];
    await Promise.all(
      [...this.#mastersNow().values()].map(async (node) => {
        try {
          const nodes = await this.#sendOn(node, ["cluster", "nodes"], call);
          views.set(this.#nameOf(node.client), { nodes: String(nodes) });
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

  #mastersNow(): ReadonlyMap<string, Node> {
    this.#masters ??= new Map(
      this.#client.nodes("master").map((redis) => [addressOf(redis), this.#knownOf(redis).node]),
    );
    return this.#masters;
  }

  #nameOf(redis: Redis): string {
    return this.#knownOf(redis).name;
  }

  #knownOf(redis: Redis): Known {
    const known = this.#known.get(redis);
    if (known) return known;
    const node = new Node(redis, this);
    const onEnd = (): void => {
      this.#known.delete(redis);
      this.#masters = undefined;
    };
    const entry = { node, name: `${addressOf(redis)} ${++this.#connections}`, onEnd };
    this.#known.set(redis, entry);
    redis.on("ready", node.connected);
    redis.once("end", onEnd);
    return entry;
  }

  /** The node at an address that another one told. */
  #at(told: string, from: Node): Node {
    const { natMap } = this.#client.options;
    const whole = /^:\d+$/.test(told) ? `${from.client.options.host}${told}` : told;
    const mapped = typeof natMap === "function" ? natMap(whole) : natMap?.[whole];
    const address = mapped ? `${mapped.host}:${mapped.port}` : whole;
    const master = this.#mastersNow().get(address);
    if (master) return master;
    let redis = this.#named.get(address);
    if (!redis) {
      const [host, port] = [
        address.slice(0, address.lastIndexOf(":")),
        Number(address.slice(address.lastIndexOf(":") + 1)),
      ];
      redis = from.client.duplicate({ host, port, readOnly: false, lazyConnect: true, retryStrategy: null });
      this.#named.set(address, redis);
      redis.once("end", () => this.#named.delete(address));
    }
    return this.#knownOf(redis).node;
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

  readonly #onChange = (): void => {
    this.#masters = undefined;
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

function addressOf({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}
