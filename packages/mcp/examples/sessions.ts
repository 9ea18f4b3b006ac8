import type { KeyValueStore } from "@kv/core";
import type { EncryptionKey } from "@kv/core/wrappers";
import { KvEventStore, kvSessions } from "@kv/mcp/server";
import {
  createMcpHandler,
  isLegacyRequest,
  type McpHandlerRequestOptions,
  type McpServerFactory,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";

type Store = KeyValueStore<"write" | "atomic" | "durable">;

/** Serves clients of both generations. Any number of processes on one store do, behind any load balancer. */
export function serve(factory: McpServerFactory, store: Store, keys: readonly EncryptionKey[]) {
  const modern = createMcpHandler(factory, { legacy: "reject" });
  const sessions = kvSessions({
    store,
    keys,
    factory,
    transport: (options) => new WebStandardStreamableHTTPServerTransport(options),
    events: new KvEventStore({ store, keys }),
  });
  return {
    fetch: async (request: Request, options?: McpHandlerRequestOptions): Promise<Response> =>
      (await isLegacyRequest(request)) ? sessions.fetch(request, options) : modern.fetch(request, options),
    async close() {
      await sessions.close();
      await modern.close();
    },
  };
}
