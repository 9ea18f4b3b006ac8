/** Nodes of one server, each a process of its own, and real clients that reach them over HTTP, one after the other. */
import { once } from "node:events";
import { runNode } from "@kv/test-servers";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, onTestFinished } from "vitest";
import type { Era } from "./server.ts";

export interface Node {
  readonly url: URL;
  /** Tells the node to do something, and waits until it has. */
  order(what: object): Promise<void>;
  kill(): Promise<void>;
}

const killed: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const kill of killed) await kill();
});

/** Starts a node, named so in its answers; it ends with the test file. */
export async function startNode(storeUrl: string, name: string, ...options: readonly string[]): Promise<Node> {
  const file = new URL("../server/children/node.ts", import.meta.url);
  const child = runNode(file, [storeUrl, name, ...options]);
  const kill = async () => {
    child.process.kill("SIGKILL");
    await child.ended;
  };
  killed.push(kill);
  const [{ port }] = (await Promise.race([once(child.process, "message"), child.ended])) as [{ port: number }];
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    async order(what) {
      const done = once(child.process, "message");
      child.process.send(what);
      await done;
    },
    kill,
  };
}

export interface NodeCaller {
  readonly era?: Era;
  /** `user/scope scope` */
  readonly token?: string;
}

/** A client whose requests go to the nodes in turn; the list may be changed meanwhile. */
export async function clientOf(nodes: readonly Node[], { era = "modern", token }: NodeCaller = {}) {
  let turn = 0;
  /** Methods and ports of its requests. */
  const asked: string[] = [];
  const client = new Client(
    { name: "tester", version: "1.0.0" },
    { versionNegotiation: { mode: era === "modern" ? "auto" : "legacy" } },
  );
  const [first] = nodes;
  if (!first) throw new Error("no nodes");
  const transport = new StreamableHTTPClientTransport(first.url, {
    // By default it gives a stream up after two attempts, which a busy machine may take to answer.
    reconnectionOptions: {
      initialReconnectionDelay: 50,
      maxReconnectionDelay: 500,
      reconnectionDelayGrowFactor: 1.5,
      maxRetries: 100,
    },
    ...(token !== undefined && { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
    fetch: (_url, init) => {
      const { url } = nodes[turn++ % nodes.length] ?? first;
      asked.push(`${init?.method} ${url.port}`);
      return fetch(url, init);
    },
  });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return { client, transport, asked };
}
