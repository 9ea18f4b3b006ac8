/** Sessions of 2025-era clients, of which each request may come to another node. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskStore } from "@kv/disk";
import { redisStore } from "@kv/redis";
import { serverFor, until } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { dumpOf } from "../support/dump.ts";
import { clientOf, type Node, startNode } from "../support/nodes.ts";
import { callText } from "../support/server.ts";

const { server: redis, skipped } = await serverFor(vitest, "redis", { own: true });

const folder = await mkdtemp(join(tmpdir(), "kv-mcp-"));
afterAll(() => rm(folder, { recursive: true }));
const backends = { disk: `disk:${folder}`, ...(!skipped && { redis: redis.url }) };

const era = "legacy";
const [ada, bob] = ["ada/read", "bob/read"];

describe.each(Object.entries(backends))("two nodes on %s", (backend, url) => {
  let nodes: readonly Node[] = [];
  beforeAll(async () => {
    nodes = await Promise.all(["A", "B"].map((name) => startNode(url, name)));
  });

  /** What a client would send, by hand. */
  const send = (
    node: number,
    method: string,
    id: string | undefined,
    { token, ...more }: { token?: string; body?: object; lastEventId?: string } = {},
  ) =>
    fetch(nodes[node]?.url ?? "", {
      method,
      headers: {
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        ...(id !== undefined && { "mcp-session-id": id }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(more.lastEventId !== undefined && { "last-event-id": more.lastEventId }),
      },
      ...(more.body && { body: JSON.stringify({ jsonrpc: "2.0", ...more.body }) }),
    });
  const ping = { id: 1, method: "ping" };

  it("go on with a session that began on the other", async () => {
    const { client, transport } = await clientOf(nodes, { era, token: ada });
    const answers = [];
    for (let turn = 0; turn < 4; turn++) answers.push(await callText(client, "who"));
    // The client's name was told to one node alone.
    expect(new Set(answers)).toEqual(new Set(["tester on A for ada", "tester on B for ada"]));
    expect(transport.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("story");
  });

  it("know no session of another name, nor one of somebody else", async () => {
    const { client, transport } = await clientOf(nodes, { era, token: ada });
    const { sessionId } = transport;
    for (const node of [0, 1]) {
      for (const [id, token] of [
        [sessionId, bob],
        [sessionId, undefined],
        ["no such session", ada],
        ["", ada],
      ] as const) {
        const options = { ...(token !== undefined && { token }) };
        expect((await send(node, "POST", id, { ...options, body: ping })).status).toBe(404);
        expect((await send(node, "GET", id, options)).status).toBe(404);
        expect((await send(node, "DELETE", id, options)).status).toBe(404);
      }
      expect((await send(node, "GET", undefined, { token: ada })).status).toBe(400);
      expect((await send(node, "POST", undefined, { token: ada, body: ping })).status).toBe(400);
      expect((await send(node, "PATCH", sessionId, { token: ada })).status).toBe(405);
    }
    // None of which has ended it.
    expect(await callText(client, "who")).toContain("for ada");
    expect(await callText(client, "who")).toContain("for ada");
  });

  it("end a session for both, and its open streams", async () => {
    const { client, transport } = await clientOf(nodes, { era, token: ada });
    const { sessionId } = transport;
    for (let turn = 0; turn < 2; turn++) await callText(client, "who");
    const streams = await Promise.all(
      [0, 1].map(async (node) => {
        const stream = await send(node, "GET", sessionId, { token: ada });
        // One of them is the client's own.
        return stream.status === 409 ? undefined : stream;
      }),
    );
    await transport.terminateSession();
    for (const node of [0, 1]) {
      expect((await send(node, "POST", sessionId, { token: ada, body: ping })).status).toBe(404);
    }
    for (const stream of streams) await stream?.text();
  });

  it("resume a stream that broke off on the other, with its own events in order", async () => {
    const [a, b] = nodes;
    if (!a || !b) throw new Error("no nodes");
    const stories = await Promise.all(
      [ada, bob].map(async (token) => {
        const route = [a];
        const { client, asked } = await clientOf(route, { era, token });
        const told: string[] = [];
        const call = client.callTool(
          { name: "story", arguments: { of: token } },
          { onprogress: ({ message }) => told.push(String(message)) },
        );
        return { token, route, told, call, asked };
      }),
    );
    await until(() => stories.every(({ told }) => told.length === 3));
    for (const { route } of stories) route[0] = b;
    await a.order({ drop: "connections" });
    await a.order({ finish: "stories" });
    for (const { token, told, call, asked } of stories) {
      expect((await call).content).toEqual([{ type: "text", text: `the end of ${token} on A` }]);
      expect(told).toEqual([1, 2, 3, 4, 5, 6].map((part) => `${token} ${part}`));
      expect(asked).toContain(`GET ${b.url.port}`);
    }
  });

  it("replay nothing for ids that are not the session's", async () => {
    const sessions = await Promise.all([ada, bob].map((token) => clientOf(nodes.slice(0, 1), { era, token })));
    const ids = await Promise.all(
      sessions.map(async ({ transport }, index) => {
        const token = index === 0 ? ada : bob;
        const headers = {
          token: token ?? "",
          body: { id: 9, method: "tools/call", params: { name: "who", arguments: {} } },
        };
        const answer = await (await send(0, "POST", transport.sessionId, headers)).text();
        return /^id: (.+)$/m.exec(answer)?.[1] ?? "";
      }),
    );
    const [own, others] = ids;
    const { sessionId } = sessions[0]?.transport ?? {};
    const replay = async (lastEventId = "") => (await send(1, "GET", sessionId, { token: ada, lastEventId })).status;
    expect(await replay(own)).toBe(200);
    for (const hostile of [
      others,
      "0",
      "_",
      "1__GET_stream",
      "zzzzzzzzzzzz_x",
      `${own}x`,
      "x".repeat(4000),
      "../../1_a",
    ]) {
      expect([hostile, await replay(hostile)]).toEqual([hostile, 400]);
    }
  });

  it("leave nothing readable in the store", async () => {
    const { client, transport } = await clientOf(nodes, { era, token: "secret-user/secret-scope" });
    await callText(client, "report", { of: "secret-argument" });
    const store = backend === "disk" ? diskStore({ path: folder }) : redisStore({ url });
    onTestFinished(() => store.close());
    const dump = await dumpOf(store);
    expect(dump).toContain("mcp-sessions");
    expect(dump).toContain("mcp-events");
    expect(dump).not.toMatch(/secret|report|tester|initialize/);
    expect(dump).not.toContain(transport.sessionId);
  });
});

describe.skipIf(skipped)("a Redis that is stopped and started", () => {
  it("makes sessions unavailable, and loses none", async () => {
    const nodes = await Promise.all(["A", "B"].map((name) => startNode(redis.url, name)));
    const { client } = await clientOf(nodes, { era, token: ada });
    expect(await callText(client, "who")).toContain("for ada");
    redis.pause();
    await expect(callText(client, "who")).rejects.toThrow(/not available/);
    redis.resume();
    let answer = "";
    while (!answer) answer = await callText(client, "who").catch(() => "");
    expect(answer).toContain("for ada");
  });
});
