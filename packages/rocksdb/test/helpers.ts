// What the tests of the RocksDB store share: folders that go away, other processes, and looks past the store.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, nodeArguments, runChild } from "@kv/test-servers";
import { afterAll } from "vitest";

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that does not exist yet, in one that is deleted after the test file. */
export function newFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), "kv-rocksdb-"));
  made.push(parent);
  return join(parent, "store");
}

/** The arguments with which Node.js runs a file of `children/`. */
export function childArguments(file: string, ...rest: readonly string[]): string[] {
  return nodeArguments(new URL(`children/${file}`, import.meta.url), ...rest);
}

export function startChild(file: string, ...rest: readonly string[]): Child {
  return runChild(process.execPath, childArguments(file, ...rest));
}
