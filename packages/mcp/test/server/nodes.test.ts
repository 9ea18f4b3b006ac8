/** Two processes that share one store and have nothing else in common: whose answers they give, to whom, until when. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskStore } from "@kv/disk";
import { redisStore } from "@kv/redis";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { dumpOf } from "../support/dump.ts";
import { clientOf, type Node, startNode } from "../support/nodes.ts";
import { callText } from "../support/server.ts";

const { server: redis, skipped } = await serverFor(vitest, "redis", { own: true, appendonly: true });

const folder = await mkdtemp(join(tmpdir(), "kv-mcp-"));
afterAll(() => rm(folder, { recursive: true }));
const backends = { disk: `disk:${folder}`, ...(!skipped && { redis: redis.url }) };

const [ada, bob] = ["ada/read", "bob/read"];

describe.each(Object.entries(backends))("two nodes on %s", (backend, url) => {
  let nodes: readonly Node[] = [];
  beforeAll(async () => {
    nodes = await Promise.all(["A", "B"].map((name) => startNode(url, name)));
  });
  const clientOfNode = async (index: number, token?: string) => {
    const { client } = await clientOf(nodes.slice(index, index + 1), token === undefined ? {} : { token });
    return client;
  };

  it("give each other's answers, and to each caller its own", async () => {
    const ask = async (node: number, token?: string) => {
      const answer = await callText(await clientOfNode(node, token), "report", { of: "x" });
      return answer.replace(/run \d+/, "run");
    };
    expect(await ask(0, ada)).toBe("report x: run on A for ada, who may read");
    expect(await ask(1, ada)).toBe("report x: run on A for ada, who may read");
    // The same arguments and client id, another user: nobody else's data.
    expect(await ask(1, bob)).toBe("report x: run on B for bob, who may read");
    expect(await ask(0, bob)).toBe("report x: run on B for bob, who may read");
    // The same user with more scopes, and in another order.
    expect(await ask(0, "ada/read admin")).toBe("report x: run on A for ada, who may read admin");
    expect(await ask(1, "ada/admin read")).toBe("report x: run on A for ada, who may read admin");
    // Nobody.
    expect(await ask(1)).toBe("report x: run on B for anyone, who may undefined");
    expect(await ask(0)).toBe("report x: run on B for anyone, who may undefined");
  });

  it("list to each caller what its scopes allow", async () => {
    for (let round = 0; round < 2; round++) {
      for (const token of ["ada/admin", "ada/read", "bob/read"]) {
        const { client } = await clientOf(nodes, { token });
        const names = (await client.listTools()).tools.map(({ name }) => name);
        expect(names.includes("administer")).toBe(token === "ada/admin");
      }
    }
  });

  it("keep no error, and what one invalidates the other gives no more", async () => {
    const { client } = await clientOf(nodes, { token: ada });
    const failures = [await callText(client, "fail"), await callText(client, "fail")];
    expect(new Set(failures).size).toBe(2);

    const [onA, onB] = [await clientOfNode(0, ada), await clientOfNode(1, ada)];
    const call = async () => callText(onB, "report", { of: "y" });
    const first = await callText(onA, "report", { of: "y" });
    expect(await call()).toBe(first);
    await nodes[0]?.order({ invalidate: { tool: "report" } });
    const second = await call();
    expect(second).not.toBe(first);
    expect(await call()).toBe(second);

    // A notice is not waited for: the other node sees it an exchange later.
    await nodes[0]?.order({ notify: "toolsChanged" });
    while ((await call()) === second);
    await nodes[0]?.order({ updated: "page:///other" });
    const third = await call();
    expect(await call()).toBe(third);
  });

  it("run a handler once for both, with a lease", async () => {
    const leasing = await Promise.all(["A", "B"].map((name) => startNode(url, name, "30s")));
    const clients = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const { client } = await clientOf(leasing.slice(index % 2, (index % 2) + 1), { token: ada });
        return client;
      }),
    );
    const answers = await Promise.all(clients.map((client) => callText(client, "report", { of: "z", slow: 300 })));
    expect(new Set(answers).size).toBe(1);
  });

  it("leave nothing readable in the store", async () => {
    const { client } = await clientOf(nodes, { token: "secret-user/secret-scope" });
    await callText(client, "report", { of: "secret-argument" });
    await client.readResource({ uri: "page:///secret-page" });
    await nodes[0]?.order({ invalidate: { resource: "page:///secret-page" } });
    const store = backend === "disk" ? diskStore({ path: folder }) : redisStore({ url });
    onTestFinished(() => store.close());
    const dump = await dumpOf(store);
    expect(dump).toContain("kv1");
    expect(dump).not.toMatch(/secret|report|page/);
  });
});

describe.skipIf(skipped)("a Redis that is stopped and started", () => {
  it("costs hits, never answers", async () => {
    const url = redis.url;
    const nodes = await Promise.all(["A", "B"].map((name) => startNode(url, name)));
    const { client } = await clientOf(nodes, { token: ada });
    const call = () => callText(client, "report", { of: "outage" });
    const first = await call();
    expect(await call()).toBe(first);
    await redis.kill();
    expect(await call()).toContain("report outage: run");
    expect(await call()).not.toBe(first);
    await redis.restart();
    // What was kept before is there again as soon as the nodes are connected.
    while ((await call()) !== first);
    expect(await call()).toBe(first);
  });
});
