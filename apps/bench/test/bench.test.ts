// A very short run of the whole: the program, the processes of the contenders, the file of the results.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { RESULTS } from "../src/folders.ts";
import type { Results } from "../src/results.ts";

const run = promisify(execFile);
/** A process of its own, as users start it, but from the sources. */
const NODE = ["--conditions=@kv/source", "--import", "tsx", join(import.meta.dirname, "..", "src", "main.ts")];
const bench = (...args: string[]) => run(process.execPath, [...NODE, ...args]);

describe("a run over memory", () => {
  let folder: string;
  let report: string;
  let results: Results;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kv-bench-"));
    const file = join(folder, "deep", "results.json");
    ({ stdout: report } = await bench("--only", "memory", "--rounds", "3", "--ms", "4", "--out", file));
    results = JSON.parse(await readFile(file, "utf8"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("measures each case with kv beside the raw driver", () => {
    const cases = results.rows.map(({ backend, operation, size, concurrency, contender }) =>
      [backend, operation, size, concurrency, contender].join(" "),
    );
    const expected = ["get", "put"].flatMap((operation) =>
      ["100 B", "10 KB"].flatMap((size) =>
        [1, 64].flatMap((concurrency) =>
          ["raw", "kv"].map((contender) => `memory ${operation} ${size} ${concurrency} ${contender}`),
        ),
      ),
    );
    expect(cases).toEqual(expected);
    expect(results.skipped).toEqual([]);
  });

  it("has positive figures that agree with each other", () => {
    for (const row of results.rows) {
      expect(row.rounds).toHaveLength(3);
      expect(Math.min(...row.rounds)).toBeGreaterThan(0);
      expect(row.best).toBe(Math.max(...row.rounds));
      expect(row.median).toBe(row.rounds.toSorted((a, b) => a - b)[1]);
      expect(row.spread).toBeCloseTo((row.best - Math.min(...row.rounds)) / row.median);
      expect(row.cpu).toBeGreaterThanOrEqual(0);
      expect(row.p50).toBeGreaterThan(0);
      expect(row.p99).toBeGreaterThanOrEqual(row.p50);
    }
  });

  it("gives kv's share of the raw driver, round by round, and its target", () => {
    for (const [index, row] of results.rows.entries()) {
      if (row.contender === "raw") {
        expect(row.share).toBeUndefined();
        continue;
      }
      const raw = results.rows[index - 1];
      const shares = row.rounds.map((speed, round) => speed / (raw?.rounds[round] ?? Number.NaN));
      expect(row.share?.median).toBe(shares.toSorted((a, b) => a - b)[1]);
      expect(row.share?.best).toBeCloseTo(row.best / (raw?.best ?? Number.NaN));
      expect(row.share?.target).toBe(row.size === "100 B" ? 1.2 : undefined);
      expect(row.share?.met).toBe(row.share?.target && row.share.median >= row.share.target);
    }
  });

  it("gives values of about the size that it says", () => {
    expect(results.meanBytes["100 B"]).toBeGreaterThan(90);
    expect(results.meanBytes["100 B"]).toBeLessThan(110);
    expect(results.meanBytes["10 KB"]).toBeGreaterThan(9_500);
    expect(results.meanBytes["10 KB"]).toBeLessThan(11_000);
  });

  it("prints a table with each row", () => {
    expect(report).toContain("## memory");
    expect(report.match(/^\| (get|put) .*\|$/gm)).toHaveLength(16);
    expect(report).toMatch(/^\d of 4 targets met\.$/m);
  });
});

it("measures what one wrapper and five cost, with targets for get", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kv-bench-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "results.json");
  await bench("--wrappers", "--rounds", "1", "--ms", "2", "--out", file);
  const { rows }: Results = JSON.parse(await readFile(file, "utf8"));
  const wrapped = rows.filter(
    ({ contender, operation, size }) => contender === "kv" && operation === "get" && size === "100 B",
  );
  expect(wrapped.map(({ backend, concurrency }) => `${backend} ${concurrency}`)).toEqual([
    "around-1 1",
    "around-1 64",
    "around-5 1",
    "around-5 64",
  ]);
  expect(wrapped.map(({ share }) => share?.target)).toEqual([0.95, 0.95, 0.77, 0.77]);
});

describe("the command line", () => {
  it.each([
    ["--only", "memory,nothing"],
    ["--wrappers", "--only=memory"],
    ["--rounds", "0"],
    ["--ms", "x"],
    ["--slow"],
  ])("refuses %s %s", async (...args) => {
    await expect(bench(...args)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("pnpm bench") });
  });
});

it("leaves nothing behind when it is stopped", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kv-bench-"));
  const file = join(folder, "results.json");
  const child = spawn(process.execPath, [...NODE, "--only", "disk", "--rounds", "10000", "--out", file]);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = once(child, "close");
  const prefix = `.data-${child.pid}-`;
  const data = async () => (await readdir(RESULTS).catch(() => [])).find((name) => name.startsWith(prefix));
  const opened = async () => existsSync(join(RESULTS, (await data()) ?? "none", "kv", "data.mdb"));
  await vi.waitUntil(opened, { timeout: 60_000 });
  child.kill("SIGTERM");
  expect(await ended).toEqual([130, null]);
  expect(said).toMatch(/^Stopped; nothing was written\.$/m);
  expect(await data()).toBeUndefined();
  expect(existsSync(file)).toBe(false);
});
