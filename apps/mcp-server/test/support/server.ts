/** Servers from sources, for tests: started with what the test says, and ended after it. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CallToolResult, Client } from "@modelcontextprotocol/client";
import { onTestFinished } from "vitest";
import { ServerProcess } from "../../demo/server-process.ts";

/** What node runs: the server from its sources. */
export const fromSources = [
  "--conditions=@kv/source",
  "--import",
  import.meta.resolve("tsx"),
  fileURLToPath(new URL("../../src/main.ts", import.meta.url)),
];

/** A key ring for the environment, so that no server makes a key file of its own. */
export const KEYS = { KV_ENCRYPTION_KEYS: `test:${randomBytes(32).toString("base64")}` };

/** A server on a free port, ended with the test. */
export function start(
  args: readonly string[],
  { cwd, command = fromSources, env = KEYS }: { cwd?: string; command?: string[]; env?: NodeJS.ProcessEnv } = {},
) {
  const server = new ServerProcess([...command, "--port", "0", ...args], {
    env: { KV_STORE: "", KV_AUTH: "", KV_ENCRYPTION_KEYS: "", NODE_ENV: "", ...env },
    ...(cwd !== undefined && { cwd }),
  });
  onTestFinished(async () => {
    await server.end("SIGKILL");
  });
  return server;
}

/** A client, closed with the test. */
export async function connect(server: ServerProcess, mode?: "auto" | "legacy"): Promise<Client> {
  const client = await server.connect(mode);
  onTestFinished(() => client.close());
  return client;
}

/** An empty folder, removed with the test; with files where they are given. */
export async function folder(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "kv-mcp-server-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

/** Three documents, two of them about tides. */
export function documents(): Promise<string> {
  return folder({
    "moon.md": "# The moon\n\nThe moon pulls the water.\n\nSo it makes the tides, twice a day.\n",
    "sea.md": "# Tides\n\nHow high they are depends on the coast.\n",
    "sun.md": "# The sun\n\nShines.\n",
  });
}

/** The text of a tool's answer. */
export function textOf({ content }: CallToolResult): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}

export async function call(client: Client, name: string, args: Record<string, unknown> = {}): Promise<CallToolResult> {
  return client.callTool({ name, arguments: args });
}

interface Health {
  readonly store: "up" | "down";
  readonly cache: { readonly "tools/call": { readonly hits: number; readonly misses: number } };
}

export async function health(server: ServerProcess): Promise<Health> {
  const [, behind] = (await server.line(/^Serving on .*?(?:listening on (\S+),|$)/)) ?? [];
  const response = await fetch(new URL("/health", behind ? `http://${behind}` : await server.url()));
  return response.json() as Promise<Health>;
}

/** How the calls of tools were answered. */
export async function toolCalls(server: ServerProcess) {
  return (await health(server)).cache["tools/call"];
}
