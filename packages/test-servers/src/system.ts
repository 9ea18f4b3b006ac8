// Programs of this machine: finding them, running them to their end, and saying in one line what is missing.

import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** This machine cannot give what was asked for. The message is one line that says why. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** The absolute path of a program on the PATH, or `undefined`. */
export function which(program: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

/** Like `which`, but throws `Unavailable`. */
export function need(program: string): string {
  const path = which(program);
  if (path === undefined) throw new Unavailable(`no ${program} on the PATH`);
  return path;
}

/** Runs a program to its end and gives what it wrote to stdout. Rejects with all that it wrote to stderr. */
export function run(
  program: string,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string>; timeout?: number } = {},
): Promise<string> {
  const { input = "", env, timeout = 0 } = options;
  return new Promise((resolve, reject) => {
    const settings = { timeout, env: { ...process.env, ...env }, maxBuffer: Number.POSITIVE_INFINITY };
    const child = execFile(program, args, settings, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr.trim() || error.message, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.on("error", () => {}); // It need not read its input.
    child.stdin?.end(input);
  });
}

/** The last line of an error's message: where most programs say what went wrong. */
export function lastLine(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error).split("\n");
  return lines.findLast((line) => line.trim() !== "")?.trim() ?? "no reason given";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
