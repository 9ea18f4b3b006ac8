/** The README shows what runs. */
import { readFile } from "node:fs/promises";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { expect, it } from "vitest";
import { cache, handler, store } from "../examples/library.ts";
import { callText } from "./support/server.ts";

const read = (path: string) => readFile(new URL(path, import.meta.url), "utf8");

it("has the example that is tested here", async () => {
  expect(await read("../README.md")).toContain(await read("../examples/library.ts"));
});

it("has an example that works", async () => {
  const client = new Client({ name: "tester", version: "1.0.0" });
  const url = new URL("http://library.example/mcp");
  await client.connect(
    new StreamableHTTPClientTransport(url, { fetch: (to, init) => handler.fetch(new Request(to, init)) }),
  );
  expect(await callText(client, "find_books", { author: "Lem" })).toBe("Solaris");
  expect(await callText(client, "find_books", { author: "Lem" })).toBe("Solaris");
  expect(await callText(client, "order_book", { title: "Solaris" })).toBe("Ordered, 1 in all.");
  expect(await callText(client, "order_book", { title: "Solaris" })).toBe("Ordered, 2 in all.");
  expect(cache.statistics()["tools/call"]).toMatchObject({ hits: 1, misses: 1, stored: 1 });
  await client.close();
  await store.close();
});
