/** How requests reach the process of a contender, and its answers come back. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Answer, Request } from "./messages.ts";

export interface Link {
  readonly child: ChildProcess;
  send(request: Request): void;
  /** The next answer goes to this listener. */
  listen(listener: (answer: Answer) => void): void;
  /** No more requests: the process ends by itself. */
  end(): void;
}

/** Built or not, as this file is. */
const PROGRAM = fileURLToPath(import.meta.resolve("#child"));
const PYTHON_PROGRAM = join(import.meta.dirname, "..", "python", "contender.py");

export function linkToNode(): Link {
  // What it prints, warnings of its own, must not run into the report.
  const stdio = ["ignore", "ignore", "inherit", "ipc"] as const;
  const env = { ...process.env, NODE_NO_WARNINGS: "1" };
  const child = fork(PROGRAM, { execArgv: [...process.execArgv, "--expose-gc"], stdio: [...stdio], env });
  return {
    child,
    send: (request) => void child.send(request, () => {}),
    listen: (listener) => void child.once("message", listener),
    end: () => {
      if (child.connected) child.disconnect();
    },
  };
}

/** One JSON text a line, both ways. */
export function linkToPython(interpreter: string): Link {
  const child = spawn(interpreter, ["-u", PYTHON_PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  // Who writes to a process that has ended is told by its end.
  child.stdin.on("error", () => {});
  return {
    child,
    send: (request) => void child.stdin.write(`${JSON.stringify(request)}\n`),
    listen: (listener) => void lines.once("line", (line) => listener(JSON.parse(line))),
    end: () => void child.stdin.end(),
  };
}
