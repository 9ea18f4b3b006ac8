// What the tests of the RocksDB store share: folders that go away, other processes, and looks past the store.
import { type Child, folderMaker, nodeArguments, runChild } from "@kv/test-servers";
import * as vitest from "vitest";

export const newFolder = folderMaker(vitest);

/** The arguments with which Node.js runs a file of `children/`. */
export function childArguments(file: string, ...rest: readonly string[]): string[] {
  return nodeArguments(new URL(`children/${file}`, import.meta.url), ...rest);
}

export function startChild(file: string, ...rest: readonly string[]): Child {
  return runChild(process.execPath, childArguments(file, ...rest));
}
