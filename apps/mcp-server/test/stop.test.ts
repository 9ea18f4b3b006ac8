/** How the server ends: calls in flight are answered, new ones are not taken, the store is closed. */
import { once } from "node:events";
import { request } from "node:http";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { expect, it } from "vitest";
import { call, connect, documents, health, start, textOf } from "./support/server.ts";

const { server: redis, skipped } = await serverFor(vitest, "redis", { own: true });

it.each(["SIGTERM", "SIGINT"] as const)("answers a call that is in flight at %s, and exits with 0", async (signal) => {
  const server = start(["--docs", await documents(), "--store", "memory:"]);
  const url = await server.url();
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "search_docs", arguments: { query: "tides" } },
  });
  const slow = request(url, {
    method: "POST",
    agent: false,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "content-length": Buffer.byteLength(body),
      expect: "100-continue",
    },
  });
  const answered = once(slow, "response");
  slow.flushHeaders();
  // The server has taken the call, and waits for the rest of it.
  await once(slow, "continue");
  slow.write(body.slice(0, 20));
  server.child.kill(signal);
  await server.line(/^Stopping \(\w+\), calls in flight: 1$/);
  await expect(fetch(url)).rejects.toThrow();
  slow.end(body.slice(20));
  const [response] = await answered;
  let text = "";
  for await (const chunk of response) text += chunk;
  expect(response.statusCode).toBe(200);
  expect(text).toContain("docs:///sea.md");
  expect(await server.exit).toEqual({ code: 0, signal: null });
});

it.skipIf(skipped)("answers a call that waits for the store, and keeps what it acknowledged", async () => {
  const args = ["--docs", await documents(), "--store", redis.url];
  const server = start(args);
  const client = await connect(server);
  await call(client, "list_notes");
  redis.pause();
  const saving = call(client, "save_note", { title: "Slow", text: "But sure." });
  // Asked after it, and not answered before a second has passed: the call before it has arrived.
  expect(await health(server)).toMatchObject({ store: "down" });
  server.child.kill("SIGTERM");
  await server.line(/^Stopping \(SIGTERM\), calls in flight: 1$/);
  redis.resume();
  expect(textOf(await saving)).toContain("Saved");
  expect(await server.exit).toEqual({ code: 0, signal: null });

  const again = await connect(start(args));
  expect(textOf(await call(again, "list_notes"))).toContain("Slow");
});

it("exits with 0 while a client listens for changes and others keep connections open", async () => {
  const server = start(["--docs", await documents(), "--store", "memory:"]);
  const client = await connect(server);
  await client.listTools();
  await client.listen({ toolsListChanged: true });
  expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
  expect(server.lines.at(-1)).toBe("Stopping (SIGTERM), calls in flight: 0");
});
