/** A small key-value server in this process, real enough to be cut off: one JSON text a line, over TCP. */
import { createServer, type Server, type Socket } from "node:net";
import type { Address, ServerProcess } from "../../src/conformance/property.ts";
import { MapDriver } from "./map-driver.ts";
import { uncancelled } from "./uncancelled.ts";

export interface LineRequest {
  readonly id: number;
  readonly method: "get" | "put" | "delete" | "swap" | "list" | "collections" | "clear" | "cull" | "ping";
  readonly parameters: readonly unknown[];
}

/** Never ends: the server has no deadlines of its own. */
const endless = uncancelled("none");

/** It can be killed, restarted and paused as if it were a process; what it has stored stays. */
export class LineServer implements ServerProcess {
  readonly #records = new MapDriver();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #port = 0;
  #paused = false;

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
      if (this.#paused) socket.pause();
    });
  }

  static async start(): Promise<LineServer> {
    const line = new LineServer();
    await line.#listen();
    return line;
  }

  get address(): Address {
    return { host: "127.0.0.1", port: this.#port };
  }

  /** Ends it, with all that its connections carry. */
  async kill(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.#listen();
  }

  pause(): void {
    this.#paused = true;
    for (const socket of this.#sockets) socket.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** On the same port each time. */
  async #listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    const bound = this.#server.address();
    if (typeof bound !== "object" || bound === null) throw new Error("the server is not listening");
    this.#port = bound.port;
  }

  #answer({ id, method, parameters }: LineRequest): { readonly id: number; readonly result: unknown } {
    if (method === "ping") return { id, result: undefined };
    return { id, result: Reflect.apply(this.#records[method], this.#records, [...parameters, endless]) };
  }
}
