/**
 * One node of a server: MCP over HTTP, with a cache over the store of the URL that it is given. It is told by messages
 * what to invalidate, and of what to notify. A token is `user/scope scope`, which stands for a verified one.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Capability, type KeyValueStore, openStore } from "@kv/core";
import { type Invalidation, responseCache } from "@kv/mcp/server";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { type AuthInfo, createMcpHandler, McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import * as z from "zod";

const [, , url = "", name = "", lease] = process.argv;
const store = (await openStore(url, { needs: ["write", "atomic", "durable"] })) as KeyValueStore<Capability>;
const info = { name: "nodes", version: "1" };
const keys = [{ id: "1", key: Buffer.alloc(32, 1) }];
const cache = responseCache({ store, server: info, keys, ...(lease !== undefined && { lease }) });

let runs = 0;
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
  if (authInfo?.scopes.includes("admin")) server.registerTool("administer", {}, () => text("done"));
  server.registerResource("page", new ResourceTemplate("page:///{name}", { list: undefined }), {}, ({ href }) => ({
    contents: [{ uri: href, text: `run ${++runs} on ${name} for ${who}` }],
  }));
  return server;
}

const handler = createMcpHandler(factory);
cache.invalidateOn(handler.bus);
const handle = toNodeHandler(handler);

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
  | { readonly updated: string };

process.on("message", async (order: Order) => {
  if ("invalidate" in order) await cache.invalidate(order.invalidate);
  else if ("notify" in order) handler.notify[order.notify]();
  else handler.notify.resourceUpdated(order.updated);
  process.send?.({ done: order });
});

http.listen(0, "127.0.0.1", () => process.send?.({ port: (http.address() as AddressInfo).port }));
