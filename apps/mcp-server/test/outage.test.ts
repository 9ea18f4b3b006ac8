/** A Redis that is down at start, and one that dies while it is used: one line each, and no harm. */
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { call, connect, documents, health, start, textOf, toolCalls } from "./support/server.ts";

const { server: redis, skipped } = await serverFor(vitest, "redis", { own: true, appendonly: true });

describe.skipIf(skipped)("redis", () => {
  it("may be down at start and come later", async () => {
    await redis.kill();
    const server = start(["--docs", await documents(), "--store", redis.url]);
    const client = await connect(server);
    await server.line(/^The store redis:\S+ is down \(/);
    expect(textOf(await call(client, "search_docs", { query: "tides" }))).toContain("docs:///sea.md");
    const refused = await call(client, "save_note", { title: "Early", text: "" });
    expect(refused.isError).toBe(true);
    expect(textOf(refused)).toMatch(/^Could not save the note \((UNAVAILABLE|TIMEOUT): .*[Tt]ry(ing)? again/s);

    await redis.restart();
    await server.line(/^The store is back\.$/);
    expect(textOf(await call(client, "save_note", { title: "Later", text: "" }))).toContain("Saved");
    const notes = textOf(await call(client, "list_notes"));
    expect(notes).toContain("Later");
    expect(notes).not.toContain("Early");
    expectNoStack(server.lines);
  });

  it("may die in the middle, and nothing that was acknowledged is lost", async () => {
    await redis.restart();
    const server = start(["--docs", await documents(), "--store", redis.url]);
    const client = await connect(server);
    expect(textOf(await call(client, "save_note", { title: "Acknowledged", text: "" }))).toContain("Saved");
    const search = () => call(client, "search_docs", { query: "moon" });
    const found = await search();
    const hit = async () => {
      const { hits } = await toolCalls(server);
      while ((await toolCalls(server)).hits === hits) expect(await search()).toEqual(found);
    };
    await hit();
    const { hits, misses } = await toolCalls(server);

    await redis.kill();
    expect(await search()).toEqual(found);
    expect(await search()).toEqual(found);
    expect(await toolCalls(server)).toMatchObject({ hits, misses: misses + 2 });
    expect((await call(client, "list_notes")).isError).toBe(true);
    expect((await health(server)).store).toBe("down");
    await server.line(/^The store redis:\S+ is down \(/);

    await redis.restart();
    await server.line(/^The store is back\.$/);
    expect(textOf(await call(client, "list_notes"))).toContain("Acknowledged");
    await hit();
    expect(server.lines.filter((line) => line.startsWith("The store")).length).toBe(2);
    expectNoStack(server.lines);
  });
});

function expectNoStack(lines: readonly string[]): void {
  expect(lines.filter((line) => /^\s+at /.test(line))).toEqual([]);
}
