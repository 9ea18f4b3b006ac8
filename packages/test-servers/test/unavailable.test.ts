// What happens where a server cannot be had, or is given from outside.

import { afterEach, describe, expect, it, vi } from "vitest";
import { pythonEnvironment, pythonFor, type Server, serverFor, startServer } from "../src/index.ts";
import { exitOf, printed, runFile } from "./helpers.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function bareMachine(mode: string | undefined): void {
  vi.stubEnv("PATH", "");
  vi.stubEnv("KV_TEST_CACHE", "/dev/null/nowhere");
  vi.stubEnv("KV_TEST_REDIS_URL", undefined);
  vi.stubEnv("KV_TEST_SERVERS", mode);
}

function fakeRunner() {
  const hooks: Parameters<Parameters<typeof serverFor>[0]["afterEach"]>[0][] = [];
  const afterAll = vi.fn<(action: () => Promise<void>) => void>();
  return { hooks, afterAll, afterEach: (hook: (typeof hooks)[number]) => hooks.push(hook) };
}

const printedLines = () => vi.spyOn(process.stderr, "write").mockReturnValue(true);

describe("on a machine that has nothing", () => {
  const reason = "no redis-server on the PATH; no apt-get on the PATH; no docker on the PATH";

  it("a server is skipped, with the reason", async () => {
    bareMachine(undefined);
    expect(await startServer("redis")).toEqual({ skipped: reason });
  });

  it("a test file prints one line and can skip its tests", async () => {
    bareMachine(undefined);
    const print = printedLines();
    const { server, skipped } = await serverFor(fakeRunner(), "redis");
    expect(skipped).toBe(reason);
    expect(print.mock.calls).toEqual([[`Skipped: redis is not available: ${reason}\n`]]);
    expect(() => server.url).toThrow(`redis is not available: ${reason}`);
  });

  it("servers that are required are an error", async () => {
    bareMachine("required");
    await expect(serverFor(fakeRunner(), "redis")).rejects.toThrow(`KV_TEST_SERVERS=required, but redis is not`);
    await expect(pythonFor()).rejects.toThrow("KV_TEST_SERVERS=required, but python is not");
  });

  it("a mistyped mode is an error, not a skip", async () => {
    bareMachine("requierd");
    await expect(serverFor(fakeRunner(), "redis")).rejects.toThrow('not "requierd"');
  });

  it("python is skipped alike", async () => {
    bareMachine(undefined);
    const print = printedLines();
    const { python, skipped } = await pythonFor();
    expect(skipped).toBe("no python3 on the PATH");
    expect(print.mock.calls).toEqual([["Skipped: python is not available: no python3 on the PATH\n"]]);
    expect(() => python.run("")).toThrow("not available");
  });

  it("the command line says what is missing", async () => {
    bareMachine(undefined);
    const cli = runFile("src/cli.ts");
    await printed(cli, /redis: missing\n.*- PATH +no redis-server on the PATH\n.*python: missing\n/s);
    expect(await exitOf(cli)).toBe(0);
  });
});

it("a cache folder that cannot be written is a reason", async () => {
  vi.stubEnv("KV_TEST_CACHE", "/dev/null/nowhere");
  const { skipped } = await pythonEnvironment();
  expect(skipped).toMatch(/^the cache folder cannot be written \(ENOTDIR.*\)$|^no python3/);
});

describe("a server that the environment gives", () => {
  const given = "redis://:secret@localhost:7000";

  it("is used as it is, and never signalled", async () => {
    vi.stubEnv("KV_TEST_REDIS_URL", given);
    const { server } = (await startServer("redis")) as { server: Server };
    expect(server).toMatchObject({ url: given, port: 7000, external: true });
    await expect(server.kill()).rejects.toThrow("external");
    await expect(server.restart()).rejects.toThrow("external");
    expect(() => server.pause()).toThrow("external");
    expect(() => server.resume()).toThrow("external");
    await server.stop();
  });

  it("does not serve who wants one of their own", async () => {
    bareMachine(undefined);
    vi.stubEnv("KV_TEST_REDIS_URL", given);
    expect(await startServer("redis", { own: true })).toHaveProperty("skipped");
  });
});

it("a failed test shows what the server has printed since the test before", async (context) => {
  const runner = fakeRunner();
  const { server, skipped } = await serverFor(runner, "redis", { own: true });
  if (skipped) return context.skip(skipped);
  const print = printedLines();
  const endTest = (state: string) => runner.hooks.forEach((hook) => void hook({ task: { result: { state } } }));
  endTest("pass");
  expect(print).not.toHaveBeenCalled();
  await server.restart();
  endTest("fail");
  expect(print.mock.calls.join().match(/Ready to accept connections/g)).toHaveLength(1);
  await runner.afterAll.mock.lastCall?.[0]();
  await expect(server.restart()).rejects.toThrow("stopped");
});
