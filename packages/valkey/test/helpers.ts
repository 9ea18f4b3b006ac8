// What several test files need beside the store: a look at the server that does not go through it.

import { type Server, serverFor } from "@kv/test-servers";
import { GlideClient, Logger, NodeDiscoveryMode } from "@valkey/valkey-glide";
import type * as vitest from "vitest";

Logger.init("off");

/** The two generations: one that compares texts by itself, and one that does not. */
export const GENERATIONS = ["valkey9", "valkey"] as const;

/** A server of each generation. */
export function generationsFor(runner: typeof vitest) {
  return Promise.all(GENERATIONS.map(async (name) => ({ name, ...(await serverFor(runner, name, { own: true })) })));
}

/** A plain client of a server, connected when it is first asked. */
export class Asker {
  readonly #server: () => Server;
  readonly #password: string | undefined;
  #client: Promise<GlideClient> | undefined;

  constructor(server: () => Server, password?: string) {
    this.#server = server;
    this.#password = password;
  }

  get port(): number {
    return this.#server().port;
  }

  async ask(...command: (string | Buffer)[]): Promise<unknown> {
    const { port } = this.#server();
    const addresses = [{ host: "127.0.0.1", port }];
    this.#client ??= GlideClient.createClient({
      addresses,
      requestTimeout: 30_000,
      // A replica is asked too.
      nodeDiscoveryMode: NodeDiscoveryMode.Static,
      ...(this.#password !== undefined && { credentials: { password: this.#password } }),
    });
    return (await this.#client).customCommand(command);
  }

  async number(...command: string[]): Promise<number> {
    return Number(await this.ask(...command));
  }

  async text(...command: string[]): Promise<string> {
    return String(await this.ask(...command));
  }

  /** How many of each command the server has executed since this was last asked. What a script calls counts too. */
  async commandsSince(): Promise<Record<string, number>> {
    const info = await this.text("INFO", "commandstats");
    await this.ask("CONFIG", "RESETSTAT");
    const counts = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, calls]) => [name, Number(calls)]);
    const others = ["info", "config|resetstat", "hello", "client|setinfo", "client|setname", "wait", "quit", "auth"];
    return Object.fromEntries(counts.filter(([name]) => !others.includes(String(name))));
  }

  async close(): Promise<void> {
    (await this.#client)?.close();
  }
}
