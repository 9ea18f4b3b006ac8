/** What sessions refuse, and how they end, within one process. */
import { InvalidArgumentError, InvalidTtlError } from "@kv/core";
import { readOnly } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";
import { redisStore } from "@kv/redis";
import { clockPast, until } from "@kv/test-servers";
import { McpServer, WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import { describe, expect, it, onTestFinished } from "vitest";
import { type KvSessionsOptions, kvSessions } from "../../src/server/index.ts";
import { dumpOf } from "../support/dump.ts";
import { tokenOf } from "../support/server.ts";

const transport: KvSessionsOptions["transport"] = (options) =>
  new WebStandardStreamableHTTPServerTransport({ ...options, enableJsonResponse: true });

/** A node with sessions, whose servers are counted, and told apart by number. */
function nodeOn(store: KvSessionsOptions["store"], options: Partial<KvSessionsOptions> = {}) {
  const servers: McpServer[] = [];
  const closed: number[] = [];
  const errors: unknown[] = [];
  const sessions = kvSessions({
    store,
    transport,
    onError: (error) => errors.push(error),
    factory: () => {
      const server = new McpServer({ name: "sessions", version: "1" });
      const number = servers.push(server);
      server.registerTool("number", {}, () => ({ content: [{ type: "text", text: String(number) }] }));
      server.server.onclose = () => closed.push(number);
      return server;
    },
    ...options,
  });
  onTestFinished(() => sessions.close());
  const send = (method: string, message: object | undefined, id?: string, sub?: string) => {
    const headers = {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...(id !== undefined && { "mcp-session-id": id }),
    };
    const body = message && { body: JSON.stringify({ jsonrpc: "2.0", ...message }) };
    const request = new Request("http://sessions.example/mcp", { method, headers, ...body });
    return sessions.fetch(request, sub === undefined ? {} : { authInfo: tokenOf(sub) });
  };
  const begin = async (sub?: string, more: object = {}) => {
    const clientInfo = { name: "tester", version: "1" };
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo, ...more };
    const response = await send("POST", { id: 1, method: "initialize", params }, undefined, sub);
    return { status: response.status, id: response.headers.get("mcp-session-id") ?? "" };
  };
  let requests = 1;
  const call = async (id: string, sub?: string) => {
    const response = await send("POST", { id: ++requests, method: "tools/call", params: { name: "number" } }, id, sub);
    const { result } = (await response.json()) as { result?: { content: { text: string }[] } };
    return result?.content[0]?.text ?? response.status;
  };
  return { sessions, servers, closed, errors, send, begin, call };
}

function storeOf() {
  const store = memoryStore();
  onTestFinished(() => store.close());
  return store;
}

describe("a session", () => {
  it("is made by initialize alone", async () => {
    const store = storeOf();
    const { send, closed, servers } = nodeOn(store);
    const answers = [
      await send("POST", { id: 1, method: "ping" }),
      await send("POST", { method: "notifications/initialized" }),
      await send("POST", { id: 1, method: "initialize", params: {} }),
      await send("POST", undefined),
      await send("GET", undefined),
      await send("DELETE", undefined),
    ];
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(400));
    expect(await dumpOf(store)).toBe("");
    // No server is left over.
    expect(closed).toEqual(servers.map((_, index) => index + 1));
  });

  it("is not kept where initialize is too large", async () => {
    const { begin, closed } = nodeOn(storeOf());
    const { status } = await begin("ada", { clientInfo: { name: "x".repeat(70_000), version: "1" } });
    expect(status).toBe(413);
    expect(closed).toEqual([1]);
  });

  it("goes on at a node that is started anew, with one server for all who ask at once", async () => {
    const store = storeOf();
    const { begin, sessions, call: before } = nodeOn(store);
    const { id } = await begin("ada");
    expect(await before(id, "ada")).toBe("1");
    await sessions.close();
    expect(await before(id, "ada")).toBe(503);
    const { call, servers } = nodeOn(store);
    expect(await Promise.all([call(id, "ada"), call(id, "ada"), call(id, "ada")])).toEqual(["1", "1", "1"]);
    expect(servers).toHaveLength(1);
  });

  it("goes on where its server has ended by itself", async () => {
    const { begin, call, servers } = nodeOn(storeOf());
    const { id } = await begin("ada");
    await servers[0]?.close();
    expect(await call(id, "ada")).toBe("2");
    expect(await call(id, "ada")).toBe("2");
  });

  it("lasts from request to request, ends with its time, and is then closed where it was held", async () => {
    // With more time where this machine is too slow for it to tell anything.
    let ttl = 400;
    while (!(await lastsAndEnds(ttl))) ttl *= 2;
  });

  /** @param ttl in milliseconds; answers with `false` where a request came so late that the session may have ended before */
  async function lastsAndEnds(ttl: number): Promise<boolean> {
    const { begin, call, closed } = nodeOn(storeOf(), { ttl: `${ttl}ms`, checkEvery: "20ms" });
    let asked = Date.now();
    const { id } = await begin("ada");
    // In all for longer than its time.
    for (let time = 0; time < 3; time++) {
      const before = asked;
      await clockPast(before + ttl / 2);
      asked = Date.now();
      const answer = await call(id, "ada");
      if (Date.now() >= before + ttl) return false;
      expect(answer).toBe("1");
    }
    await until(() => closed.length > 0);
    expect(Date.now()).toBeGreaterThanOrEqual(asked + ttl);
    expect(await call(id, "ada")).toBe(404);
    return true;
  }

  it("that was ended is not begun anew by a request that is on its way", async () => {
    const store = storeOf();
    const { begin, send, call } = nodeOn(store, { ttl: "1h" });
    const { id } = await begin("ada");
    const [ended, ...others] = await Promise.all([
      send("DELETE", undefined, id, "ada"),
      ...Array.from({ length: 8 }, () => call(id, "ada")),
    ]);
    expect(ended.status).toBe(200);
    expect(others.every((answer) => answer === "1" || answer === 404)).toBe(true);
    expect(await call(id, "ada")).toBe(404);
    expect((await send("DELETE", undefined, id, "ada")).status).toBe(404);
  });

  it("is its principal's, whom the option may name", async () => {
    const { begin, call, send } = nodeOn(storeOf());
    const { id } = await begin();
    expect(await call(id)).toBe("1");
    expect(await call(id, "ada")).toBe(404);

    const own = nodeOn(storeOf(), { principal: ({ http }) => http?.authInfo?.extra?.sub?.toString().at(0) });
    const { id: adas } = await own.begin("ada");
    expect(await own.call(adas, "anna")).toBe("1");
    expect(await own.call(adas, "bob")).toBe(404);
    expect((await own.send("POST", { id: 1, method: "ping" }, adas)).status).toBe(403);
    expect((await send("POST", { id: 1, method: "ping" }, "\u00ff")).status).toBe(404);
  });

  it("is unavailable, not unknown, where the store fails", async () => {
    const store = memoryStore();
    const { begin, call, closed, errors } = nodeOn(store);
    const { id } = await begin("ada");
    await store.close();
    expect(await call(id, "ada")).toBe(503);
    expect((await begin("ada")).status).toBe(503);
    expect(closed).toEqual([2]);
    expect(errors).toMatchObject([{ code: "STORE_CLOSED" }, { code: "STORE_CLOSED" }]);
  });
});

it("is refused where it could not keep what it promises", () => {
  const parts = { transport, factory: () => new McpServer({ name: "s", version: "1" }) };
  const store = storeOf();
  // @ts-expect-error it cannot be written
  expect(() => kvSessions({ ...parts, store: store.with(readOnly()) })).toThrow(/"write"/);
  expect(() => kvSessions({ ...parts, store: redisStore({ url: "redis://localhost:1" }) })).toThrow(/keys: \[/);
  expect(() => kvSessions({ ...parts, store, ttl: 0 })).toThrow(InvalidTtlError);
  expect(() => kvSessions({ ...parts, store, checkEvery: 0 })).toThrow(InvalidArgumentError);
});
