/**
 * One node of a server: MCP over HTTP, with a cache over the store of the URL that it is given. It is told by messages
 * what to invalidate, and of what to notify. A token is `user/scope scope`, which stands for a verified one.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Capability, type KeyValueStore, openStore } from "@kv/core";
import { type Invalidation, KvEventStore, kvSessions, responseCache } from "@kv/mcp/server";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  type AuthInfo,
  createMcpHandler,
  isLegacyRequest,
  McpServer,
  ResourceTemplate,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import * as z from "zod";

const [, , url = "", name = "", lease] = process.argv;
const store = (await openStore(url, { needs: ["write", "atomic", "durable"] })) as KeyValueStore<Capability>;
const info = { name: "nodes", version: "1" };
const keys = [{ id: "1", key: Buffer.alloc(32, 1) }];
const cache = responseCache({ store, server: info, keys, ...(lease !== undefined && { lease }) });

let runs = 0;
let finish: () => void = () => {};
const finished = new Promise<void>((resolve) => {
  finish = resolve;
});
const text = (words: string) => ({ content: [{ type: "text" as const, text: words }] });

function factory({ authInfo }: { authInfo?: AuthInfo | undefined }): McpServer {
  const server = new McpServer(info);
  cache.install(server);
  const who = String(authInfo?.extra?.sub ?? "anyone");
  server.registerTool(
    "report",
    { inputSchema: z.object({ of: z.string(), slow: z.number().optional() }), annotations: { readOnlyHint: true } },
    async ({ of, slow }) => {
      const run = ++runs;
      if (slow !== undefined) await new Promise((resolve) => setTimeout(resolve, slow));
      return text(`report ${of}: run ${run} on ${name} for ${who}, who may ${authInfo?.scopes.join(" ")}`);
    },
  );
  server.registerTool("fail", { annotations: { readOnlyHint: true } }, () => ({
    ...text(`failure ${++runs} on ${name}`),
    isError: true,
  }));
  server.registerTool("who", {}, () => text(`${server.server.getClientVersion()?.name} on ${name} for ${who}`));
  server.registerTool("story", { inputSchema: z.object({ of: z.string() }) }, async ({ of }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0;
    const tell = (progress: number) =>
      mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress, message: `${of} ${progress}` },
      });
    for (const part of [1, 2, 3]) await tell(part);
    await finished;
    for (const part of [4, 5, 6]) await tell(part);
    return text(`the end of ${of} on ${name}`);
  });
  if (authInfo?.scopes.includes("admin")) server.registerTool("administer", {}, () => text("done"));
  server.registerResource("page", new ResourceTemplate("page:///{name}", { list: undefined }), {}, ({ href }) => ({
    contents: [{ uri: href, text: `run ${++runs} on ${name} for ${who}` }],
  }));
  return server;
}

const handler = createMcpHandler(factory);
cache.invalidateOn(handler.bus);

const sessions = kvSessions({
  store,
  keys,
  factory,
  transport: (options) =>
    new WebStandardStreamableHTTPServerTransport({ ...options, retryInterval: 50, keepAliveMs: 100 }),
  events: new KvEventStore({ store, keys }),
  checkEvery: "200ms",
});
const handle = toNodeHandler({
  fetch: async (request, options) =>
    (await isLegacyRequest(request)) ? sessions.fetch(request, options) : handler.fetch(request, options),
});

const http = createServer((request, response) => {
  const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
  const [sub, scopes = ""] = token?.split("/") ?? [];
  const auth: AuthInfo | undefined = token
    ? {
        token,
        clientId: "one client product",
        scopes: scopes.split(" "),
        expiresAt: Date.now() / 1000 + 3600,
        extra: { iss: "https://issuer.example", sub },
      }
    : undefined;
  // A server's requests always have both, which their type does not say.
  const asked = request as typeof request & { method: string; url: string };
  handle(Object.assign(asked, auth && { auth }), response);
});

type Order =
  | { readonly invalidate: Invalidation }
  | { readonly notify: "toolsChanged" | "resourcesChanged" | "promptsChanged" }
  | { readonly updated: string }
  | { readonly drop: "connections" }
  | { readonly finish: "stories" };

process.on("message", async (order: Order) => {
  if ("invalidate" in order) await cache.invalidate(order.invalidate);
  else if ("notify" in order) handler.notify[order.notify]();
  else if ("updated" in order) handler.notify.resourceUpdated(order.updated);
  else if ("drop" in order) http.closeAllConnections();
  else finish();
  process.send?.({ done: order });
});

http.listen(0, "127.0.0.1", () => process.send?.({ port: (http.address() as AddressInfo).port }));
