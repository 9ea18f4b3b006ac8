// Clusters of Redis and of Valkey: three masters, with replicas if asked for.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { startDeadline } from "../own-server.ts";
import { exchange, type Reply } from "../resp.ts";
import type { CompositeRecipe, Composition, Recipe, Server } from "../server.ts";
import { makePems } from "../tls.ts";
import { type RedisOptions, redis, redisLike } from "./redis.ts";
import { valkey, valkey9 } from "./valkey.ts";

export interface ClusterOptions extends Omit<RedisOptions, "replicaOf"> {
  /** Of each master. Default: 0. `nodes` holds them after the masters, those of the first master first. */
  readonly replicas?: number;
}

const MASTERS = 3;
const SLOTS = 16_384;

export const redisCluster = clusterOf(redis, "redis", "KV_TEST_REDIS_CLUSTER_URL");
export const valkeyCluster = clusterOf(valkey, "valkey", "KV_TEST_VALKEY_CLUSTER_URL");
export const valkey9Cluster: CompositeRecipe<Omit<ClusterOptions, "tls">> = clusterOf(
  valkey9,
  "valkey",
  "KV_TEST_VALKEY9_CLUSTER_URL",
);

function clusterOf(
  { name: single, sources, port }: Pick<Recipe<RedisOptions>, "name" | "sources" | "port">,
  scheme: "redis" | "valkey",
  variable: string,
): CompositeRecipe<ClusterOptions> {
  const name = `${single}-cluster`;
  return {
    name,
    variable,
    port,
    sources,
    async compose(start, { replicas = 0, ...options }): Promise<Composition> {
      const node = { name: `${name}-node`, prepare: redisLike(scheme) };
      const chief = new Chief();
      const settings = {
        ...options,
        acl: [...(options.acl ?? []), chief.aclLine],
        cluster: true,
        pems: options.tls ? await makePems() : undefined,
      };
      const nodes = await Promise.all(Array.from({ length: MASTERS * (1 + replicas) }, () => start(node, settings)));
      const [first, ...others] = nodes;
      if (first === undefined) throw new Error("a cluster has masters");
      await chief.form(nodes);
      const { username, password } = new URL(first.url);
      const login = username || password ? `${username}:${password}@` : "";
      const addresses = nodes.slice(0, MASTERS).map((one) => `127.0.0.1:${one.port}`);
      return {
        url: `${scheme}${options.tls ? "s" : ""}+cluster://${login}${addresses.join(",")}`,
        nodes: [first, ...others],
        ready: () => chief.sees(nodes, MASTERS),
      };
    },
  };
}

/** A user of our own who makes a cluster of servers. */
class Chief {
  readonly #user = `chief-${randomUUID()}`;
  readonly #password = randomUUID();

  get aclLine(): string {
    return `user ${this.#user} on >${this.#password} +cluster +info +ping`;
  }

  async form(nodes: readonly Server[]): Promise<void> {
    const masters = nodes.slice(0, MASTERS);
    await Promise.all(
      nodes.map((node, at) => {
        const [from, to] = [at, at + 1].map((one) => Math.floor((one * SLOTS) / MASTERS));
        return this.#ask(
          node,
          ["CLUSTER", "SET-CONFIG-EPOCH", `${at + 1}`],
          ...(masters.includes(node) ? [["CLUSTER", "ADDSLOTSRANGE", `${from}`, `${(to ?? 0) - 1}`]] : []),
        );
      }),
    );
    const [first, ...others] = nodes;
    if (first === undefined) return;
    for (const other of others) {
      const busPort = await this.#busPort(other);
      await this.#ask(first, ["CLUSTER", "MEET", "127.0.0.1", `${other.port}`, busPort]);
    }
    const deadline = performance.now() + startDeadline;
    while (!(await this.#haveMet(nodes))) {
      if (performance.now() > deadline) throw new Error("the nodes of the cluster do not find each other");
      await sleep(20);
    }
    const ids = await Promise.all(masters.map(async (one) => String((await this.#ask(one, ["CLUSTER", "MYID"]))[0])));
    const replicas = nodes.slice(MASTERS);
    const each = replicas.length / MASTERS;
    await Promise.all(
      replicas.map((one, at) => this.#ask(one, ["CLUSTER", "REPLICATE", ids[Math.floor(at / each)] ?? ""])),
    );
  }

  /** Whether each of them serves, knows all the others, and is in step with its master if it has one. */
  async sees(nodes: readonly Server[], masters: number): Promise<boolean> {
    const answers = await Promise.all(
      nodes.map(async (node) => {
        const [info, replication] = await this.#ask(node, ["CLUSTER", "INFO"], ["INFO", "replication"]).catch(() => []);
        const view = await this.#view(node).catch(() => []);
        const inStep =
          !String(replication).includes("role:slave") || String(replication).includes("master_link_status:up");
        const alive = view.filter((line) => !/fail|handshake|disconnected/.test(line));
        const leading = alive.filter((line) => /\bmaster\b/.test(line) && /\d$/.test(line));
        return (
          String(info).includes("cluster_state:ok") &&
          inStep &&
          alive.length === nodes.length &&
          leading.length === masters
        );
      }),
    );
    return answers.every(Boolean);
  }

  async #haveMet(nodes: readonly Server[]): Promise<boolean> {
    const views = await Promise.all(nodes.map((node) => this.#view(node)));
    return views.every((view) => view.length === nodes.length && view.every((line) => !/handshake|noaddr/.test(line)));
  }

  async #view(node: Server): Promise<string[]> {
    const [reply] = await this.#ask(node, ["CLUSTER", "NODES"]);
    return String(reply)
      .split("\n")
      .filter((line) => line !== "");
  }

  /** The port at which it talks to the others. */
  async #busPort(node: Server): Promise<string> {
    const own = (await this.#view(node)).find((line) => line.includes("myself")) ?? "";
    return /@(\d+)/.exec(own)?.[1] ?? "";
  }

  async #ask(node: Server, ...commands: string[][]): Promise<Reply[]> {
    const login = ["AUTH", this.#user, this.#password];
    const [, ...replies] = await exchange(node, [login, ...commands]);
    const error = replies.find((reply) => reply instanceof Error);
    if (error) throw error;
    return replies;
  }
}
