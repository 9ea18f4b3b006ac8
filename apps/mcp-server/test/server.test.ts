/** What the server does, the same on each backend: real processes, real clients over HTTP. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { call, connect, documents, folder, start, textOf, toolCalls } from "./support/server.ts";

const { server: redis, skipped } = await serverFor(vitest, "redis");

const memory = { name: "memory", url: async () => "memory:", skip: false };
const lasting = [
  { name: "disk", url: async () => `disk:${await folder()}`, skip: false },
  { name: "redis", url: async () => redis.url, skip: skipped !== undefined },
];

describe.each([memory, ...lasting])("on $name", ({ url, skip }) => {
  it.skipIf(skip).each(["auto", "legacy"] as const)("serves tools to a client of mode %s", async (mode) => {
    const server = start(["--docs", await documents(), "--store", await url()]);
    const client = await connect(server, mode);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["search_docs", "save_note", "list_notes", "delete_note"]);

    const first = await call(client, "search_docs", { query: "tides" });
    expect(first.structuredContent).toMatchObject({
      results: [
        { uri: "docs:///sea.md", title: "Tides" },
        { uri: "docs:///moon.md", excerpt: "So it makes the tides, twice a day." },
      ],
    });
    expect(await call(client, "search_docs", { query: "tides" })).toEqual(first);
    expect(await toolCalls(server)).toMatchObject({ hits: 1, misses: 1 });

    const saved = await call(client, "save_note", { title: "Spring tide", text: "At full moon." });
    const { id } = saved.structuredContent as { id: string };
    const listed = await call(client, "list_notes");
    expect(listed.structuredContent).toMatchObject({ notes: expect.arrayContaining([saved.structuredContent]) });
    expect(textOf(await call(client, "delete_note", { id }))).toBe("Deleted.");
    expect(textOf(await call(client, "list_notes"))).not.toContain(id);
    expect(await call(client, "delete_note", { id })).toMatchObject({
      isError: true,
      content: [{ text: "There is no note with this id: list_notes shows those that there are." }],
    });
  });
});

describe.each(lasting)("on $name", ({ url, skip }) => {
  it.skipIf(skip)("has its notes and a warm cache after SIGKILL", async () => {
    const args = ["--docs", await documents(), "--store", await url()];
    const first = start(args);
    const client = await connect(first);
    const found = await call(client, "search_docs", { query: "the moon" });
    const saved = await call(client, "save_note", { title: "Kept", text: "Through a crash." });
    expect(await first.end("SIGKILL")).toMatchObject({ signal: "SIGKILL" });

    const second = start(args);
    const again = await connect(second);
    expect(await call(again, "search_docs", { query: "the moon" })).toEqual(found);
    expect(await toolCalls(second)).toMatchObject({ hits: 1, misses: 0 });
    expect((await call(again, "list_notes")).structuredContent).toMatchObject({
      notes: expect.arrayContaining([saved.structuredContent]),
    });
  });

  it.skipIf(skip)("shares notes and cache with a second process", async () => {
    const args = ["--docs", await documents(), "--store", await url()];
    const [one, other] = [start(args), start(args)];
    const [here, there] = [await connect(one), await connect(other)];
    const found = await call(here, "search_docs", { query: "water" });
    expect(await call(there, "search_docs", { query: "water" })).toEqual(found);
    expect(await toolCalls(other)).toMatchObject({ hits: 1, misses: 0 });
    const saved = await call(there, "save_note", { title: "Shared", text: "By two." });
    expect((await call(here, "list_notes")).structuredContent).toMatchObject({
      notes: expect.arrayContaining([saved.structuredContent]),
    });
  });
});

it("serves documents as resources, and a prompt made of them", async () => {
  const server = start(["--docs", await documents(), "--store", "memory:"]);
  const client = await connect(server);
  const { resources } = await client.listResources();
  expect(resources).toMatchObject([
    { uri: "docs:///moon.md", title: "The moon", mimeType: "text/markdown" },
    { uri: "docs:///sea.md" },
    { uri: "docs:///sun.md" },
  ]);
  const { contents } = await client.readResource({ uri: "docs:///sun.md" });
  expect(contents).toEqual([{ uri: "docs:///sun.md", mimeType: "text/markdown", text: "# The sun\n\nShines.\n" }]);
  for (const uri of ["docs:///none.md", "docs:///../secret.md", "docs:///%2e%2e/secret.md"]) {
    await expect(client.readResource({ uri })).rejects.toThrow(/not found/i);
  }
  const { messages } = await client.getPrompt({ name: "explain_topic", arguments: { topic: "tides" } });
  expect(JSON.stringify(messages)).toContain("So it makes the tides");
});

it("finds a document that came after the answer was kept", async () => {
  const docs = await documents();
  const client = await connect(start(["--docs", docs, "--store", "memory:"]));
  expect((await client.listResources()).resources).toHaveLength(3);
  await call(client, "search_docs", { query: "ebb" });
  await writeFile(join(docs, "ebb.md"), "# Ebb\n\nThe tide goes out.\n");
  let text = "";
  while (!text.includes("docs:///ebb.md")) text = textOf(await call(client, "search_docs", { query: "ebb" }));
  expect((await client.listResources({}, { cacheMode: "bypass" })).resources).toHaveLength(4);
});

it("answers wrong input with errors that help", async () => {
  const client = await connect(start(["--docs", await documents(), "--store", "memory:"]));
  const errorOf = async (name: string, args: Record<string, unknown>) => {
    const result = await call(client, name, args);
    expect(result.isError).toBe(true);
    return textOf(result);
  };
  expect(await errorOf("search_docs", { query: "…" })).toContain("give at least one word to look for");
  expect(await errorOf("search_docs", {})).toContain("query");
  expect(await errorOf("search_docs", { query: "x", limit: 0 })).toContain("limit");
  expect(await errorOf("save_note", { title: " ", text: "" })).toContain("title");
  await expect(client.callTool({ name: "no_tool" })).rejects.toThrow(/no_tool/);
  await expect(client.getPrompt({ name: "explain_topic", arguments: { topic: "" } })).rejects.toThrow(/word/);
});

it("refuses names that it is not called by, and says where it is", async () => {
  const server = start(["--docs", await documents(), "--store", "memory:", "--allow-host", "kb.example"]);
  const { port, href } = await server.url();
  const { request } = await import("node:http");
  const statusFor = (path: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const asked = request({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on("error", reject).end();
    });
  expect(await statusFor("/health", { host: "evil.example" })).toBe(403);
  expect(await statusFor("/health", { host: "kb.example" })).toBe(200);
  expect(await statusFor("/mcp", { host: `127.0.0.1:${port}`, origin: "http://evil.example" })).toBe(403);
  expect(await statusFor("/nowhere", {})).toBe(404);
  expect(server.lines[0]).toContain(`claude mcp add --transport http knowledge-base ${href}`);
});
