/** The server on stdin and stdout, for a client that starts it itself. */
import type { JSONRPCMessage, McpServer, RequestId } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio as serve } from "@modelcontextprotocol/server/stdio";
import type { Serving } from "./http.ts";

/** `onEnd` is called when the client has gone. */
export function serveStdio(createServer: () => McpServer, onEnd: () => void, say: (line: string) => void): Serving {
  const transport = new CountingTransport();
  const connection = serve(createServer, { transport, onerror: (error) => say(`A request failed: ${error.message}`) });
  transport.count(onEnd);
  return {
    where: "stdio",
    howToConnect: "give this command to the client as a stdio server",
    get calls() {
      return transport.calls;
    },
    async stop(grace) {
      await transport.drained(grace);
      await connection.close();
    },
  };
}

/** Knows which calls are not answered yet: closing the connection would abort them. */
class CountingTransport extends StdioServerTransport {
  readonly #open = new Set<RequestId>();
  #onDrained: (() => void) | undefined;

  get calls(): number {
    return this.#open.size;
  }

  /** To be called once the connection listens to this transport. */
  count(onEnd: () => void): void {
    const { onmessage, onclose } = this;
    this.onmessage = (message) => {
      if (this.#onDrained) return;
      if ("method" in message && "id" in message) this.#open.add(message.id);
      onmessage?.(message);
    };
    this.onclose = () => {
      onclose?.();
      onEnd();
    };
  }

  override async send(message: JSONRPCMessage): Promise<void> {
    await super.send(message);
    if ("method" in message || message.id === undefined) return;
    this.#open.delete(message.id);
    if (this.#open.size === 0) this.#onDrained?.();
  }

  /** Takes no more messages; resolves when all calls are answered, or after `grace` milliseconds. */
  drained(grace: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve;
      if (this.#open.size === 0) resolve();
      else setTimeout(resolve, grace).unref();
    });
  }
}
