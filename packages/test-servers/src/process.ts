// One run of a server's program: a child of ours that leads a process group of its own and dies with us.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Guard } from "./guard.ts";
import type { Launch } from "./source.ts";

/** How long a server may take to end by itself once asked. */
const patience = 5_000;

/** How long its threads may take to stand still, where the system tells. */
const stopping = 5_000;

export class ServerProcess {
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #container: string | undefined;
  #end: string | undefined;

  /** Spawns the program; its output is appended to `log`. A program that cannot be spawned counts as ended. */
  constructor(launch: Launch, guard: Guard, log: string) {
    const output = openSync(log, "a");
    this.#child = spawn(launch.command, launch.args, {
      cwd: guard.folder,
      detached: true,
      ...launch.user,
      env: { ...process.env, ...launch.env },
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    this.#container = launch.container;
    if (this.#child.pid !== undefined) {
      guard.watch(launch.container ? `container:${launch.container}` : `pid:${this.#child.pid}`);
    }
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#end ??= how;
        guard.release();
        resolve();
      };
      this.#child.once("error", (error) => end(error.message));
      this.#child.once("exit", (code, signal) => end(signal ? `ended by ${signal}` : `ended with code ${code}`));
    });
    this.#child.unref(); // A script that forgets to stop its servers ends all the same, and the guard stops them.
  }

  /** How it ended, or `undefined` while it runs. */
  get end(): string | undefined {
    return this.#end;
  }

  /** Sends a signal to it and all that it started; to nobody once it has ended. */
  signal(name: NodeJS.Signals): void {
    if (this.#end !== undefined || this.#child.pid === undefined) return;
    if (this.#container === undefined) process.kill(-this.#child.pid, name);
    else spawnSync("docker", ["kill", "--signal", name, this.#container], { stdio: "ignore" });
  }

  /** Has it stand still. On a busy machine some of its threads run on for a while: returns once none does. */
  pause(): void {
    this.signal("SIGSTOP");
    const threads = `/proc/${this.#child.pid}/task`;
    if (this.#container !== undefined || !existsSync(threads)) return;
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    const deadline = performance.now() + stopping;
    while (performance.now() < deadline && readdirSync(threads).some((id) => isRunning(join(threads, id)))) {
      Atomics.wait(nothing, 0, 0, 1);
    }
  }

  /** Ends it by SIGKILL, paused or not. */
  async kill(): Promise<void> {
    this.#child.ref();
    this.signal("SIGKILL");
    await this.ended;
  }

  /** Asks it to end, and kills it if it does not. */
  async terminate(): Promise<void> {
    this.#child.ref();
    this.signal("SIGTERM");
    this.signal("SIGCONT");
    const timer = setTimeout(() => this.signal("SIGKILL"), patience);
    await this.ended;
    clearTimeout(timer);
  }
}

/** Whether a thread neither stands still nor has ended, by its folder in `/proc`. */
function isRunning(thread: string): boolean {
  try {
    const status = readFileSync(join(thread, "stat"), "utf8");
    // Its name, which may hold anything, lies in parentheses before its state.
    return !/^[TtZX]/.test(status.slice(status.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}
