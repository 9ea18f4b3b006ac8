/** The suite under each test runner, and alone: what holds passes there, and what does not fails, with its name. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { conformance } from "@kv/core/conformance";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { target } from "../children/conformance/target.ts";

const packageFolder = fileURLToPath(new URL("../..", import.meta.url));
const children = join(packageFolder, "test/children/conformance");
const fromSource = ["--conditions=@kv/source", "--import", "tsx"];

interface Outcome {
  readonly exitCode: number;
  readonly passed: number;
  /** The names of the tests that failed, with what the runner tells of them. */
  readonly failed: readonly string[];
}

interface Runner {
  readonly name: string;
  /** Command-line arguments of Node; `report` is a file for the runner's report, `only` a pattern of test names. */
  args(report: string, only: string | undefined): readonly string[];
  /** The outcome, from what was printed and the report. */
  read(printed: string, report: () => Promise<string>): Promise<Omit<Outcome, "exitCode">>;
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kv-conformance-"));
  // Jest compiles no TypeScript by itself.
  await build({
    entryPoints: [join(children, "jest.mjs")],
    outfile: join(folder, "jest.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    conditions: ["@kv/source"],
    logLevel: "error",
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The program of a package in this one's node_modules. */
function program(name: string): string {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
  const { bin }: { bin: string | Record<string, string> } = createRequire(import.meta.url)(manifest);
  return join(dirname(manifest), typeof bin === "string" ? bin : (bin[name] ?? ""));
}

const lines = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? "");

const runners: readonly Runner[] = [
  {
    name: "vitest",
    args: (report, only) => [
      program("vitest"),
      "run",
      `--config=${join(children, "vitest.config.ts")}`,
      "--reporter=json",
      `--outputFile=${report}`,
      ...(only === undefined ? [] : [`--testNamePattern=${only}`]),
    ],
    read: async (_, report) => jestReport(await report()),
  },
  {
    name: "jest",
    args: (report, only) => [
      "--experimental-vm-modules",
      program("jest"),
      `--rootDir=${folder}`,
      `--config=${JSON.stringify({ testMatch: ["**/jest.mjs"], transform: {} })}`,
      "--json",
      `--outputFile=${report}`,
      ...(only === undefined ? [] : [`--testNamePattern=${only}`]),
    ],
    read: async (_, report) => jestReport(await report()),
  },
  {
    name: "mocha",
    args: (_, only) => [
      ...fromSource,
      program("mocha"),
      join(children, "mocha.mjs"),
      "--reporter=json",
      ...(only === undefined ? [] : [`--grep=${only}`]),
    ],
    read: async (printed) => {
      const {
        stats,
        failures,
      }: { stats: { passes: number }; failures: { fullTitle: string; err: { message?: string } }[] } =
        JSON.parse(printed);
      return { passed: stats.passes, failed: failures.map(({ fullTitle, err }) => `${fullTitle}\n${err.message}`) };
    },
  },
  {
    name: "node:test",
    args: (_, only) => [
      ...fromSource,
      "--test",
      "--test-reporter=tap",
      ...(only === undefined ? [] : [`--test-name-pattern=${only}`]),
      join(children, "node-test.mjs"),
    ],
    read: async (printed) => ({
      passed: Number(/^# pass (\d+)$/m.exec(printed)?.[1]),
      // What is indented deepest is a test, the rest are the groups around it.
      failed: lines(printed, /^ {8,}not ok \d+ - (.+)$/gm),
    }),
  },
  {
    name: "TAP",
    args: () => [...fromSource, join(children, "tap.mjs")],
    read: async (printed) => ({
      passed: lines(printed, /^ok \d+ - (?!.*# SKIP)(.+)$/gm).length,
      failed: lines(printed, /^not ok \d+ - (.+)$/gm),
    }),
  },
];

function jestReport(text: string): Omit<Outcome, "exitCode"> {
  const report: {
    numPassedTests: number;
    testResults: { assertionResults: { status: string; fullName: string; failureMessages: string[] }[] }[];
  } = JSON.parse(text);
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = tests
    .filter(({ status }) => status === "failed")
    .map(({ fullName, failureMessages }) => `${fullName}\n${failureMessages.join("\n")}`);
  return { passed: report.numPassedTests, failed };
}

let reports = 0;

async function run(runner: Runner, env: NodeJS.ProcessEnv, only?: string): Promise<Outcome> {
  const report = join(folder, `report-${reports++}.json`);
  const { exitCode, stdout, stderr } = await new Promise<{ exitCode: number; stdout: string; stderr: string }>(
    (resolve) => {
      // Of this test's own runner the child is to know nothing.
      const { NODE_OPTIONS, VITEST, NODE_TEST_CONTEXT, ...inherited } = process.env;
      const options = { cwd: packageFolder, env: { ...inherited, ...env }, maxBuffer: 2 ** 26, timeout: 150_000 };
      const child = execFile(process.execPath, [...runner.args(report, only)], options, (_, out, err) => {
        resolve({ exitCode: child.exitCode ?? -1, stdout: out, stderr: err });
      });
    },
  );
  try {
    return { exitCode, ...(await runner.read(stdout, () => readFile(report, "utf8"))) };
  } catch (cause) {
    throw new Error(`${runner.name} ended with ${exitCode} and no report\n${stdout}\n${stderr}`, { cause });
  }
}

describe.each(runners)("under $name", (runner) => {
  it("every property of a correct store passes", { timeout: 180_000 }, async () => {
    const { applicable } = await conformance(target).plan();
    expect(await run(runner, {})).toEqual({ exitCode: 0, passed: applicable.length, failed: [] });
  });

  it("a property that does not hold fails, and one that takes long does not", { timeout: 180_000 }, async () => {
    const only = "records/(missing-is-undefined|delete-tells|put-replaces)";
    const { exitCode, passed, failed } = await run(runner, { FAULT: "slow" }, only);
    expect(exitCode).not.toBe(0);
    expect(failed).toContainEqual(expect.stringContaining("records/delete-tells: "));
    expect(failed.join()).not.toMatch(/missing-is-undefined|put-replaces/);
    if (runner.name !== "TAP") expect(passed).toBe(2);
  });
});
