/** The server on stdin and stdout, started by its client. */
import { serverFor } from "@kv/test-servers";
import { Client } from "@modelcontextprotocol/client";
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import * as vitest from "vitest";
import { expect, it, onTestFinished } from "vitest";
import { call, documents, fromSources, KEYS, textOf } from "./support/server.ts";

const { server: redis, skipped } = await serverFor(vitest, "redis", { own: true });

async function connect(store: string) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...fromSources, "--stdio", "--store", store, "--docs", await documents()],
    env: { ...getDefaultEnvironment(), ...KEYS },
    stderr: "pipe",
  });
  let printed = "";
  transport.stderr?.on("data", (chunk) => {
    printed += chunk;
  });
  const client = new Client({ name: "tester", version: "1.0.0" });
  await client.connect(transport);
  onTestFinished(() => client.close());
  const line = async (words: string) => {
    while (!printed.includes(words)) await new Promise((resolve) => transport.stderr?.once("data", resolve));
    return printed;
  };
  return { client, transport, line };
}

it("serves its client, and ends with it", async () => {
  const { client, transport, line } = await connect("memory:");
  expect(textOf(await call(client, "search_docs", { query: "tides" }))).toContain("docs:///sea.md");
  await call(client, "save_note", { title: "One", text: "" });
  expect(textOf(await call(client, "list_notes"))).toContain("One");
  expect(await line("Serving on stdio")).toContain("3 documents");
  const { pid } = transport;
  await client.close();
  expect(await line("Stopping")).toContain("the client has gone");
  while (isRunning(pid)) await new Promise(setImmediate);
});

it.skipIf(skipped)("finishes the calls in flight at SIGTERM", async () => {
  const { client, transport, line } = await connect(redis.url);
  await call(client, "list_notes");
  redis.pause();
  const saving = call(client, "save_note", { title: "Slow", text: "" });
  // A later call that needs no store is answered: so the one before it has arrived.
  await client.listTools().catch(() => {});
  process.kill(transport.pid ?? 0, "SIGTERM");
  await line("Stopping (SIGTERM), calls in flight: 1");
  redis.resume();
  expect(textOf(await saving)).toContain("Saved");
});

function isRunning(pid: number | null): boolean {
  try {
    return pid !== null && process.kill(pid, 0);
  } catch {
    return false;
  }
}
