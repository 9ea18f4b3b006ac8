// Servers that are made of several: clusters, and a master that a sentinel watches over.

import { existsSync } from "node:fs";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { type Server, type ServerName, serverFor, startServer } from "../src/index.ts";
import { exchange, type Reply } from "../src/resp.ts";
import { ask, exitOf, folderOf, isGone, printed, runFile } from "./helpers.ts";

const { server: redisCluster, skipped: noRedis } = await serverFor(vitest, "redis-cluster", { replicas: 1 });
const { server: valkeyCluster, skipped: noValkey } = await serverFor(vitest, "valkey-cluster", { own: true });

async function start<Name extends ServerName>(
  name: Name,
  options: Parameters<typeof startServer<Name>>[1],
): Promise<Server> {
  const { server, skipped } = await startServer(name, options);
  if (server === undefined) throw new Error(skipped);
  return server;
}

async function stateOf(server: Server): Promise<string[]> {
  const replies = await Promise.all(server.nodes.map((node) => ask(node, "CLUSTER", "INFO")));
  return replies.map((reply) => /cluster_state:(\w+)/.exec(String(reply))?.[1] ?? "");
}

/** Asks until the answer is the one that is waited for. */
function become(question: () => Promise<unknown>, answer: unknown): Promise<void> {
  return expect.poll(() => question().catch(() => undefined), { timeout: 30_000 }).toEqual(answer);
}

describe.skipIf(noValkey)("a cluster", () => {
  it("is three masters that know each other and serve all slots", async () => {
    expect(valkeyCluster.nodes).toHaveLength(3);
    expect(valkeyCluster.url).toBe(
      `valkey+cluster://${valkeyCluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    );
    expect(await stateOf(valkeyCluster)).toEqual(["ok", "ok", "ok"]);
    const replies = await Promise.all(valkeyCluster.nodes.map((node) => ask(node, "SET", "key", "value")));
    expect(replies.filter((reply) => reply === "OK")).toHaveLength(1);
    expect(replies.filter((reply) => String(reply).includes("MOVED"))).toHaveLength(2);
  });

  it("is the same after a restart, and one of its nodes can be killed alone", async () => {
    await valkeyCluster.restart();
    expect(await stateOf(valkeyCluster)).toEqual(["ok", "ok", "ok"]);
    const [first] = valkeyCluster.nodes;
    await first?.kill();
    await expect(stateOf(valkeyCluster)).rejects.toThrow("ECONNREFUSED");
    await first?.restart();
    await become(() => stateOf(valkeyCluster), ["ok", "ok", "ok"]);
  });

  it.each(["SIGINT", "SIGKILL"] as const)(
    "leaves nothing behind when the process that started it gets %s",
    async (signal) => {
      const cli = runFile("src/cli.ts", "up", "valkey-cluster");
      const line = await printed(cli, /--store valkey\+cluster:\/\/(\S+)\nCtrl-C/);
      const nodes = [...(line[1] ?? "").matchAll(/:(\d+)/g)].map(([, port]) => ({ port: Number(port) }));
      expect(nodes).toHaveLength(3);
      const folders = await Promise.all(nodes.map(folderOf));
      cli.kill(signal);
      await exitOf(cli);
      for (const folder of folders) await expect.poll(() => existsSync(folder), { timeout: 15_000 }).toBe(false);
      for (const node of nodes) await expect.poll(() => isGone(node), { timeout: 15_000 }).toBe(true);
    },
  );
});

describe.skipIf(noRedis)("a cluster of Redis", () => {
  it("puts a replica in the place of a master that is killed", async () => {
    const [first, , , replica] = redisCluster.nodes;
    if (!first || !replica) throw new Error("each master has a replica");
    const role = async () => ((await ask(replica, "ROLE")) as Reply[])[0];
    expect(await role()).toBe("slave");
    await first.kill();
    await become(role, "master");
    await first.restart();
    await become(async () => ((await ask(first, "ROLE")) as Reply[])[0], "slave");
    await become(async () => [...new Set(await stateOf(redisCluster))], ["ok"]);
  });

  it("has one password and one certificate", async () => {
    await using server = await start("redis-cluster", { password: "p@ss", tls: true, replicas: 1 });
    expect(server.url).toMatch(/^rediss\+cluster:\/\/:p%40ss@127\.0\.0\.1:\d+,/);
    for (const node of server.nodes) {
      const [, pong] = await exchange({ port: node.port, ca: server.ca }, [["AUTH", "p@ss"], ["PING"]]);
      expect(pong).toBe("PONG");
    }
  });
});

describe.skipIf(noRedis)("a sentinel", () => {
  it("puts the replica in the place of a master that is killed", async () => {
    await using server = await start("redis-sentinel", { password: "p@ss" });
    const [master, replica, sentinel] = server.nodes;
    if (!master || !replica || !sentinel) throw new Error("there are three");
    expect(server.url).toBe(`redis+sentinel://:p%40ss@127.0.0.1:${sentinel.port}/mymaster`);
    const named = () => ask(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster");
    expect(await named()).toEqual(["127.0.0.1", `${master.port}`]);
    await master.kill();
    await become(named, ["127.0.0.1", `${replica.port}`]);
  });

  it("has a password of its own, and speaks TLS as they all do", async () => {
    await using server = await start("redis-sentinel", { password: "one", sentinelPassword: "two", tls: true });
    expect(server.url).toMatch(/^rediss\+sentinel:/);
    const sentinel = { port: server.nodes[2]?.port ?? 0, ca: server.ca };
    expect(await ask(sentinel, "PING")).toMatchObject({ message: expect.stringContaining("NOAUTH") });
    expect(await ask(sentinel, "AUTH", "two")).toBe("OK");
  });
});
