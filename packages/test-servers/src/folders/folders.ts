// Folders for the tests of stores that lie in one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as vitest from "vitest";

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
