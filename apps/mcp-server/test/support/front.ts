/** What stands before servers that come and go: one address, and the next server for each request. */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { ServerProcess } from "../../demo/server-process.ts";

export class Front {
  /** Those that requests go to, in turns. */
  servers: readonly ServerProcess[] = [];
  readonly #http: Server;
  #turn = 0;

  private constructor() {
    this.#http = createServer(async (incoming, outgoing) => {
      const server = this.servers[this.#turn++ % this.servers.length];
      if (server === undefined) return void outgoing.writeHead(502).end();
      // Where it listens, not where it says that it is found.
      const [, port] = await server.line(/listening on \S+:(\d+)/);
      const { method, url, headers } = incoming;
      const onward = request({ host: "127.0.0.1", port, method, path: url, headers, agent: false }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on("error", () => outgoing.destroy());
      outgoing.on("close", () => onward.destroy());
      incoming.pipe(onward);
    });
  }

  /** Stands until the test ends. */
  static async start(): Promise<Front> {
    const front = new Front();
    await new Promise<void>((resolve) => front.#http.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      front.#http.close();
      front.#http.closeAllConnections();
    });
    return front;
  }

  /** Of the MCP servers behind it. */
  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/mcp`);
  }
}
