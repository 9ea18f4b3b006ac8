/** The server over Streamable HTTP, at `/mcp`; `/` shows people how it is doing, `/health` programs. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostHeaderValidation, originValidation, toNodeHandler } from "@modelcontextprotocol/node";
import { type AuthInfo, createMcpHandler, type McpServer } from "@modelcontextprotocol/server";
import { Gate } from "./auth.ts";
import { type Options, UsageError } from "./options.ts";
import type { StatusReader } from "./status.ts";
import { PAGE_HEADERS, pageOf } from "./status-page.ts";

/** A server that answers clients. */
export interface Serving {
  readonly where: string;
  /** Where it listens, if that is not where clients find it. */
  readonly behind?: string | undefined;
  readonly howToConnect: string;
  /** How many calls are in flight. */
  readonly calls: number;
  /** Takes no new calls, and resolves when those in flight are answered; after `grace` milliseconds it ends them. */
  stop(grace: number): Promise<void>;
}

/** @throws UsageError where it cannot listen there, or nobody can log in */
export async function serveHttp(
  createServer: (authInfo: AuthInfo | undefined) => McpServer,
  status: StatusReader,
  options: Options,
  say: (line: string) => void,
): Promise<Serving> {
  // A fresh instance for each request: there are no sessions, so any number of processes can share the work.
  const mcp = createMcpHandler(({ authInfo }) => createServer(authInfo), {
    onerror: (error) => say(`A request failed: ${error.message}`),
  });
  const handle = toNodeHandler(mcp);
  const names = namesOf(options);
  // A web page that rebinds its name to this address is stopped by these.
  const [validHost, validOrigin] = [hostHeaderValidation(names), originValidation(names)];
  const calls = new Set<ServerResponse>();
  let stopping = false;

  const http = createHttpServer();
  await listen();
  const { port } = http.address() as AddressInfo;
  const url = options.url?.href ?? `http://${inUrl(options.host)}:${port}/mcp`;
  const { auth, scopes } = options;
  const gate = auth === undefined || auth === "none" ? undefined : new Gate(auth, new URL(url), scopes, say);

  const answer = async (request: IncomingMessage & { auth?: AuthInfo }, response: ServerResponse): Promise<void> => {
    if (!validHost(request, response) || !validOrigin(request, response)) return;
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/health") return sendHealth(response);
    if (pathname === "/" && options.status) return sendPage(response);
    if (gate && pathname.startsWith("/.well-known/")) {
      const asked = new Request(new URL(pathname, "http://localhost"), { method: request.method });
      const metadata = await gate.metadata(asked);
      if (metadata) return send(response, metadata);
    }
    if (pathname !== "/mcp")
      return sendJson(response, 404, { error: "MCP is at /mcp, the server's health at /health" });
    if (stopping) return sendJson(response, 503, { error: "the server is stopping" });
    // A stream of notifications lasts as long as its client likes, so nothing waits for it.
    if (request.headers["mcp-method"] !== "subscriptions/listen") {
      calls.add(response);
      response.once("close", () => calls.delete(response));
    }
    const caller = await gate?.admit(request.headers.authorization);
    if (caller instanceof Response) return send(response, caller);
    if (caller) request.auth = caller;
    await handle(request, response);
  };

  http.on("request", (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((error: unknown) => {
      say(`A request failed: ${error}`);
      response.destroy();
    });
  });
  try {
    await gate?.open();
  } catch (error) {
    http.close();
    throw error;
  }

  return {
    where: url,
    behind: options.url && `${inUrl(options.host)}:${port}`,
    howToConnect: `claude mcp add --transport http knowledge-base ${url}`,
    get calls() {
      return calls.size;
    },
    async stop(grace) {
      stopping = true;
      const closed = new Promise((resolve) => http.close(resolve));
      for (const response of calls) {
        // Else the client would send its next request on a connection that is about to go.
        if (!response.headersSent) response.setHeader("connection", "close");
      }
      const answered = Promise.all([...calls].map((response) => new Promise((done) => response.once("close", done))));
      await Promise.race([answered, patience(grace)]);
      await mcp.close();
      http.closeAllConnections();
      await closed;
    },
  };

  async function sendHealth(response: ServerResponse): Promise<void> {
    sendJson(response, 200, { store: await status.store(), ...(options.status && { cache: status.cache() }) });
  }

  async function sendPage(response: ServerResponse): Promise<void> {
    const page = pageOf(await status.all());
    response.writeHead(200, PAGE_HEADERS);
    response.end(page);
  }

  function listen(): Promise<void> {
    const { port, host } = options;
    return new Promise((resolve, reject) => {
      http.once("error", (error: NodeJS.ErrnoException) => {
        const reasons: { readonly [code: string]: string } = {
          EADDRINUSE: `port ${port} is in use: choose another by --port, or 0 for any free one`,
          EACCES: `may not listen on port ${port}: choose one above 1023 by --port`,
          EADDRNOTAVAIL: `this machine has no address ${host}: choose another by --host`,
          ENOTFOUND: `this machine has no address ${host}: choose another by --host`,
        };
        reject(new UsageError(reasons[error.code ?? ""] ?? `cannot listen on ${host}:${port}: ${error.message}`));
      });
      http.listen(port, host, resolve);
    });
  }
}

/** The names by which the server may be called. */
function namesOf({ host, url, allowedHosts }: Options): string[] {
  return ["localhost", "127.0.0.1", "[::1]", inUrl(host), ...(url ? [url.hostname] : []), ...allowedHosts];
}

function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(`${JSON.stringify(body)}\n`);
}

async function send(response: ServerResponse, answer: Response): Promise<void> {
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), connection: "close" });
  response.end(await answer.text());
}

function patience(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
