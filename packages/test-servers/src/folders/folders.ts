// What the tests of stores that lie in a folder begin with: such folders, and processes of their own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as vitest from "vitest";
import { type Child, nodeArguments, runNode } from "../children.ts";

/**
 * Makes paths of folders that do not exist yet, each in one that is deleted after the test file.
 * @param runner vitest itself: `import * as vitest from "vitest"`
 */
export function folderMaker({ afterAll }: Pick<typeof vitest, "afterAll">): () => string {
  const made: string[] = [];
  afterAll(() => {
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    const parent = mkdtempSync(join(tmpdir(), "kv-folder-"));
    made.push(parent);
    return join(parent, "store");
  };
}

/** Of the files in a folder: the arguments with which Node.js runs one, and such a process. */
export function childrenIn(folder: URL) {
  return {
    childArguments: (file: string, ...rest: readonly string[]): string[] =>
      nodeArguments(new URL(file, folder), ...rest),
    startChild: (file: string, ...rest: readonly string[]): Child => runNode(new URL(file, folder), rest),
  };
}
