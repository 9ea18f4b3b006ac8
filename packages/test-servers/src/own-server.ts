// A server of our own: started on a free port in a temporary folder, watched over by a guard.

import { once } from "node:events";
import { mkdtempSync, readFileSync, statfsSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Guard } from "./guard.ts";
import { ServerProcess } from "./process.ts";
import type { Plan, Recipe, Server, StartOptions } from "./server.ts";
import type { Program } from "./source.ts";

/** How long a server may take to become ready: enough for a machine that is busy with many. In milliseconds. */
export const startDeadline = 90_000;

const SHARED_MEMORY = "/dev/shm";
/** Bytes that must be free there, more than any test fills. */
const ROOM = 2 ** 30;

export class OwnServer implements Server {
  readonly name: string;
  readonly nodes = [];
  readonly external = false;
  readonly #program: Program;
  readonly #plan: Plan;
  readonly #guard: Guard;
  readonly #data: string;
  #port = 0;
  #secondPort = 0;
  #process: ServerProcess | undefined;
  #turn: Promise<void> = Promise.resolve();
  #finalLog: string | undefined;

  private constructor(name: string, program: Program, plan: Plan, guard: Guard, data: string) {
    this.name = name;
    this.#program = program;
    this.#plan = plan;
    this.#guard = guard;
    this.#data = data;
  }

  /** Resolves once the server is ready. Where it cannot be, rejects with its log, and nothing is left behind. */
  static async start<Options extends StartOptions>(
    recipe: Pick<Recipe<Options>, "name" | "prepare">,
    program: Program,
    options: Options,
  ): Promise<OwnServer> {
    const folder = mkdtempSync(join(tmpdir(), `kv-${recipe.name}-`));
    const memory = program.inMemory ? memoryFolder(recipe.name) : undefined;
    const guard = new Guard(folder, ...(memory === undefined ? [] : [memory]));
    const data = memory ?? folder;
    try {
      const plan = await recipe.prepare({ folder, data, host: program.host }, options);
      const server = new OwnServer(recipe.name, program, plan, guard, data);
      await server.#boot(() => server.#choosePorts());
      return server;
    } catch (error) {
      await guard.close();
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return this.#plan.url(this.#port);
  }

  get ca(): string | undefined {
    return this.#plan.ca;
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#process?.terminate();
      this.#finalLog ??= this.logs();
      await this.#guard.close();
    });
  }

  kill(): Promise<void> {
    return this.#inTurn(async () => this.#process?.kill());
  }

  pause(): void {
    this.#running().pause();
  }

  resume(): void {
    this.#running().signal("SIGCONT");
  }

  restart(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#finalLog !== undefined) throw new Error(`${this.name} was stopped, its data are gone`);
      await this.#process?.terminate();
      await this.#boot(async () => {});
    });
  }

  logs(): string {
    return this.#finalLog ?? readFileSync(this.#logFile, "utf8");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #logFile(): string {
    return join(this.#guard.folder, "log");
  }

  #running(): ServerProcess {
    if (this.#process === undefined || this.#process.end !== undefined) throw new Error(`${this.name} is not running`);
    return this.#process;
  }

  /** One after the other: stopping in the middle of a restart leaves nothing behind. */
  #inTurn(action: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #choosePorts(): Promise<void> {
    [this.#port = 0, this.#secondPort = 0] = await freePorts(this.#plan.needsSecondPort ? 2 : 1);
  }

  /** Spawns the program until it is ready, again and again while another process holds the port. */
  async #boot(choosePorts: () => Promise<void>): Promise<void> {
    const deadline = performance.now() + startDeadline;
    for (;;) {
      const printed = this.#process === undefined ? 0 : this.logs().length;
      await choosePorts();
      const args = this.#plan.args(this.#port, this.#secondPort);
      const run = { folder: this.#guard.folder, data: this.#data, port: this.#port, args };
      const process = new ServerProcess(this.#program.launch(run), this.#guard, this.#logFile);
      this.#process = process;
      while (process.end === undefined && performance.now() < deadline) {
        if (await this.#plan.ready(this.#port)) return;
        await Promise.race([sleep(10), process.ended]);
      }
      const taken = /in use|already allocated/i.test(this.logs().slice(printed));
      if (process.end !== undefined && taken && performance.now() < deadline) continue;
      const reason = process.end ?? `not ready after ${startDeadline / 1000} s`;
      await process.kill();
      throw new Error(`${this.name} (${this.#program.origin}) did not start: ${reason}\n${this.logs()}`);
    }
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  await Promise.all(servers.map((server) => once(server, "close")));
  return ports;
}

/** A new folder that no disk slows down, where there is one with enough room. */
function memoryFolder(name: string): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(SHARED_MEMORY);
    return bavail * bsize < ROOM ? undefined : mkdtempSync(join(SHARED_MEMORY, `kv-${name}-`));
  } catch {
    return undefined;
  }
}
