/** The README shows what runs. */
import { readFile } from "node:fs/promises";
import { memoryStore } from "@kv/memory";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, type McpHandlerRequestOptions, McpServer, OAuthError } from "@modelcontextprotocol/server";
import { expect, it, onTestFinished } from "vitest";
import * as library from "../examples/library.ts";
import { gateOf, onlyOnce, serverOf } from "../examples/once.ts";
import { serve } from "../examples/sessions.ts";
import * as shelves from "../examples/shelves.ts";
import { callText } from "./support/server.ts";

const read = (path: string) => readFile(new URL(path, import.meta.url), "utf8");
const keys = [{ id: "1", key: Buffer.alloc(32, 9) }];

function storeOf() {
  const store = memoryStore();
  onTestFinished(() => store.close());
  return store;
}

type Handler = { fetch(request: Request, options?: McpHandlerRequestOptions): Promise<Response> };

async function clientOf(handler: Handler, mode: "auto" | "legacy" = "auto") {
  const client = new Client(
    { name: "tester", version: "1.0.0" },
    { versionNegotiation: { mode }, capabilities: { elicitation: { form: {} } } },
  );
  client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { sure: true } }));
  const transport = new StreamableHTTPClientTransport(new URL("http://readme.example/mcp"), {
    fetch: (to, init) => handler.fetch(new Request(to, init)),
  });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return { client, transport };
}

it.each(["library", "shelves", "sessions", "once"])("has the example %s that is tested here", async (name) => {
  const [page, example] = [await read("../README.md"), await read(`../examples/${name}.ts`)];
  expect(page.includes(example)).toBe(true);
});

it("has a library", async () => {
  const { cache, handler, store } = library;
  const { client } = await clientOf(handler);
  expect(await callText(client, "find_books", { author: "Lem" })).toBe("Solaris");
  expect(await callText(client, "find_books", { author: "Lem" })).toBe("Solaris");
  expect(await callText(client, "order_book", { title: "Solaris" })).toBe("Ordered, 1 in all.");
  expect(await callText(client, "order_book", { title: "Solaris" })).toBe("Ordered, 2 in all.");
  expect(cache.statistics()["tools/call"]).toMatchObject({ hits: 1, misses: 1, stored: 1 });
  await store.close();
});

it("has shelves that are never shown as they were", async () => {
  const { cache, handler, put, store } = shelves;
  const look = async (name: string) => {
    const { client } = await clientOf(handler);
    const { contents } = await client.readResource({ uri: `shelf:///${name}` });
    const [first] = contents;
    return first && "text" in first ? first.text : undefined;
  };
  expect([await look("novels"), await look("novels")]).toEqual(["Solaris", "Solaris"]);
  await put("novels", "Eden");
  expect([await look("novels"), await look("novels")]).toEqual(["Eden", "Eden"]);
  expect(cache.statistics()["resources/read"]).toMatchObject({ hits: 2, misses: 2 });
  expect([await look("lost"), await look("lost")]).toEqual(["nothing", "nothing"]);
  expect(cache.statistics()["resources/read"]).toMatchObject({ hits: 2, misses: 2 });
  await store.close();
});

it("has sessions that go on at another node", async () => {
  const store = storeOf();
  let made = 0;
  const factory = () => {
    const node = ++made;
    const server = new McpServer({ name: "nodes", version: "1.0.0" });
    server.registerTool("who", {}, () => ({ content: [{ type: "text", text: `server ${node}` }] }));
    return server;
  };
  const nodes = [serve(factory, store, keys), serve(factory, store, keys)];
  let turn = 0;
  const fetch = async (request: Request) => {
    const node = nodes[turn++ % 2];
    if (!node) throw new Error("no node");
    return node.fetch(request);
  };
  const { client, transport } = await clientOf({ fetch }, "legacy");
  expect(transport.sessionId).toBeDefined();
  const answers = [await callText(client, "who"), await callText(client, "who")];
  expect(new Set(answers).size).toBe(2);
  expect((await clientOf({ fetch })).transport.sessionId).toBeUndefined();
  for (const node of nodes) await node.close();
});

it("has what happens once", async () => {
  const store = storeOf();
  const { client } = await clientOf(createMcpHandler(() => serverOf(store, keys)));
  expect(await callText(client, "delete", { file: "old.txt" })).toBe("Deleted old.txt.");

  const assertion = { iss: "client", jti: "1", exp: Math.floor(Date.now() / 1000) + 60 };
  await onlyOnce(store, assertion);
  await expect(onlyOnce(store, assertion)).rejects.toThrow(OAuthError);

  let asked = 0;
  const expiresAt = Math.floor(Date.now() / 1000) + 60;
  const gate = gateOf(store, keys, {
    verifyAccessToken: async (token) => ({ token, clientId: "client", scopes: [], expiresAt, asked: ++asked }),
  });
  const request = () => new Request("http://readme.example/mcp", { headers: { authorization: "Bearer token" } });
  for (let time = 0; time < 2; time++) expect(await gate(request())).toMatchObject({ clientId: "client" });
  expect(asked).toBe(1);
});
