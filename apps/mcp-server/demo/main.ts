/** What kv does for an MCP server, shown with real processes and a real client. Runs what `pnpm build` has built. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "@kv/test-servers";
import type { Client } from "@modelcontextprotocol/client";
import { ServerProcess } from "./server-process.ts";

const SERVER = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const QUERY = "what happens to an entry when its time to live is over";
/** What all of these servers share, besides a store. Without it each would make a key file. */
const KEYS = `demo:${randomBytes(32).toString("base64")}`;
const running: ServerProcess[] = [];

function title(text: string): void {
  console.log(`\n${text}\n${"─".repeat(text.length)}`);
}

function step(what: string, result: string): void {
  console.log(`  ${what.padEnd(34)} ${result}`);
}

async function serve(store: string): Promise<{ server: ServerProcess; client: Client }> {
  const server = new ServerProcess([SERVER, "--port", "0", "--store", store], { env: { KV_ENCRYPTION_KEYS: KEYS } });
  running.push(server);
  console.log(`  ${(await server.line(/^(.*) Connect: /))[1]}`);
  const client = await server.connect();
  // Other words, twice, so that the times below are those of the work, not of a process that has just begun.
  for (let time = 0; time < 2; time++) {
    await client.callTool({ name: "search_docs", arguments: { query: "warming up", limit: 1 } });
  }
  return { server, client };
}

async function search(server: ServerProcess, client: Client): Promise<void> {
  const before = await hits(server);
  const begin = performance.now();
  await client.callTool({ name: "search_docs", arguments: { query: QUERY } });
  const time = `${(performance.now() - begin).toFixed(1)} ms`.padStart(8);
  const origin = (await hits(server)) > before ? "from the cache" : "read and ranked the whole folder";
  step("search_docs", `${time}  ${origin}`);
}

/** How many calls of tools the server has answered from its cache. */
async function hits(server: ServerProcess): Promise<number> {
  const response = await fetch(new URL("/health", await server.url()));
  const { cache } = (await response.json()) as { cache: { "tools/call": { hits: number } } };
  return cache["tools/call"].hits;
}

async function saveNote(client: Client, name: string): Promise<void> {
  await client.callTool({ name: "save_note", arguments: { title: name, text: "Kept by kv." } });
  step("save_note", JSON.stringify(name));
}

async function listNotes(client: Client): Promise<void> {
  const { structuredContent } = await client.callTool({ name: "list_notes" });
  const { notes } = structuredContent as { notes: { title: string }[] };
  step("list_notes", notes.map((note) => JSON.stringify(note.title)).join(", ") || "none");
}

async function onDisk(folder: string): Promise<void> {
  const store = `disk:${join(folder, "store")}`;
  title("1. A server that keeps its things on disk");
  const first = await serve(store);
  const { tools } = await first.client.listTools();
  step("tools/list", tools.map(({ name }) => name).join(", "));
  await search(first.server, first.client);
  await search(first.server, first.client);
  await saveNote(first.client, "Written before the crash");

  title("2. It is killed (SIGKILL), and started again");
  await first.server.end("SIGKILL");
  const second = await serve(store);
  await listNotes(second.client);
  await search(second.server, second.client);
  await second.client.close();
  await second.server.end();
}

async function onRedis(): Promise<void> {
  title("3. Two servers share one Redis");
  const { server: redis, skipped } = await startServer("redis");
  if (redis === undefined) {
    console.log(`  Left out: no Redis can be had here (${skipped}).`);
    return;
  }
  try {
    const one = await serve(redis.url);
    const other = await serve(redis.url);
    console.log("  The first:");
    await search(one.server, one.client);
    await saveNote(one.client, "Written through the first");
    console.log("  The second, which has never seen any of it:");
    await search(other.server, other.client);
    await listNotes(other.client);
    for (const { server, client } of [one, other]) {
      await client.close();
      await server.end();
    }
  } finally {
    await redis.stop();
  }
}

const folder = await mkdtemp(join(tmpdir(), "kv-demo-"));
try {
  console.log("An MCP server over this project's Markdown, which keeps notes and answers in a kv store.");
  await onDisk(folder);
  await onRedis();
  console.log(`
The server's code is the same each time: only the store's URL differs (disk:…, redis://…, memory:).
Read on: apps/mcp-server/README.md, and start it with: npx --yes pnpm@12 start`);
} finally {
  await Promise.all(running.map((server) => server.end("SIGKILL")));
  await rm(folder, { recursive: true, force: true });
}
