// Asking a Redis server by raw sockets, and programs of this package in processes of their own.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { exchange, type Reply } from "../src/resp.ts";

interface Address {
  readonly port: number;
  readonly ca?: string | undefined;
}

/** The reply to one command. */
export async function ask(server: Address, ...command: string[]): Promise<Reply | undefined> {
  return (await exchange(server, [command]))[0];
}

export async function pidOf(server: Address): Promise<number> {
  const pid = /process_id:(\d+)/.exec(String(await ask(server, "INFO", "server")))?.[1];
  return Number(pid);
}

export async function folderOf(server: Address): Promise<string> {
  const reply = await ask(server, "CONFIG", "GET", "dir");
  return String(Array.isArray(reply) ? reply[1] : reply);
}

/** Whether connections to it are refused. */
export async function isGone(server: Address): Promise<boolean> {
  const refused = await ask(server, "PING").catch((error: unknown) => error);
  return String(refused).includes("ECONNREFUSED");
}

/** Runs a TypeScript file of this package. */
export function runFile(file: string, ...args: string[]): ChildProcess {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout?.setEncoding("utf8");
  return child;
}

/** Waits until its output matches. It may print on: its output stays open. */
export async function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let output = "";
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    output += chunk;
    const match = pattern.exec(output);
    if (match !== null) return match;
  }
  throw new Error(`It ended without printing ${pattern}:\n${output}`);
}

export async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}
