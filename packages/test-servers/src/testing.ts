// What test files call: a missing server is one line and skipped tests, or a failure where servers are required.

import { type Chromium, findChromium } from "./chromium.ts";
import { type Python, pythonEnvironment } from "./python.ts";
import type { Server } from "./server.ts";
import { type OptionsOf, recipes, type ServerName } from "./servers/index.ts";
import { startServer } from "./start.ts";
import { Unavailable } from "./system.ts";

/** What is used of a test runner: vitest itself fits (`import * as vitest from "vitest"`). */
export interface TestRunner {
  afterAll(action: () => Promise<void>): unknown;
  afterEach(action: (context: { readonly task: { readonly result?: { readonly state: string } } }) => void): unknown;
}

/**
 * A server for the calling test file, stopped after its last test; when a test fails, its log is shown.
 *
 * Where it cannot be had, prints one line and gives `skipped`, for `describe.skipIf(skipped)`; touching `server` then
 * throws, so leave that to tests and hooks. Under `KV_TEST_SERVERS=required` it rejects instead.
 */
export async function serverFor<Name extends ServerName>(
  runner: TestRunner,
  name: Name,
  options?: OptionsOf<Name>,
): Promise<{ server: Server; skipped: string | undefined }> {
  const { server, skipped } = await startServer(name, options);
  if (server === undefined) return { server: skip<Server>(name, skipped), skipped };
  let shown = 0;
  runner.afterEach(({ task }) => {
    const log = server.logs();
    const news = log.slice(shown);
    if (task.result?.state === "fail" && news !== "") print(`What ${name} printed up to the failed test:\n${news}`);
    shown = log.length;
  });
  runner.afterAll(() => server.stop());
  return { server, skipped: undefined };
}

/**
 * For vitest's `globalSetup`: one server for all test files of a package, to them as if the environment gave it, so that
 * `serverFor` without options gives it. For servers that take long to start, where tests share one without harm.
 */
export async function shareServer(name: ServerName): Promise<(() => Promise<void>) | undefined> {
  const { variable } = recipes[name];
  if (process.env[variable]) return undefined;
  const { server } = await startServer(name, { own: true });
  // Where there is none, each file says so itself.
  if (server === undefined) return undefined;
  process.env[variable] = server.url;
  return async () => {
    delete process.env[variable];
    await server.stop();
  };
}

/** py-key-value-aio, in the same manner. */
export async function pythonFor(): Promise<{ python: Python; skipped: string | undefined }> {
  const { python, skipped } = await pythonEnvironment();
  return python ? { python, skipped: undefined } : { python: skip<Python>("python", skipped), skipped };
}

/** A Chromium, in the same manner. */
export async function chromiumFor(): Promise<{ chromium: Chromium; skipped: string | undefined }> {
  try {
    return { chromium: await findChromium(), skipped: undefined };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { chromium: skip<Chromium>("chromium", error.message), skipped: error.message };
  }
}

/** Says that it is skipped, and stands in for it. */
function skip<Missing extends object>(name: string, reason: string): Missing {
  const message = `${name} is not available: ${reason}`;
  const mode = process.env.KV_TEST_SERVERS;
  if (mode === "required") throw new Error(`KV_TEST_SERVERS=required, but ${message}`);
  if (mode) throw new Error(`KV_TEST_SERVERS may be "required" or unset, not ${JSON.stringify(mode)}`);
  print(`Skipped: ${message}`);
  const refuse = (): never => {
    throw new Error(message);
  };
  return new Proxy({} as Missing, { get: refuse, set: refuse });
}

function print(text: string): void {
  process.stderr.write(`${text}\n`);
}
