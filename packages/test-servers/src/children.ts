// Processes that tests start and watch.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Child {
  readonly process: ChildProcess;
  /** All that it has printed so far. */
  output(): string;
  /** Resolves when it has ended: with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

/** The arguments with which Node.js runs a TypeScript file, on the sources of all packages. */
export function nodeArguments(file: URL, ...rest: readonly string[]): string[] {
  return ["--conditions=@kv/source", "--import", import.meta.resolve("tsx"), fileURLToPath(file), ...rest];
}

export interface ChildOptions {
  /** Default: the current folder. */
  readonly cwd?: string;
  /** Added to this process' own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether what it prints as errors is not shown, but part of its output. Default: false. */
  readonly quiet?: boolean;
}

/** Has a channel for messages. */
export function runChild(
  command: string,
  commandArguments: readonly string[],
  { cwd, env, quiet = false }: ChildOptions = {},
): Child {
  const child = spawn(command, commandArguments, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", quiet ? "pipe" : "inherit", "ipc"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  const ended = new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  return { process: child, output: () => text, ended };
}

/** As {@link runChild}, of Node.js with a TypeScript file. */
export function runNode(file: URL, fileArguments: readonly string[], options?: ChildOptions): Child {
  return runChild(process.execPath, nodeArguments(file, ...fileArguments), options);
}

/** Resolves when the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
