// The stored format: what Python's ElasticsearchStore wrote is read, what we write is as documented, in indices of either.

import { readFile } from "node:fs/promises";
import { InexactNumberError } from "@kv/core";
import { clockPast, listed, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { elasticsearchStore } from "../src/index.ts";
import { Asker } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "elasticsearch");

interface Golden {
  readonly collection: string | null;
  readonly key: string;
  readonly index: string;
  readonly id: string;
  readonly source: string;
}

const golden: {
  readonly python: readonly Golden[];
  readonly "python-v1": readonly Golden[];
  readonly mapping: object;
} = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));

const asker = new Asker(() => server);

/** An index as Python makes it. */
async function makePythonIndex(index: string): Promise<void> {
  await asker.request("PUT", `/${encodeURIComponent(index)}`, { mappings: golden.mapping });
}

async function write(records: readonly Golden[]): Promise<void> {
  for (const { index, id, source } of records) {
    await makePythonIndex(index);
    await asker.ask("PUT", `/${encodeURIComponent(index)}/_doc/${encodeURIComponent(id)}`, source);
  }
}

const valueIn = ({ source }: Golden): unknown => JSON.parse(source).value.flattened;

describe.skipIf(skipped)("records that Python wrote", () => {
  const store = elasticsearchStore(skipped ? {} : { url: server.url, prefix: "golden" });
  const nearest = elasticsearchStore(skipped ? {} : { url: server.url, prefix: "golden", numbers: "nearest" });

  beforeEach(async () => {
    await asker.deleteIndices("golden");
    await write(golden.python);
  });
  afterAll(async () => {
    await store.close();
    await nearest.close();
  });

  it("are read", async () => {
    for (const record of golden.python.filter(({ key, collection }) => key !== "big" && collection !== "Users")) {
      const collection = store.collection(record.collection ?? undefined);
      const entry = await collection.getEntry(record.key);
      expect(entry?.value, record.key).toEqual(valueIn(record));
      const { created_at, expires_at } = JSON.parse(record.source);
      // Python counts microseconds; what is left of one is counted up.
      expect(entry?.createdAt?.getTime()).toBe(
        Math.ceil(Date.parse(created_at.slice(0, 23) + created_at.slice(26)) + 0.5),
      );
      expect(entry?.expiresAt !== undefined).toBe(expires_at !== undefined);
      expect(entry?.revision).toMatch(/^[0-9a-f]{40}$/);
      expect(await collection.getMany([record.key, "nowhere"])).toEqual([valueIn(record), undefined]);
    }
  });

  it("are listed, by their own collection", async () => {
    const keys = golden.python.filter(({ collection }) => collection === "users").map(({ key }) => key);
    expect((await listed(store.collection("users").keys())).sort()).toEqual(keys.sort());
    expect((await listed(store.collections())).sort()).toEqual(["default_collection", "odd.{x}'&%", "users"]);
    const entries = await listed(nearest.collection("users").entries());
    expect(entries.find(({ key }) => key === '"_source":{')?.value).toEqual({ '"_source":{': "}" });
    const entry = await store.collection("users").getEntry("floats");
    expect(entries.find(({ key }) => key === "floats")?.revision).toBe(entry?.revision);
  });

  it("are an error where JavaScript cannot hold a number, or by option the nearest one", async () => {
    const users = store.collection("users");
    expect(await rejection(users.get("big"))).toBeInstanceOf(InexactNumberError);
    expect(await rejection(users.getMany(["floats", "big"]))).toMatchObject({ failures: [{ key: "big" }] });
    expect(await rejection(listed(users.entries()))).toMatchObject({ code: "INEXACT_NUMBER", key: "big" });
    expect(await nearest.collection("users").get("big")).toEqual({ id: 2 ** 53 });
    expect(await users.delete("big")).toBe(true);
  });

  it("are swapped by a hash of their text, and by no other", async () => {
    const users = store.collection("users");
    const entry = await users.getEntry("nested");
    const other = await users.getEntry("floats");
    if (!entry || !other) throw new Error("both are there");
    expect(await users.compareAndSwap("nested", other.revision, "never")).toBeUndefined();
    expect(await users.compareAndSwap("nested", entry.revision, [1])).toBeDefined();
    expect(await users.get("nested")).toEqual([1]);
    expect(await users.take("floats")).toEqual({ one: 1, tenth: 0.1, huge: 1e308 });
    expect(await users.increment("count")).toBe(1);
  });

  it("in another collection of the same index are nobody's of ours: Python does not tell Users from users", async () => {
    const [users, upper] = [store.collection("users"), store.collection("Users")];
    expect(await rejection(users.get("in upper case"))).toMatchObject({ code: "CORRUPT_RECORD" });
    expect(await upper.get("in upper case")).toBeUndefined();
    await upper.put("in upper case", "ours");
    expect(await upper.get("in upper case")).toBe("ours");
    expect((await listed(store.collections())).sort()).toEqual(["Users", "default_collection", "odd.{x}'&%", "users"]);
    await users.clear();
    expect(await listed(users.keys())).toEqual([]);
    expect((await asker.documents("golden-users")).map(({ _id }) => _id)).toEqual(["in upper case"]);
    expect(await upper.get("in upper case")).toBe("ours");
  });

  it("are named by its V1 strategies where it is told so", async () => {
    await asker.deleteIndices("golden");
    await write(golden["python-v1"]);
    const v1 = elasticsearchStore({ url: server.url, prefix: "golden-v1", names: "python-v1" });
    for (const record of golden["python-v1"]) {
      expect(await v1.collection(record.collection ?? undefined).get(record.key)).toEqual(valueIn(record));
    }
    const names = golden["python-v1"].map(({ collection }) => collection ?? "default_collection");
    expect((await listed(v1.collections())).sort()).toEqual(names.sort());
    expect(await listed(v1.collection("my coll!").keys())).toEqual(["k".repeat(600)]);
    await v1.collection("日本").put("é", { v: 2 });
    expect(await asker.documents("golden-v1-s_-cf2abf0c")).toMatchObject([
      { _source: { value: { flattened: { v: 2 } } } },
    ]);
    await v1.clearAll();
    expect(await listed(v1.collections())).toEqual([]);
    await v1.close();
  });
});

describe.skipIf(skipped)("a record of ours", () => {
  const store = elasticsearchStore(skipped ? {} : { url: server.url, prefix: "format" });
  const users = store.collection("users");

  beforeEach(() => asker.deleteIndices("format"));
  afterAll(() => store.close());

  it("is a document as Python writes it, with fields of ours inside of value", async () => {
    const revision = await users.putIfAbsent("ada", { name: "Ada" }, { expiresAt: Date.UTC(2099, 0) });
    await users.put("list", [1, 2]);
    const [ada, list] = (await asker.documents("format-users")).sort((a, b) => (a._id < b._id ? -1 : 1));
    expect(ada).toMatchObject({ _id: "ada" });
    expect(ada?._source).toEqual({
      collection: "users",
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}000\+00:00$/),
      expires_at: "2099-01-01T00:00:00.000000+00:00",
      key: "ada",
      value: { flattened: { name: "Ada" }, revision },
      version: 1,
    });
    expect(list?._source.value).toEqual({ flattened: { items: [1, 2] }, revision: expect.any(String), wrapped: true });
    expect(list?._source).not.toHaveProperty("expires_at");
  });

  it("lies in an index that keeps values, and indexes only what tells of them", async () => {
    await users.put("ada", { name: "Ada" });
    const mapping = await asker.ask("GET", "/format-users/_mapping");
    expect(mapping).toEqual({
      "format-users": {
        mappings: {
          dynamic: "false",
          properties: {
            collection: { type: "keyword" },
            created_at: { type: "date" },
            expires_at: { type: "date" },
            key: { type: "keyword" },
            value: { type: "object", enabled: false },
            version: { type: "integer" },
          },
        },
      },
    });
  });

  it.each([
    ["users", "format-users"],
    ["日本-é_1.x", "format-日本-é_1.x"],
    ["Users", /^format-h_users-[0-9a-f]{64}$/],
    ["a b/c", /^format-h_a_b_c-[0-9a-f]{64}$/],
    ["x".repeat(250), /^format-h_x{40}-[0-9a-f]{64}$/],
    [`h_users-${"a".repeat(64)}`, /^format-h_h_users_a{32}-[0-9a-f]{64}$/],
  ])("of the collection %s lies where Python looks, unless Python would confuse it", async (collection, index) => {
    await store.collection(collection).put("a", 1);
    expect(await asker.indices("format")).toEqual([typeof index === "string" ? index : expect.stringMatching(index)]);
    expect(await listed(store.collections())).toEqual([collection]);
    expect(await listed(store.collection(collection).keys())).toEqual(["a"]);
    const [document] = await asker.documents((await asker.indices("format"))[0] ?? "");
    expect(document?._source.collection).toBe(collection);
  });

  it("has the key as its id, unless that is too long or looks like a hash", async () => {
    const keys = ["plain / ? # ..", "..", "é".repeat(256), "x".repeat(513), `h_${"a".repeat(64)}`, "y".repeat(40_000)];
    await users.putMany(keys.map((key, at) => ({ key, value: at })));
    expect(await users.getMany(keys)).toEqual([0, 1, 2, 3, 4, 5]);
    expect((await listed(users.keys())).sort()).toEqual([...keys].sort());
    expect(await listed(users.keys({ prefix: "y".repeat(30_000) }))).toEqual(["y".repeat(40_000)]);
    const documents = await asker.documents("format-users");
    const ids = documents.map(({ _id }) => _id).sort();
    expect(ids).toEqual([...keys.slice(0, 3), ...Array(3).fill(expect.stringMatching(/^h_[0-9a-f]{64}$/))].sort());
    const longest = documents.find(
      ({ _source }) => (_source.value as { flattened: { items: unknown } }).flattened.items === 5,
    );
    expect(longest?._source).toMatchObject({ key: longest?._id, value: { key: "y".repeat(40_000) } });
  });

  it("of another name, which somebody has put there, is no record", async () => {
    await users.put("a", 1);
    const [document] = await asker.documents("format-users");
    await asker.ask("PUT", "/format-users/_doc/b", document?._source);
    expect(await rejection(users.get("b"))).toMatchObject({ code: "CORRUPT_RECORD" });
    expect(await rejection(users.getMany(["a", "b"]))).toMatchObject({ failures: [{ key: "b" }] });
    expect(await rejection(users.putIfAbsent("b", 2))).toMatchObject({
      code: "CORRUPT_RECORD",
      outcome: "not-applied",
    });
    expect(await listed(users.keys())).toEqual(["a"]);
    expect(await users.delete("b")).toBe(true);
    await users.put("b", 2);
    expect(await users.get("b")).toBe(2);
  });

  it.each([
    ["no object in value", { value: { flattened: 7 } }],
    ["no value", { value: {} }],
    ["a revision without a value", { value: { revision: "r" } }],
    ["text that is no JSON", { value: { revision: "r", json: "{" } }],
    ["a time that is none", { value: { flattened: {} }, created_at: "2024" }],
  ])("that is broken is an error, and listed as such: %s", async (_, fields) => {
    await users.put("a", 1);
    await asker.ask("PUT", "/format-users/_doc/b", { collection: "users", key: "b", version: 1, ...fields });
    expect(await rejection(users.get("b"))).toMatchObject({ code: "CORRUPT_RECORD" });
    expect((await listed(users.keys())).sort()).toEqual(["a", "b"]);
    expect(await rejection(listed(users.entries()))).toMatchObject({ code: "CORRUPT_RECORD", key: "b" });
    expect(await users.delete("b")).toBe(true);
  });

  it("is forgotten by cull once it has expired, unless somebody has written it anew", async () => {
    await users.put("brief", 1, { ttl: "1ms" });
    await users.put("kept", 1, { ttl: "1h" });
    await users.put("for ever", 1);
    await clockPast(Date.now() + 1);
    expect(await asker.documents("format-users")).toHaveLength(3);
    expect((await listed(users.keys())).sort()).toEqual(["for ever", "kept"]);
    await store.cull();
    expect((await asker.documents("format-users")).map(({ _id }) => _id).sort()).toEqual(["for ever", "kept"]);
  });
});

describe.skipIf(skipped)("in an index that Python made", () => {
  const store = elasticsearchStore(skipped ? {} : { url: server.url, prefix: "format" });
  const users = store.collection("users");
  let deep: unknown = "deep";
  for (let depth = 0; depth < 25; depth++) deep = { deep };
  const refused = [
    ["a long string", { text: "x".repeat(40_000) }],
    ["depth", deep],
    ["a NUL in a name", { "a\0b": 1 }],
    ["a long name", { ["x".repeat(40_000)]: 1 }],
    ["a long string that is no object", "x".repeat(40_000)],
  ] as const;

  beforeEach(async () => {
    await asker.deleteIndices("format");
    await makePythonIndex("format-users");
  });
  afterAll(() => store.close());

  it("lies what its mapping takes as in any other", async () => {
    const values = [{ a: { b: [1, [2, [{ c: null }]]] } }, { "": 1, "a.b": 2, ".": 3 }, [1, "a", null], 7, null];
    await users.putMany(values.map((value, at) => ({ key: `${at}`, value })));
    expect(await users.getMany(values.map((_, at) => `${at}`))).toEqual(values);
    const [first] = await asker.documents("format-users");
    expect(first?._source.value).toMatchObject({ flattened: values[0] });
  });

  it.each(refused)("lies as text what its mapping refuses: %s", async (_, value) => {
    await users.put("a", value);
    expect(await users.get("a")).toEqual(value);
    await users.putMany([
      { key: "b", value },
      { key: "c", value: { n: 1 } },
    ]);
    expect(await users.getMany(["b", "c"])).toEqual([value, { n: 1 }]);
    const revision = await users.putIfAbsent("d", value);
    expect(revision && (await users.compareAndSwap("d", revision, value))).toBeDefined();
    expect((await listed(users.entries())).map((entry) => [entry.key, entry.value])).toEqual([
      ["a", value],
      ["b", value],
      ["c", { n: 1 }],
      ["d", value],
    ]);
    const [document] = await asker.documents("format-users");
    expect(document?._source.value).toEqual({ json: JSON.stringify(value), revision: expect.any(String) });
  });

  it("lies in its own layout what was given, though it is changed before the first layout is refused", async () => {
    const value = { text: "x".repeat(40_000), list: [1] };
    const putting = users.put("a", value);
    value.list.push(2);
    await putting;
    expect(await users.get("a")).toEqual({ text: value.text, list: [1] });
  });

  it("is no record lost to a stranger's document without names", async () => {
    await asker.ask("PUT", "/format-users/_doc/stranger", { anything: 1 });
    await users.put("a", 1);
    expect(await listed(users.keys())).toEqual(["a"]);
    expect(await rejection(users.get("stranger"))).toMatchObject({ code: "CORRUPT_RECORD" });
    await store.clearAll();
    expect((await asker.documents("format-users")).map(({ _id }) => _id)).toEqual(["stranger"]);
  });
});
