/** The example on the backends that the other tests have not: notes, the cache, the page, a restart. */
import { type ServerName, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { call, connect, documents, folder, start, textOf, toolCalls } from "./support/server.ts";

const SERVERS: readonly ServerName[] = ["valkey", "mongodb", "dynalite", "moto", "elasticsearch"];

describe.each(SERVERS)("on %s", async (name) => {
  const { server, skipped } = await serverFor(vitest, name);
  it.skipIf(skipped)("keeps notes and answers", () => keepsAll(server.url));
});

it("keeps notes and answers on rocksdb", async () => keepsAll(`rocksdb:${await folder()}`));

it("is refused on memcached, which cannot list notes, in one line", async () => {
  const server = start(["--docs", await documents(), "--store", "memcached://127.0.0.1:1"]);
  expect(await server.exit).toEqual({ code: 1, signal: null });
  expect(server.lines).toEqual([expect.stringMatching(/^Cannot start: .*"enumerate"/)]);
});

async function keepsAll(url: string): Promise<void> {
  const args = ["--docs", await documents(), "--store", url];
  const first = start(args);
  const client = await connect(first);
  await call(client, "save_note", { title: "Kept", text: "" });
  const found = await call(client, "search_docs", { query: "tides" });
  expect(textOf(await call(client, "list_notes"))).toContain("Kept");
  const page = await (await fetch(new URL("/", await first.url()))).text();
  expect(page).toContain("the store is up");
  expect(page).toMatch(/<th scope="row">notes<\/th><td>[1-9]/);
  await first.end("SIGTERM");

  const second = start(args);
  const again = await connect(second);
  expect(textOf(await call(again, "list_notes"))).toContain("Kept");
  expect(await call(again, "search_docs", { query: "tides" })).toEqual(found);
  expect(await toolCalls(second)).toMatchObject({ hits: 2, misses: 0 });
}
