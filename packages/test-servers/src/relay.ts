// Stands between a store and its server, over TCP.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A connection that somebody has made, and the one to the server that was made for it. Where either ends, both do. */
export interface Link {
  readonly near: Socket;
  readonly far: Socket;
}

/** What passes, and what becomes of it, is for those that extend it. */
export abstract class Relay {
  /** Those that are open. */
  readonly links = new Set<Link>();
  readonly #listener = createServer({ noDelay: true });
  #port = 0;

  /** @param target the server's port on this machine */
  constructor(target: number) {
    this.#listener.on("connection", (near) => {
      const link: Link = { near, far: connect({ host: "127.0.0.1", port: target, noDelay: true }) };
      this.links.add(link);
      for (const socket of [link.near, link.far]) {
        socket.on("error", () => {});
        socket.on("close", () => this.drop(link));
      }
      this.pass(link);
    });
  }

  /** Starts to listen, on any free port. */
  async listen(): Promise<this> {
    this.#listener.listen(0, "127.0.0.1");
    await once(this.#listener, "listening");
    const address = this.#listener.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
    return this;
  }

  /** 0 before it listens. */
  get port(): number {
    return this.#port;
  }

  drop(link: Link): void {
    this.links.delete(link);
    link.near.destroy();
    link.far.destroy();
  }

  close(): void {
    this.#listener.close();
    for (const link of this.links) this.drop(link);
  }

  /** Passes on what comes from either side. Called once for each link. */
  protected abstract pass(link: Link): void;
}
