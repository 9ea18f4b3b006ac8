/** The nodes of a cluster as ioredis knows them: which of them has a slot, and reaching it. */
import { AbortedError } from "@kv/core";
import { type Call, type Command, noConnection } from "@kv/core/driver";
import type { Cluster, Redis } from "ioredis";
import { Node, type Owner } from "./node.ts";

/** What errors call it. */
export const TITLE = "the Redis cluster";

interface Known {
  readonly node: Node;
  /** Of this connection and no other: after a restart of the server it is another one. */
  readonly name: string;
  readonly onEnd: () => void;
}

export class Nodes {
  readonly #client: Cluster;
  readonly #owner: Owner;
  readonly #known = new Map<Redis, Known>();
  /** The masters by their addresses, as the client has them; absent where it may know others now. */
  #masters: Map<string, Node> | undefined;
  /** By address: nodes that others named before the client knew them as masters. */
  readonly #named = new Map<string, Redis>();
  #connections = 0;

  constructor(client: Cluster, owner: Owner) {
    this.#client = client;
    this.#owner = owner;
    client.on("refresh", this.#onChange);
    client.on("+node", this.#onChange);
  }

  /** The masters that the client has connections for, by names of these connections. */
  get masters(): ReadonlyMap<string, Node> {
    return new Map([...this.#mastersNow().values()].map((node) => [this.#knownOf(node.client).name, node]));
  }

  /** A slot of each master: one that is down is missing in {@link masters}, but not there. */
  get slots(): readonly number[] {
    return [...new Map(this.#client.slots.map(([address], slot) => [address, slot])).values()];
  }

  named(name: string): Node | undefined {
    return [...this.#known.values()].find((known) => known.name === name)?.node;
  }

  ownerOf(slot: number): Node | undefined {
    const address = this.#client.slots[slot]?.[0];
    return address === undefined ? undefined : this.#mastersNow().get(address);
  }

  /** The slot's master, connected; where it cannot be, whoever is it by now. */
  async find(slot: number, call: Call): Promise<Node> {
    const known = this.ownerOf(slot);
    if (known) {
      try {
        await this.reach(known, call);
        return known;
      } catch (error) {
        if (call.ended) throw error;
      }
    }
    await this.refresh();
    const node = this.ownerOf(slot);
    if (!node) throw noConnection(TITLE, undefined, "no master serves the record's slot");
    await this.reach(node, call);
    return node;
  }

  /** Until a node is connected. Nothing may be sent where this rejects. */
  async reach(node: Node, call: Call): Promise<void> {
    if (node.isSilent) {
      node.lose();
      throw noConnection(node.server, undefined, "it has stopped answering");
    }
    if (!node.usable) await node.wait(call.signal);
    if (call.ended) throw new AbortedError("the call had ended before its request was sent");
  }

  async send(node: Node, command: Command, call: Call): Promise<unknown> {
    await this.reach(node, call);
    return node.send(command, call);
  }

  /** Until the client has asked the nodes anew which slot is whose; one that does not answer is passed over. */
  refresh(): Promise<void> {
    return new Promise((resolve) => this.#client.refreshSlotsCache(() => resolve()));
  }

  /** The node at an address that another one told. */
  at(told: string, from: Node): Node {
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

  /** No connection is of use any more. */
  lose(): void {
    for (const { node } of this.#known.values()) node.lose();
  }

  /** Leaves the client alone, and closes what is not its own. */
  release(): void {
    for (const redis of this.#named.values()) redis.disconnect();
    this.#client.off("refresh", this.#onChange);
    this.#client.off("+node", this.#onChange);
    for (const [redis, { node, onEnd }] of this.#known) {
      redis.off("end", onEnd);
      node.release();
    }
  }

  #mastersNow(): ReadonlyMap<string, Node> {
    this.#masters ??= new Map(
      this.#client.nodes("master").map((redis) => [addressOf(redis), this.#knownOf(redis).node]),
    );
    return this.#masters;
  }

  #knownOf(redis: Redis): Known {
    const known = this.#known.get(redis);
    if (known) return known;
    const node = new Node(redis, this.#owner);
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

  readonly #onChange = (): void => {
    this.#masters = undefined;
  };
}

function addressOf({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}
