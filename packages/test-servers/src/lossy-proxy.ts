// A TCP proxy between a store and its server that loses replies.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";

/** Passes all on, but loses a reply when told, and the connection with it. */
export class LossyProxy {
  readonly port: number;
  readonly #listener: Server;
  readonly #links = new Set<{ drop(): void; lose(): void }>();

  private constructor(listener: Server, port: number, target: number) {
    this.#listener = listener;
    this.port = port;
    listener.on("connection", (near) => {
      const far = connect(target, "127.0.0.1");
      let losing = false;
      const link = {
        lose: () => {
          losing = true;
        },
        drop: () => {
          this.#links.delete(link);
          near.destroy();
          far.destroy();
        },
      };
      this.#links.add(link);
      near.on("data", (bytes) => far.write(bytes));
      far.on("data", (bytes) => {
        if (losing) link.drop();
        else near.write(bytes);
      });
      for (const socket of [near, far]) {
        socket.on("error", () => {});
        socket.on("close", link.drop);
      }
    });
  }

  static async start(target: number): Promise<LossyProxy> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new LossyProxy(listener, (listener.address() as AddressInfo).port, target);
  }

  loseNextReply(): void {
    for (const link of this.#links) link.lose();
  }

  close(): void {
    for (const link of this.#links) link.drop();
    this.#listener.close();
  }
}
