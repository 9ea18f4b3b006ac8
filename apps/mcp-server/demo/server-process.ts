/** The example server as a process of its own, which prints lines, can be connected to, and killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

export interface Exit {
  /** `null` where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ServerProcess {
  readonly child: ChildProcess;
  /** Resolves when the process is gone and all that it printed was read. */
  readonly exit: Promise<Exit>;
  readonly lines: string[] = [];
  readonly #watchers = new Set<() => void>();
  #gone = false;

  /** `command` is what node runs: options, a file, its arguments. */
  constructor(command: readonly string[], { cwd, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.child = spawn(process.execPath, command, {
      ...(cwd !== undefined && { cwd }),
      env: { ...process.env, ...env },
      stdio: ["ignore", "inherit", "pipe"],
    });
    const { stderr } = this.child;
    if (stderr === null) throw new Error("the server's stderr is not a pipe");
    createInterface({ input: stderr }).on("line", (line) => {
      this.lines.push(line);
      this.#look();
    });
    this.exit = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code, signal) => {
        this.#gone = true;
        this.#look();
        resolve({ code, signal });
      });
    });
  }

  /** The first line that fits, printed already or later; rejects where the process ends without it. */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        for (const line of this.lines) {
          const match = pattern.exec(line);
          if (match) {
            this.#watchers.delete(look);
            resolve(match);
            return;
          }
        }
        if (!this.#gone) return;
        this.#watchers.delete(look);
        reject(new Error(`the server ended without a line like ${pattern}:\n${this.lines.join("\n")}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Where it is served, once it is. */
  async url(): Promise<URL> {
    const [, url = ""] = await this.line(/^Serving on (\S+): /);
    return new URL(url);
  }

  /** A client of its own over HTTP. */
  async connect(mode: "auto" | "legacy" = "auto"): Promise<Client> {
    const client = new Client({ name: "kv-demo", version: "0.1.0" }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(await this.url()));
    return client;
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.child.kill(signal);
    return this.exit;
  }

  #look(): void {
    for (const look of [...this.#watchers]) look();
  }
}
