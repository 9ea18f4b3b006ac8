// No serious loss of speed may land: a short run of kv beside the raw driver. It fails only where each way to compare
// the two (by the middle of the rounds, by the best ones, by processor time) says less than half of the target.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { titleOf } from "../src/cases.ts";
import type { Results } from "../src/results.ts";

const run = promisify(execFile);
const MAIN = ["--conditions=@kv/source", "--import", "tsx", join(import.meta.dirname, "..", "src", "main.ts")];
const SHORT = ["--only", "memory,redis", "--ops", "get,put", "--no-peers", "--rounds", "5", "--ms", "40"];

it("is not far slower than the raw drivers", { timeout: 300_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "kv-guard-"));
  try {
    const file = join(folder, "results.json");
    await run(process.execPath, [...MAIN, ...SHORT, "--out", file]);
    const { rows }: Results = JSON.parse(await readFile(file, "utf8"));
    const held = rows.filter(({ share }) => share?.target !== undefined);
    const slow = held.flatMap((row) => {
      const { median = 0, best = 0, cpu = 0, target = 0 } = row.share ?? {};
      const most = Math.max(median, best, cpu);
      return most < target / 2 ? [`${row.backend}, ${titleOf(row)}: ${most.toFixed(2)} of ${target}`] : [];
    });
    expect(slow).toEqual([]);
    expect(held.filter(({ backend }) => backend === "memory")).toHaveLength(8);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
