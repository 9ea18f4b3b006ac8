/** Where the keys come from that values are encrypted with, and what becomes of values when they change. */
import { randomBytes } from "node:crypto";
import { chmod, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { openStore } from "@kv/core";
import { expect, it } from "vitest";
import { parseKeys } from "../src/keys.ts";
import { UsageError } from "../src/options.ts";
import { call, connect, documents, folder, start, textOf, toolCalls } from "./support/server.ts";

const newKey = (id: string) => `${id}:${randomBytes(32).toString("base64")}`;
const ring = (...keys: string[]) => ({ KV_ENCRYPTION_KEYS: keys.join(",") });

it("are made once in development, in a file for its owner alone, and told in one line", async () => {
  const place = await folder();
  const args = ["--docs", await documents(), "--store", `disk:${join(place, "store")}`];
  const file = join(place, "store.key");
  // Both at once: the key of one of them stays, and both use it.
  const [one, other] = [start(args, { env: {} }), start(args, { env: {} })];
  const [here, there] = [await connect(one), await connect(other)];
  for (const server of [one, other]) {
    expect(server.lines.filter((line) => line.includes(file))).toEqual([
      expect.stringMatching(/^Values are encrypted .*for development only.*KV_ENCRYPTION_KEYS/),
    ]);
  }
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await readdir(place)).sort()).toEqual(["store", "store.key"]);
  await call(here, "save_note", { title: "Written by one", text: "" });
  await call(there, "save_note", { title: "Written by the other", text: "" });
  const before = await readFile(file, "utf8");
  await one.end();
  await other.end();

  const again = await connect(start(args, { env: {} }));
  const notes = textOf(await call(again, "list_notes"));
  expect(notes).toContain("Written by one");
  expect(notes).toContain("Written by the other");
  expect(await readFile(file, "utf8")).toBe(before);
});

it("are asked of the environment in production, in one line", async () => {
  const place = await folder();
  const args = ["--docs", await documents(), "--store", `disk:${join(place, "store")}`];
  const server = start(args, { env: { NODE_ENV: "production" } });
  expect(await server.exit).toEqual({ code: 1, signal: null });
  expect(server.lines).toEqual([
    expect.stringMatching(/^Cannot start: in production .*set KV_ENCRYPTION_KEYS to ID:KEY/),
  ]);
  expect(await readdir(place)).not.toContain("store.key");

  const given = start(args, { env: { NODE_ENV: "production", ...ring(newKey("a")) } });
  await given.url();
  expect(given.lines).toHaveLength(1);
});

it("are not used where others may read their file", async () => {
  const place = await folder({ "store.key": newKey("dev") });
  await chmod(join(place, "store.key"), 0o640);
  const server = start(["--docs", await documents(), "--store", `disk:${join(place, "store")}`], { env: {} });
  expect(await server.exit).toEqual({ code: 1, signal: null });
  expect(server.lines.at(-1)).toMatch(/^Cannot start: others may read the encryption key in .*: chmod 600 /);
});

it("are not needed in memory", async () => {
  const server = start(["--docs", await documents(), "--store", "memory:"], { env: { NODE_ENV: "production" } });
  await server.url();
  expect(server.lines).toHaveLength(1);
});

it("are rotated without a loss; without the old one, notes are an error and the rest goes on", async () => {
  const store = `disk:${await folder()}`;
  const args = ["--docs", await documents(), "--store", store];
  const [old, current] = [newKey("2025"), newKey("2026")];
  const first = start(args, { env: ring(old) });
  const client = await connect(first);
  await call(client, "save_note", { title: "Old", text: "" });
  await call(client, "search_docs", { query: "tides" });
  await first.end();

  const second = start(args, { env: ring(current, old) });
  const overlapping = await connect(second);
  await call(overlapping, "save_note", { title: "New", text: "" });
  const both = textOf(await call(overlapping, "list_notes"));
  expect(both).toContain("Old");
  expect(both).toContain("New");
  await call(overlapping, "search_docs", { query: "tides" });
  expect(await toolCalls(second)).toMatchObject({ hits: 1 });
  await second.end();

  const third = start(args, { env: ring(current) });
  const without = await connect(third);
  expect(textOf(await call(without, "save_note", { title: "Newer", text: "" }))).toContain("Saved");
  const listed = await call(without, "list_notes");
  expect(listed.isError).toBe(true);
  expect(textOf(listed)).toContain("DECRYPTION_FAILED");
  expect(textOf(await call(without, "search_docs", { query: "tides" }))).toContain("docs:///sea.md");
  expect(await toolCalls(third)).toMatchObject({ hits: 0, misses: 2 });
});

it("leave nothing in the store that can be read, and let nothing in that was planted", async () => {
  const url = `disk:${await folder()}`;
  const server = start(["--docs", await documents(), "--store", url]);
  const client = await connect(server);
  await call(client, "save_note", { title: "A secret title", text: "A secret text" });
  await call(client, "search_docs", { query: "tides" });
  await server.end();

  const store = await openStore(url, { needs: ["write", "enumerate"] });
  let records = 0;
  for await (const name of store.collections()) {
    for await (const { key, value } of store.collection(name).entries()) {
      records++;
      expect(`${key} ${JSON.stringify(value)}`).not.toMatch(/secret|tides|moon/i);
      await store.collection(name).put(key, { planted: true });
    }
  }
  expect(records).toBeGreaterThan(1);
  await store.close();

  const again = await connect(start(["--docs", await documents(), "--store", url]));
  const listed = await call(again, "list_notes");
  expect(listed.isError).toBe(true);
  expect(textOf(listed)).toContain("DECRYPTION_FAILED");
});

it.each([
  ["", /there is no key/],
  ["no-colon", /not ID:KEY/],
  ["id:c2hvcnQ=", /not ID:KEY/],
  [`${newKey("a")},${newKey("a")}`, /same id/],
])("are refused where they are none: case %#", (text, message) => {
  expect(() => parseKeys(text, "here")).toThrow(UsageError);
  expect(() => parseKeys(text, "here")).toThrow(message);
});

it("may be several in a file, one a line, and are never shown", () => {
  const keys = [newKey("new"), newKey("old")];
  expect(parseKeys(keys.join("\n"), "here").map(({ id }) => id)).toEqual(["new", "old"]);
  try {
    parseKeys(`${keys[0]}+`, "here");
    expect.unreachable();
  } catch (error) {
    expect(String(error)).not.toContain(keys[0]?.slice(4, 12));
  }
});
