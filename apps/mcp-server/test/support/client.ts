/** The command-line client, in a process of its own for each call. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Browser } from "@kv/test-servers/oidc";
import { onTestFinished } from "vitest";
import { fromSources, KEYS } from "./server.ts";

const command = [...fromSources.slice(0, -1), fileURLToPath(new URL("../../src/client/main.ts", import.meta.url))];

export interface Run {
  readonly code: number | null;
  readonly output: string;
  readonly lines: readonly string[];
  /** How often somebody was sent to log in. */
  readonly logins: number;
}

/**
 * Runs the client to its end. Where it asks for a login, `browser` does it, or is itself the one that is sent to the URL;
 * without one, the client is killed then.
 * @param strays callbacks that are made before the one of the login
 */
export function runClient(
  args: readonly string[],
  {
    browser,
    env = KEYS,
    strays = [],
  }: {
    browser?: Browser | ((url: string) => Promise<void>);
    env?: NodeJS.ProcessEnv;
    strays?: readonly string[];
  } = {},
): Promise<Run> {
  const child = spawn(process.execPath, [...command, "--callback-port", "0", ...args], {
    env: { ...process.env, KV_CLIENT_STORE: "", KV_ENCRYPTION_KEYS: "", NODE_ENV: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const lines: string[] = [];
  let output = "";
  let logins = 0;
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      lines.push(line);
      const [, url] = /^Log in: (.*)$/.exec(line) ?? [];
      if (url === undefined) return;
      logins++;
      if (browser === undefined) return void child.kill("SIGKILL");
      const login = typeof browser === "function" ? browser(url) : logIn(browser, url, strays);
      login.catch((error) => {
        lines.push(String(error));
        child.kill();
      });
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output, lines, logins }));
  });
}

async function logIn(browser: Browser, url: string, strays: readonly string[]): Promise<void> {
  const callback = await browser.logIn(url);
  for (const query of strays) {
    const { status } = await fetch(new URL(`?${query}`, callback));
    if (status !== 400) throw new Error(`a stray callback was answered with ${status}`);
  }
  await fetch(callback);
}
