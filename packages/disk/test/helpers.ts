// What the tests of the disk store share: folders that go away.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
