// What the protocol's conformance suite runs as a client: the example's, with a browser that goes wherever it is sent.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const url = process.argv.at(-1) ?? "";
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? "";
const folder = mkdtempSync(join(tmpdir(), "kv-conformance-"));
const main = fileURLToPath(new URL("../../dist/client/main.js", import.meta.url));
const env = { ...process.env, KV_ENCRYPTION_KEYS: `one:${randomBytes(32).toString("base64")}` };

function run(...args: readonly string[]): Promise<number> {
  const options = ["--store", `disk:${folder}`, "--callback-port", "0"];
  const child = spawn(process.execPath, [main, url, ...args, ...options], {
    env,
    stdio: ["ignore", "inherit", "pipe"],
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    console.error(line);
    const [, login] = /^Log in: (.*)$/.exec(line) ?? [];
    if (login !== undefined) fetch(login).catch((error: unknown) => console.error(error));
  });
  return new Promise((resolve) => child.once("close", (code) => resolve(code ?? 1)));
}

try {
  // A process for each: the second one finds the login of the first. But the scenario counts the attempts of one.
  if (scenario !== "auth/scope-retry-limit") process.exitCode = await run("list");
  if (scenario === "tools_call") process.exitCode = await run("call", "add_numbers", '{"a":2,"b":3}');
  if (scenario.startsWith("auth/")) process.exitCode = await run("call", "test-tool");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
