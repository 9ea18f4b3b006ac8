/** An MCP server whose answers clients may keep. */
import { randomBytes } from "node:crypto";
import type { KeyValueError } from "@kv/core";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { onTestFinished } from "vitest";
import { KvResponseCacheStore } from "../../../src/client/index.ts";
import type { WholeStore } from "../../support/stores.ts";

export const keys = [{ id: "1", key: randomBytes(32) }];

/** An MCP server at two addresses, under one name. */
export class Served {
  asked = 0;
  readonly #pages = new Map<string, number>();
  readonly #scope: "private" | "public";

  constructor(scope: "private" | "public") {
    this.#scope = scope;
  }

  transport(url: string): StreamableHTTPClientTransport {
    return new StreamableHTTPClientTransport(new URL(url), {
      fetch: (to, init) => this.fetch(new Request(to, init)),
    });
  }

  readonly fetch = (request: Request): Promise<Response> => {
    this.asked++;
    return createMcpHandler(() => this.#server(request.url)).fetch(request);
  };

  /** A client that is connected, its discovery not counted. */
  async worker(
    store: WholeStore,
    url: string,
    principal: string,
    { cachePartition = principal, onError }: { cachePartition?: string; onError?: (error: KeyValueError) => void } = {},
  ): Promise<Client> {
    const responseCacheStore = new KvResponseCacheStore({ store, keys, server: url, principal, onError });
    const client = new Client(
      { name: "tester", version: "1.0.0" },
      { versionNegotiation: { mode: "auto" }, responseCacheStore, cachePartition },
    );
    const before = this.asked;
    await client.connect(this.transport(url));
    this.asked = before;
    onTestFinished(() => client.close());
    return client;
  }

  #server(url: string): McpServer {
    const hint = { ttlMs: 3_600_000, cacheScope: this.#scope };
    const server = new McpServer(
      { name: "namesake", version: "1.0.0" },
      { cacheHints: { "tools/list": hint, "resources/read": hint } },
    );
    server.registerTool(/\bone\b/.test(url) ? "tool_of_one" : "tool_of_two", {}, () => ({ content: [] }));
    server.registerResource("page", "page:///1", {}, (uri) => {
      const number = (this.#pages.get("page") ?? 0) + 1;
      this.#pages.set("page", number);
      return { contents: [{ uri: uri.href, text: `page ${number}` }] };
    });
    return server;
  }
}
