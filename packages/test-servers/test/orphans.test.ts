// Nothing outlives the process that started it.

import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { serverFor } from "../src/index.ts";
import { ask, exitOf, folderOf, isGone, printed, runFile } from "./helpers.ts";

const { skipped } = await serverFor(vitest, "redis", { own: true });

interface Orphan {
  readonly port: number;
  readonly folder: string;
}

async function orphanOf(parent: ChildProcess): Promise<Orphan> {
  const [line] = await printed(parent, /.*\n/);
  return JSON.parse(line);
}

async function expectNothingLeft(orphan: Orphan): Promise<void> {
  await expect.poll(() => existsSync(orphan.folder), { timeout: 15_000 }).toBe(false);
  await expect.poll(() => isGone(orphan), { timeout: 15_000 }).toBe(true);
}

describe.skipIf(skipped)("nothing is left when the process that started a server", () => {
  it.each(["wait", "pause"])("is killed by SIGKILL (%s)", async (mode) => {
    const parent = runFile("test/fixtures/parent.ts", mode);
    const orphan = await orphanOf(parent);
    expect(existsSync(orphan.folder)).toBe(true);
    parent.kill("SIGKILL");
    await exitOf(parent);
    await expectNothingLeft(orphan);
  });

  it("ends by itself without stopping the server, which does not keep it alive", async () => {
    const parent = runFile("test/fixtures/parent.ts", "forget");
    const orphan = await orphanOf(parent);
    expect(await exitOf(parent)).toBe(0);
    await expectNothingLeft(orphan);
  });

  it("is the command line and gets a Ctrl-C", async () => {
    const cli = runFile("src/cli.ts", "up", "redis");
    const port = Number((await printed(cli, /--store redis:\/\/127\.0\.0\.1:(\d+)\nCtrl-C/))[1]);
    expect(await ask({ port }, "PING")).toBe("PONG");
    const folder = await folderOf({ port });
    cli.kill("SIGINT");
    expect(await exitOf(cli)).toBe(0);
    expect([existsSync(folder), await isGone({ port })]).toEqual([false, true]);
  });
});
