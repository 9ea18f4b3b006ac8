// What the tests of the disk store share: folders that go away, other processes, and looks past the store.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DiskDriver } from "@kv/disk";
import { afterAll } from "vitest";

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that does not exist yet, in one that is deleted after the test file. */
export function newFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), "kv-disk-"));
  made.push(parent);
  return join(parent, "store");
}

/** The arguments with which Node.js runs a file of `children/`. */
export function childArguments(file: string, ...rest: readonly string[]): string[] {
  const path = fileURLToPath(new URL(`children/${file}`, import.meta.url));
  return ["--conditions=@kv/source", "--import", import.meta.resolve("tsx"), path, ...rest];
}

export interface Child {
  readonly process: ChildProcess;
  /** All that it has printed so far. */
  output(): string;
  /** Resolves when it has ended: with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

export function startChild(file: string, ...rest: readonly string[]): Child {
  return runChild(process.execPath, childArguments(file, ...rest));
}

/** In the current folder, if no other is given. */
export function runChild(command: string, commandArguments: readonly string[], cwd?: string): Child {
  const child = spawn(command, commandArguments, { cwd, stdio: ["ignore", "pipe", "inherit", "ipc"] });
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const ended = new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  return { process: child, output: () => text, ended };
}

/** What lies in the folder of an open store, expired or not: records, and rows in the index of expiries. */
export function countsOf(store: { readonly driver: unknown }): () => { records: number; rows: number } {
  const root = store.driver instanceof DiskDriver ? store.driver.database : undefined;
  if (!root) throw new Error("not an open disk store");
  const count = (name: string, useVersions: boolean) => {
    const database = root.openDB({ name, encoding: "binary", keyEncoding: "binary", useVersions });
    return () => {
      database.resetReadTxn();
      const { entryCount = -1 }: { entryCount?: number } = database.getStats();
      return entryCount;
    };
  };
  const records = count("records", true);
  const rows = count("expiry", false);
  return () => ({ records: records(), rows: rows() });
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
