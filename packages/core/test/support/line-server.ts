/** A small key-value server in this process, real enough to be cut off: one JSON text a line, over TCP. */
import { createServer, type Server, type Socket } from "node:net";
import type { Address } from "../../src/conformance/property.ts";
import type { Call } from "../../src/driver/index.ts";
import { MapDriver } from "./map-driver.ts";

export interface LineRequest {
  readonly id: number;
  readonly method: "get" | "put" | "delete" | "swap" | "list" | "collections" | "clear" | "cull" | "ping";
  readonly parameters: readonly unknown[];
}

/** Never ends: the server has no deadlines of its own. */
const endless: Call = { signal: new AbortController().signal, deadline: Infinity, ended: false, markSent() {} };

export class LineServer {
  readonly #records = new MapDriver();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      let rest = "";
      socket.setEncoding("utf8");
      socket.on("error", () => socket.destroy());
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) socket.write(`${JSON.stringify(this.#answer(JSON.parse(line)))}\n`);
      });
    });
  }

  static async start(): Promise<LineServer> {
    const line = new LineServer();
    await new Promise<void>((resolve) => line.#server.listen(0, "127.0.0.1", resolve));
    return line;
  }

  get address(): Address {
    const bound = this.#server.address();
    if (typeof bound !== "object" || bound === null) throw new Error("the server is not listening");
    return { host: "127.0.0.1", port: bound.port };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ id, method, parameters }: LineRequest): { readonly id: number; readonly result: unknown } {
    if (method === "ping") return { id, result: undefined };
    return { id, result: Reflect.apply(this.#records[method], this.#records, [...parameters, endless]) };
  }
}
