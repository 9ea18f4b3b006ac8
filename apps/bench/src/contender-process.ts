/** A contender's process, as the benchmark sees it. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Case } from "./cases.ts";
import type { BackendName, ContenderName } from "./contender.ts";
import type { RoundLength, Sample } from "./measure.ts";
import type { Answer, Request } from "./messages.ts";

/** Built or not, as this file is. */
const PROGRAM = fileURLToPath(import.meta.resolve("#child"));

/** How long a process may take to end by itself, in milliseconds; it writes its profile then, where it was to make one. */
const PATIENCE = 5000;

/** Every method rejects where the contender fails or its process ends, which is then of no more use. */
export class ContenderProcess {
  readonly name: ContenderName;
  readonly #backend: BackendName;
  readonly #child: ChildProcess;

  constructor(backend: BackendName, name: ContenderName) {
    this.name = name;
    this.#backend = backend;
    // What it prints, warnings of its own, must not run into the report.
    const stdio = ["ignore", "ignore", "inherit", "ipc"] as const;
    this.#child = fork(PROGRAM, { execArgv: [...process.execArgv, "--expose-gc"], stdio: [...stdio] });
  }

  /** Opens it, stores the records, and warms up all cases. */
  async open(location: string, cases: readonly Case[], warmUp: number): Promise<void> {
    await this.#ask({ do: "open", backend: this.#backend, contender: this.name, location, cases, warmUp });
  }

  /** One round of the case at this index. */
  async round(index: number, length: RoundLength): Promise<Sample> {
    const { sample } = await this.#ask({ do: "round", index, length });
    if (sample === undefined) throw new Error("a round without a result");
    return sample;
  }

  /** Deletes the records, closes the contender. */
  async close(): Promise<void> {
    await this.#ask({ do: "close" });
  }

  /** Ends the process, whatever it does. What it was asked rejects. May be called again. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    await gone;
    clearTimeout(timer);
  }

  #ask(request: Request): Promise<Exclude<Answer, { readonly failed: string }>> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const failed = (why: string): void => reject(new Error(`${this.#backend} ${this.name}: ${why}`));
      const onExit = (code: number | null, signal: string | null): void => {
        child.off("message", onMessage);
        failed(`its process ended by ${signal ?? `code ${code}`}`);
      };
      const onMessage = (answer: Answer): void => {
        child.off("exit", onExit);
        if ("failed" in answer) failed(answer.failed);
        else resolve(answer);
      };
      child.once("exit", onExit);
      child.once("message", onMessage);
      child.send(request, (error) => error && failed(error.message));
    });
  }
}
