// Processes of their own: the example of a README, and one that uses a store and is to end by itself.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type * as vitest from "vitest";
import { nodeArguments } from "../children.ts";

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
      const file = new URL("examples/users.ts", folder);
      const example = readFileSync(file, "utf8");
      expect(readFileSync(new URL("README.md", folder), "utf8")).toContain(`\`\`\`ts\n${example}\`\`\``);
      expect(await run(file, [], options.environment())).toEqual({ code: 0, output: "{ name: 'Ada' }\n1\n" });
    });
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

/** What a process has printed, and its code, once it has ended by itself. */
async function run(file: URL, argumentList: readonly string[], environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, nodeArguments(file, ...argumentList), {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [[code], chunks] = await Promise.all([once(child, "exit"), child.stdout.toArray()]);
  return { code, output: Buffer.concat(chunks).toString() };
}
