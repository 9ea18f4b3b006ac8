// Processes of their own: the example of a README, and one that uses a store and is to end by itself.

import { mkdirSync, readFileSync } from "node:fs";
import type * as vitest from "vitest";
import { type ChildOptions, runNode } from "../children.ts";

export interface ExampleOptions {
  readonly title?: string;
  readonly skipped: string | undefined;
  /** The folder of the package, with a `/` at its end. */
  readonly folder: URL;
  /** What the example takes from the environment. */
  environment(): Readonly<Record<string, string>>;
}

/** Registers the test of a README's example: it is the one in `examples/`, and does what it says. `runner` is vitest itself. */
export function exampleSuite(runner: typeof vitest, options: ExampleOptions): void {
  const { describe, it, expect } = runner;
  const { folder, skipped, title = "the README's example" } = options;

  describe.skipIf(skipped)(title, () => {
    it("runs, and prints what its comments say", async () => {
      const file = exampleOf(runner, folder, "users.ts");
      expect(await run(file, [], { env: options.environment() })).toEqual({ code: 0, output: "{ name: 'Ada' }\n1\n" });
    });
  });
}

export interface FolderExampleOptions {
  /** The folder of the package, with a `/` at its end. */
  readonly folder: URL;
  /** The path of a folder that does not exist yet. */
  newFolder(): string;
}

/** As {@link exampleSuite}, of a store in a folder, which the example makes. */
export function folderExampleSuite(runner: typeof vitest, { folder, newFolder }: FolderExampleOptions): void {
  const { test, expect } = runner;

  test("the README's example runs, and finds its data again", async () => {
    const file = exampleOf(runner, folder, "notes.ts");
    const cwd = newFolder();
    mkdirSync(cwd);
    for (const time of [1, 2]) {
      const output = `{ text: 'Wrote the first program' }\nrun ${time}\n`;
      expect(await run(file, [], { cwd })).toEqual({ code: 0, output });
    }
  });
}

export interface EndingOptions {
  readonly skipped: string | undefined;
  /** Of a store that works. */
  url(): string;
  /** Of stores to which nobody can connect. */
  unreachable(): readonly string[];
}

/** Registers the test that stores that are closed keep no process alive. `runner` is vitest itself. */
export function endingSuite(runner: typeof vitest, { skipped, url, unreachable }: EndingOptions): void {
  const { describe, it, expect } = runner;

  describe.skipIf(skipped)("a process that has closed its stores", () => {
    it("ends, having printed nothing", async () => {
      const file = new URL("children/use-and-close.ts", import.meta.url);
      expect(await run(file, [url(), ...unreachable()], {})).toEqual({ code: 0, output: "closed\n" });
    });
  });
}

/** The example of that name, once it is seen to be the one of the README. */
function exampleOf({ expect }: Pick<typeof vitest, "expect">, folder: URL, name: string): URL {
  const file = new URL(`examples/${name}`, folder);
  const example = readFileSync(file, "utf8");
  expect(readFileSync(new URL("README.md", folder), "utf8")).toContain(`\`\`\`ts\n${example}\`\`\``);
  return file;
}

/** What a process has printed, and its code, once it has ended by itself. */
async function run(file: URL, fileArguments: readonly string[], options: ChildOptions) {
  const child = runNode(file, fileArguments, options);
  return { code: await child.ended, output: child.output() };
}
