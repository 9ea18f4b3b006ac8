import { type ResponseCache, responseCache } from "@kv/mcp/server";
import { memoryStore } from "@kv/memory";
import { createMcpHandler, McpServer, ResourceTemplate } from "@modelcontextprotocol/server";

const info = { name: "shelves", version: "1.0.0" };
export const store = memoryStore(); // redisStore({ url }): then all of this holds for every instance
export const shelves = new Map([["novels", "Solaris"]]);

export const cache: ResponseCache = responseCache({
  store,
  server: info,
  shared: ["resources/list"], // the same for everybody
  resources: {
    exclude: ["shelf:///lost"],
    items: { "shelf:///*": { ttl: "1d", shared: true } }, // with `*` all that begin so
  },
  prompts: { include: [] }, // none
});

export const handler = createMcpHandler(() => {
  const server = new McpServer(info);
  cache.install(server);
  server.registerResource(
    "shelf",
    new ResourceTemplate("shelf:///{name}", { list: undefined }),
    {},
    (uri, { name }) => ({
      contents: [{ uri: uri.href, text: shelves.get(String(name)) ?? "nothing" }],
    }),
  );
  return server;
});
cache.invalidateOn(handler.bus); // whatever handler.notify tells the clients is invalid from then on

/** Resolves when no instance gives the old shelf any more. */
export async function put(name: string, book: string): Promise<void> {
  shelves.set(name, book);
  await cache.invalidate({ resource: `shelf:///${name}` });
  handler.notify.resourceUpdated(`shelf:///${name}`);
}
