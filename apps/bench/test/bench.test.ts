// A very short run of the whole: the program, the processes of the contenders, the file of the results.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { RESULTS } from "../src/folders.ts";
import type { Growth } from "../src/growth/growth.ts";
import type { Results } from "../src/results.ts";

const run = promisify(execFile);
/** A process of its own, as users start it, but from the sources. */
const NODE = ["--conditions=@kv/source", "--import", "tsx", join(import.meta.dirname, "..", "src", "main.ts")];
const bench = (...args: string[]) => run(process.execPath, [...NODE, ...args], { maxBuffer: 2 ** 24 });

function middleOf(numbers: readonly number[]): number {
  const ascending = numbers.toSorted((a, b) => a - b);
  const [below = Number.NaN, above = Number.NaN] = [
    ascending[Math.floor((ascending.length - 1) / 2)],
    ascending[Math.ceil((ascending.length - 1) / 2)],
  ];
  return (below + above) / 2;
}

const resultsOf = async (...args: string[]): Promise<{ readonly report: string; readonly results: Results }> => {
  const folder = await mkdtemp(join(tmpdir(), "kv-bench-"));
  const file = join(folder, "deep", "results.json");
  try {
    const { stdout } = await bench(...args, "--out", file);
    return { report: stdout, results: JSON.parse(await readFile(file, "utf8")) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

describe("a run over memory", () => {
  let report: string;
  let results: Results;

  beforeAll(async () => {
    ({ report, results } = await resultsOf("--only", "memory", "--ops", "get,put", "--rounds", "4", "--ms", "4"));
  });

  it("measures each case with kv beside the raw driver and the peers", () => {
    const cases = new Set(
      results.rows.map(({ operation, size, concurrency }) => `${operation} ${size} ${concurrency}`),
    );
    const expected = ["get", "put"].flatMap((operation) =>
      ["100 B", "10 KB"].flatMap((size) => [1, 64].map((concurrency) => `${operation} ${size} ${concurrency}`)),
    );
    expect([...cases]).toEqual(expected);
    for (const contender of ["raw", "kv", "keyv", "unstorage", "cacheable", "bentocache", "cache-manager"]) {
      expect(results.rows.filter((row) => row.contender === contender)).toHaveLength(expected.length);
    }
    expect(results.skipped).toEqual([]);
  });

  it("has positive figures that agree with each other, of every third round for a peer", () => {
    for (const row of results.rows) {
      expect(row.rounds).toHaveLength(4);
      const speeds = row.rounds.filter((speed) => speed !== null);
      expect(speeds).toHaveLength(row.contender === "raw" || row.contender === "kv" ? 4 : 2);
      expect(Math.min(...speeds)).toBeGreaterThan(0);
      expect(row.best).toBe(Math.max(...speeds));
      expect(row.median).toBeCloseTo(middleOf(speeds));
      expect(row.spread).toBeCloseTo((row.best - Math.min(...speeds)) / row.median);
      expect(row.cpu).toBeGreaterThanOrEqual(0);
      expect(row.p50).toBeGreaterThan(0);
      expect(row.p99).toBeGreaterThanOrEqual(row.p50);
    }
  });

  it("gives the share of the raw driver, round by round, and kv's target", () => {
    for (const row of results.rows) {
      const raw = results.rows.find(
        ({ contender, operation, size, concurrency }) =>
          contender === "raw" && operation === row.operation && size === row.size && concurrency === row.concurrency,
      );
      if (row === raw) {
        expect(row.share).toBeUndefined();
        continue;
      }
      const shares = row.rounds.flatMap((speed, round) =>
        speed === null ? [] : [speed / (raw?.rounds[round] ?? Number.NaN)],
      );
      expect(row.share?.median).toBeCloseTo(middleOf(shares));
      const target = row.operation === "get" ? 2 : 1;
      expect(row.share?.target).toBe(row.contender === "kv" ? (row.size === "100 B" ? 1.2 : target) : undefined);
      expect(row.share?.met).toBe(row.share?.target && row.share.median >= row.share.target);
    }
  });

  it("weighs what a record takes of the heap", () => {
    for (const { bytes } of results.weights) {
      expect(bytes).toBeGreaterThan(100);
      expect(bytes).toBeLessThan(5000);
    }
    expect(results.weights.map(({ contender }) => contender)).toEqual(expect.arrayContaining(["raw", "kv", "keyv"]));
  });

  it("gives values of about the size that it says", () => {
    expect(results.meanBytes["100 B"]).toBeGreaterThan(90);
    expect(results.meanBytes["100 B"]).toBeLessThan(110);
    expect(results.meanBytes["10 KB"]).toBeGreaterThan(9_500);
    expect(results.meanBytes["10 KB"]).toBeLessThan(11_000);
    expect(results.meanBytes["1 MB"]).toBeGreaterThan(950_000);
    expect(results.meanBytes["1 MB"]).toBeLessThan(1_050_000);
  });

  it("prints a table with each row", () => {
    expect(report).toContain("## memory");
    expect(report.match(/^\| (get|put) .*\|$/gm)).toHaveLength(results.rows.length);
    expect(report).toMatch(/^\d of 8 targets met\.$/m);
  });
});

it("measures each operation in each size", async () => {
  const { results } = await resultsOf("--only", "memory", "--no-peers", "--rounds", "1", "--ms", "1", "--full");
  const rows = (contender: string, operation: string) =>
    results.rows
      .filter((row) => row.operation === operation && row.contender === contender)
      .map(({ size, concurrency }) => `${size} ×${concurrency}`);

  expect(rows("kv", "get")).toEqual(["100 B ×1", "100 B ×64", "10 KB ×1", "10 KB ×64", "1 MB ×1"]);
  expect(rows("kv", "putMany(100)")).toEqual(["100 B ×1", "100 B ×64", "10 KB ×1", "10 KB ×64"]);
  expect(rows("kv", "enumerate")).toEqual(["100 B ×1"]);
  for (const operation of ["get miss", "put with TTL", "delete", "putIfAbsent", "increment", "getMany(100)"]) {
    expect(rows("kv", operation)).toContain("100 B ×64");
  }
  expect(new Set(results.rows.map(({ contender }) => contender))).toEqual(new Set(["raw", "kv"]));
});

it("measures the raw driver and kv in several processes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kv-bench-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  /** Each process leaves profiles behind that name it: `CPU.<day>.<time>.<pid>.<thread>.<number>.cpuprofile`. */
  const countWith = async (count: string): Promise<number> => {
    const profiles = join(folder, count);
    const args = ["--only", "memory", "--ops", "get", "--no-peers", "--rounds", "4", "--processes", count, "--ms", "1"];
    await run(process.execPath, [
      ...["--cpu-prof", `--cpu-prof-dir=${profiles}`, ...NODE],
      ...[...args, "--out", join(folder, "results.json")],
    ]);
    return new Set((await readdir(profiles)).map((name) => name.split(".")[3])).size;
  };
  expect((await countWith("4")) - (await countWith("1"))).toBe(3 * 2);
});

it("leaves out of the operations of a contender what it does not have", async () => {
  const ops = "put with TTL,getMany(100),increment";
  const { results } = await resultsOf("--only", "memory", "--ops", ops, "--rounds", "1", "--ms", "1");
  const contenders = (operation: string) =>
    new Set(results.rows.filter((row) => row.operation === operation).map(({ contender }) => contender));
  expect(contenders("put with TTL")).not.toContain("raw");
  expect(contenders("put with TTL")).toContain("keyv");
  expect(contenders("getMany(100)")).toContain("keyv");
  expect(contenders("getMany(100)")).not.toContain("bentocache");
  expect([...contenders("increment")]).toEqual(["raw", "kv"]);
});

it("tells what an operation costs the server", async () => {
  const ops = "get,put,getMany(100),enumerate";
  const { results } = await resultsOf("--only", "redis", "--ops", ops, "--no-peers", "--rounds", "1", "--ms", "1");
  if (results.skipped.length > 0) {
    expect(process.env.KV_TEST_SERVERS, results.skipped[0]?.reason).not.toBe("required");
    return;
  }
  const commands = (contender: string, operation: string) =>
    results.rows.find((row) => row.contender === contender && row.operation === operation)?.commands;
  expect(commands("raw", "get")).toBe("1 GET");
  expect(commands("kv", "get")).toBe("1 GET");
  expect(commands("kv", "put")).toBe("1 SET");
  expect(commands("raw", "getMany(100)")).toBe("1 MGET");
  // The target: the pages of a walk with COUNT 1,000, and two more exchanges.
  const { SCAN, ...others } = Object.fromEntries(
    (commands("kv", "enumerate") ?? "").split(", ").map((one) => [one.split(" ")[1], Number(one.split(" ")[0])]),
  );
  expect(SCAN).toBeGreaterThan(90);
  expect(others).toEqual({ MGET: 2 });
});

it("measures the others where one backend fails, and exits with 1", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kv-bench-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "results.json");
  const args = [
    "--only",
    "memory,memcached",
    "--ops",
    "get",
    "--no-peers",
    "--rounds",
    "1",
    "--ms",
    "1",
    "--out",
    file,
  ];
  // A port that nobody listens on.
  const env = { ...process.env, KV_TEST_MEMCACHED_URL: "127.0.0.1:1" };
  await expect(run(process.execPath, [...NODE, ...args], { env })).rejects.toMatchObject({ code: 1 });
  const { rows, skipped }: Results = JSON.parse(await readFile(file, "utf8"));
  expect(new Set(rows.map(({ backend }) => backend))).toEqual(new Set(["memory"]));
  expect(skipped).toMatchObject([{ backend: "memcached", failed: true }]);
});

it("measures what one wrapper and five cost, with targets for get", async () => {
  const { results } = await resultsOf("--wrappers", "--rounds", "1", "--ms", "2");
  const { rows } = results;
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

it("measures how cost grows with records and callers", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kv-bench-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "growth.json");
  const { stdout } = await bench("--growth", "--only", "memory", "--records", "10000", "--out", file);
  const { records, callers }: Growth = JSON.parse(await readFile(file, "utf8"));
  const operations = ["get", "put", "enumerate", "clear", "expire"];
  expect(records.map(({ operation, records }) => `${operation} ${records}`)).toEqual(
    [1000, 10_000].flatMap((size) => operations.map((operation) => `${operation} ${size}`)),
  );
  for (const { microseconds } of records) expect(microseconds).toBeGreaterThan(0);
  expect(callers.map(({ callers }) => callers)).toEqual([1, 3, 10, 30, 100, 300, 1000]);
  for (const { perSecond } of callers) expect(perSecond).toBeGreaterThan(0);
  expect(stdout).toMatch(/^\| get, memory \|/m);
});

describe("the command line", () => {
  it.each([
    ["--only", "memory,nothing"],
    ["--wrappers", "--only=memory"],
    ["--ops", "get,steal"],
    ["--rounds", "0"],
    ["--processes", "0"],
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
