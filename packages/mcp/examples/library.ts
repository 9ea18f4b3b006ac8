import { responseCache } from "@kv/mcp/server";
import { memoryStore } from "@kv/memory";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";

const info = { name: "library", version: "1.0.0" };
const books = [
  { author: "Lem", title: "Solaris" },
  { author: "Le Guin", title: "The Dispossessed" },
];
const orders: string[] = [];

export const store = memoryStore();
export const cache = responseCache({ store, server: info, ttl: { "tools/call": "10m" } });

export const handler = createMcpHandler(() => {
  const server = new McpServer(info);
  cache.install(server); // before anything is registered

  server.registerTool(
    "find_books",
    {
      description: "The titles of an author",
      inputSchema: z.object({ author: z.string() }),
      annotations: { readOnlyHint: true, openWorldHint: false }, // so it is cached
    },
    async ({ author }) => ({
      content: books.filter((book) => book.author === author).map(({ title }) => ({ type: "text", text: title })),
    }),
  );

  server.registerTool(
    "order_book",
    { inputSchema: z.object({ title: z.string() }) }, // does something, so it is not
    async ({ title }) => {
      orders.push(title);
      return { content: [{ type: "text", text: `Ordered, ${orders.length} in all.` }] };
    },
  );

  return server;
});
