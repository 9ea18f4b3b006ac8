/** A real MCP server behind the SDK's HTTP handler, and real clients of it, without a socket between them. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { type AuthInfo, createMcpHandler, McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { ResponseCache } from "../../src/server/index.ts";

/** The two generations of the protocol. */
export const eras = ["legacy", "modern"] as const;
export type Era = (typeof eras)[number];

/** What has run, by name. */
export type Runs = Map<string, number>;

export interface Setup {
  readonly cache: ResponseCache;
  /** Called by each run of the tool `look`, which answers with what it gives. */
  readonly look?: (words: string) => Promise<string> | string;
}

/** The factory of a server that has one of everything. */
export function serverOf({ cache, look = (words) => `found ${words}` }: Setup) {
  const runs: Runs = new Map();
  const count = (name: string): number => {
    const times = (runs.get(name) ?? 0) + 1;
    runs.set(name, times);
    return times;
  };
  const factory = (): McpServer => {
    const server = new McpServer({ name: "tested", version: "1.0.0" });
    cache.install(server);
    const search = z.object({
      words: z.string(),
      filter: z.object({ from: z.number(), to: z.number() }).partial().optional(),
    });
    server.registerTool(
      "look",
      { inputSchema: search, annotations: { readOnlyHint: true } },
      async ({ words }, { http }) => {
        const run = count("look");
        const text = await look(words);
        return {
          content: [{ type: "text", text: `${text}, run ${run} for ${http?.authInfo?.extra?.sub ?? "anyone"}` }],
        };
      },
    );
    server.registerTool(
      "numbers",
      { outputSchema: z.array(z.number()), annotations: { readOnlyHint: true, openWorldHint: false } },
      () => ({ content: [], structuredContent: [1, 2, count("numbers")] }),
    );
    server.registerTool("write", { inputSchema: search, annotations: { readOnlyHint: false } }, () =>
      text(`written ${count("write")}`),
    );
    server.registerTool("browse", { annotations: { readOnlyHint: true, openWorldHint: true } }, () =>
      text(`browsed ${count("browse")}`),
    );
    server.registerTool("fail", { annotations: { readOnlyHint: true } }, () => {
      throw new Error(`failed ${count("fail")}`);
    });
    server.registerTool("return-error", { annotations: { readOnlyHint: true } }, () => ({
      ...text(`refused ${count("return-error")}`),
      isError: true,
    }));
    server.registerTool("huge", { annotations: { readOnlyHint: true } }, () =>
      text(`${count("huge")}:${"x".repeat(5000)}`),
    );
    server.registerResource(
      "page",
      new ResourceTemplate("page:///{name}", {
        list: () => ({ resources: [{ uri: "page:///one", name: `one, list ${count("resources/list")}` }] }),
      }),
      {},
      (uri) => ({ contents: [{ uri: uri.href, text: `page, run ${count(uri.href)}` }] }),
    );
    server.registerPrompt("explain", { argsSchema: z.object({ topic: z.string() }) }, ({ topic }) => ({
      messages: [{ role: "user", content: { type: "text", text: `explain ${topic}, run ${count("explain")}` } }],
    }));
    return server;
  };
  return { factory, runs };
}

export interface Caller {
  readonly era?: Era;
  readonly authInfo?: AuthInfo;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Connects clients of one server; `close` ends them all. */
export class Connections {
  readonly handler;
  readonly #clients: Client[] = [];

  constructor(factory: () => McpServer) {
    this.handler = createMcpHandler(factory);
  }

  async client({ era = "modern", authInfo, headers = {} }: Caller = {}): Promise<Client> {
    const mode = era === "modern" ? "auto" : "legacy";
    const client = new Client({ name: "tester", version: "1.0.0" }, { versionNegotiation: { mode } });
    const transport = new StreamableHTTPClientTransport(new URL("http://tested.example/mcp"), {
      requestInit: { headers },
      fetch: (url, init) => this.handler.fetch(new Request(url, init), authInfo && { authInfo }),
    });
    await client.connect(transport);
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.handler.close();
  }
}

/** What a user's access token says, as a verifier leaves it. */
export function tokenOf(sub: string, scopes: string[] = ["read"], token = `${sub}'s token`): AuthInfo {
  return { token, clientId: "one client product", scopes, extra: { iss: "https://issuer.example", sub } };
}

/** The text of a tool's answer. */
export async function callText(client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> {
  const { content } = await client.callTool({ name, arguments: args });
  const [first] = content;
  return first?.type === "text" ? first.text : "";
}

function text(words: string): { content: [{ type: "text"; text: string }] } {
  return { content: [{ type: "text", text: words }] };
}
