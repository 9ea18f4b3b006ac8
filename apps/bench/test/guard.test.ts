// No serious loss of speed may land: a short run of kv beside the raw driver.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const GUARD = join(import.meta.dirname, "children", "guard.ts");

it("is not far slower than the raw drivers", { timeout: 600_000 }, async () => {
  const { stdout } = await run(process.execPath, ["--conditions=@kv/source", "--import", "tsx", GUARD]);
  const lines = stdout.trim().split("\n");
  expect(lines.filter((line) => line.startsWith("slow"))).toEqual([]);
  expect(lines.filter((line) => line.startsWith("good memory"))).toHaveLength(8);
});
