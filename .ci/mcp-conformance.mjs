// The conformance suite of the Model Context Protocol against the built example: its server, and its client. The suite itself needs
// Node.js 22, the example runs on the version that started this.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { nodeOf, npmPackage } from "./fetched.mjs";

const example = join(import.meta.dirname, "..", "apps", "mcp-server");

/** What the example has; the other scenarios ask for tools, resources and prompts that are made for the suite. */
const SERVER = [
  "server-initialize",
  "ping",
  "tools-list",
  "resources-list",
  "prompts-list",
  "dns-rebinding-protection",
];

/**
 * Not among them: `auth/2025-03-26-oauth-metadata-backcompat`, since the SDK refuses metadata of another issuer than the one
 * that it asked; what needs a client that was registered beforehand, or has a document or a key of its own; elicitation.
 */
const CLIENT = [
  "initialize",
  "tools_call",
  "auth/metadata-default",
  "auth/metadata-var1",
  "auth/metadata-var2",
  "auth/metadata-var3",
  "auth/scope-from-www-authenticate",
  "auth/scope-from-scopes-supported",
  "auth/scope-omitted-when-undefined",
  "auth/scope-step-up",
  "auth/scope-retry-limit",
  "auth/token-endpoint-auth-basic",
  "auth/token-endpoint-auth-post",
  "auth/token-endpoint-auth-none",
  "auth/2025-03-26-oauth-endpoint-fallback",
  "auth/resource-mismatch",
  "auth/offline-access-scope",
  "auth/offline-access-not-supported",
];

const suite = [
  await nodeOf("22"),
  join(await npmPackage("@modelcontextprotocol/conformance", "0.1.16"), "dist", "index.js"),
];
let failed = 0;

function run(kind, scenario, options) {
  const [command, script] = suite;
  const args = [script, kind, "--scenario", scenario, ...options];
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 120_000 });
  const output = `${stdout}\n${stderr}`;
  // The suite's exit code says whether a check failed, not that there were any.
  const [line = "no checks", passed, total] = /Passed: (\d+)\/(\d+)/.exec(output) ?? [];
  const ok = status === 0 && Number(passed) > 0 && passed === total;
  console.log(`${kind} ${scenario}: ${ok ? "" : "FAILED, "}${line}`);
  if (ok) return;
  failed++;
  console.log(output);
}

const server = spawn(process.execPath, [join(example, "dist", "main.js"), "--port", "0", "--store", "memory:"], {
  stdio: ["ignore", "inherit", "pipe"],
});
try {
  const [first] = await once(createInterface({ input: server.stderr }), "line");
  const [, url] = /^Serving on (\S+): /.exec(first) ?? [];
  if (url === undefined) throw new Error(first);
  for (const scenario of SERVER) run("server", scenario, ["--url", url]);
} finally {
  server.kill();
}

const client = [process.execPath, "--import", "tsx", join(example, "test", "children", "conformance-client.ts")].join(
  " ",
);
for (const scenario of CLIENT) run("client", scenario, ["--command", client]);
if (failed > 0) process.exitCode = 1;
