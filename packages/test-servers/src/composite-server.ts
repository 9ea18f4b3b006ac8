// A server that is made of several: a cluster, or a server with those that watch over it.

import { setTimeout as sleep } from "node:timers/promises";
import { OwnServer, startDeadline } from "./own-server.ts";
import type { CompositeRecipe, Composition, Server, StartOptions } from "./server.ts";
import type { Program } from "./source.ts";

export class CompositeServer implements Server {
  readonly name: string;
  readonly external = false;
  readonly #composition: Composition;

  private constructor(name: string, composition: Composition) {
    this.name = name;
    this.#composition = composition;
  }

  /** Resolves once all work together. Where they cannot, rejects with their logs, and nothing is left behind. */
  static async start<Options extends StartOptions>(
    recipe: CompositeRecipe<Options>,
    program: Program,
    options: Options,
  ): Promise<CompositeServer> {
    const starting: Promise<Server>[] = [];
    try {
      const composition = await recipe.compose((node, settings) => {
        const start = OwnServer.start(node, program, settings);
        starting.push(start);
        return start;
      }, options);
      const server = new CompositeServer(recipe.name, composition);
      await server.#becomeReady();
      return server;
    } catch (error) {
      const started = await Promise.allSettled(starting);
      await Promise.all(started.map((one) => one.status === "fulfilled" && one.value.stop()));
      throw error;
    }
  }

  get nodes(): readonly Server[] {
    return this.#composition.nodes;
  }

  get url(): string {
    return this.#composition.url;
  }

  get port(): number {
    return this.#composition.nodes[0].port;
  }

  get ca(): string | undefined {
    return this.#composition.nodes[0].ca;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }

  pause(): void {
    for (const node of this.nodes) node.pause();
  }

  resume(): void {
    for (const node of this.nodes) node.resume();
  }

  async restart(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.restart()));
    await this.#becomeReady();
  }

  logs(): string {
    return this.nodes.map((node) => `${node.name} at ${node.port}:\n${node.logs()}`).join("\n");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #becomeReady(): Promise<void> {
    const deadline = performance.now() + startDeadline;
    while (!(await this.#composition.ready())) {
      if (performance.now() > deadline) throw new Error(`${this.name} does not work together:\n${this.logs()}`);
      await sleep(20);
    }
  }
}
