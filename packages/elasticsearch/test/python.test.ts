// One server shared with py-key-value-aio's ElasticsearchStore, live and both ways.

import { listed, PythonStore, pythonFor, pythonSuite, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { elasticsearchStore } from "../src/index.ts";
import { Asker } from "./helpers.ts";

const { server, skipped: noServer } = await serverFor(vitest, "elasticsearch");
const { python, skipped: noPython } = await pythonFor();
const skipped = noServer ?? noPython;
const asker = new Asker(() => server);
const empty = () => asker.deleteIndices("python");

/** Python's client asks for media types of generation 9, and its store what server it is, which the tests' build does not say. */
const IMPORTS = `
import elasticsearch._async.client._base as base
from elasticsearch import AsyncElasticsearch
from key_value.aio.stores.elasticsearch.store import (
    ElasticsearchStore,
    ElasticsearchV1CollectionSanitizationStrategy,
    ElasticsearchV1KeySanitizationStrategy,
)

base._COMPAT_MIMETYPE_SUB = base._COMPAT_MIMETYPE_SUB.replace("=9", "=8")

class Store(ElasticsearchStore):
    async def _setup(self):
        pass

    async def close(self):
        await self._client.close()

v1 = {
    "key_sanitization_strategy": ElasticsearchV1KeySanitizationStrategy(),
    "collection_sanitization_strategy": ElasticsearchV1CollectionSanitizationStrategy(),
}
`;

function theirs(strategies = ""): PythonStore {
  return new PythonStore(python, {
    imports: IMPORTS,
    store: `Store(elasticsearch_client=AsyncElasticsearch(hosts=[server]), index_prefix="python"${strategies})`,
    server: () => `http://127.0.0.1:${server.port}`,
  });
}

pythonSuite(vitest, {
  name: "ElasticsearchStore",
  skipped,
  python: theirs,
  open: (options) => elasticsearchStore({ url: server.url, prefix: "python", timeout: "30s", ...options }),
  empty,
  shortestTtl: 0.3,
  // Elasticsearch takes no such number as JSON.
  notANumber: false,
  names: [
    { collection: "default_collection", key: "user:1" },
    { collection: "odd.{x}'&%", key: "a / b ? # .." },
    { collection: "日本", key: "é😀" },
    { collection: "c".repeat(200), key: "k".repeat(512) },
  ],
});

describe.skipIf(skipped)("an index shared with Python", () => {
  const store = elasticsearchStore(skipped ? {} : { url: server.url, prefix: "python", timeout: "30s" });
  const users = store.collection("users");
  const inUsers = { collection: "users" };

  beforeEach(empty);
  afterAll(() => store.close());

  it("may be made by either: what Python cannot store in its own it has from ours", async () => {
    const long = { text: "x".repeat(40_000) };
    await users.put("long", long);
    expect(await theirs().run(["get", ["long"], inUsers], ["put", ["long too", long], inUsers])).toEqual([long, null]);
    expect(await users.get("long too")).toEqual(long);
  });

  it("has for Python nothing in the place of what only we can store in an index of Python's", async () => {
    const long = { text: "x".repeat(40_000) };
    const [, refused] = await theirs().run(["put", ["a", { n: 1 }], inUsers], ["put", ["long", long], inUsers]);
    expect(refused).toMatchObject({ error: "BadRequestError" });
    await users.put("long", long);
    expect(await users.get("long")).toEqual(long);
    expect(await theirs().run(["get", ["long"], inUsers], ["put", ["long", { n: 2 }], inUsers])).toEqual([null, null]);
    expect(await users.get("long")).toEqual({ n: 2 });
  });

  it("has our collections for Python's enumeration, and Python's for ours", async () => {
    await users.put("ours", 1);
    await theirs().run(["put", ["theirs", { n: 1 }], inUsers]);
    await users.delete("nothing");
    expect(await theirs().run(["collections", []])).toEqual([["users"]]);
    expect((await listed(users.keys())).sort()).toEqual(["ours", "theirs"]);
  });

  it("has with its V1 strategies the same names for both", async () => {
    const v1 = elasticsearchStore({ url: server.url, prefix: "python", names: "python-v1", timeout: "30s" });
    const names = [
      ["default_collection", "user:1"],
      ["Users", "k".repeat(2000)],
      ["users", "é😀"],
      ["my coll!", ".."],
      ["日本", "a/b"],
      ["_", "_"],
      ["!", "!"],
      ["C".repeat(1000), "k"],
    ] as const;
    for (const [collection, key] of names) await v1.collection(collection).put(key, { ours: key });
    const gets = names.map(([collection, key]) => ["get", [key], { collection }] as const);
    const puts = names.map(([collection, key]) => ["put", [key, { theirs: key }], { collection }] as const);
    const answers = await theirs(", **v1").run(...gets, ...puts);
    expect(answers.slice(0, names.length)).toEqual(names.map(([, key]) => ({ ours: key })));
    for (const [collection, key] of names) expect(await v1.collection(collection).take(key)).toEqual({ theirs: key });
    expect(await theirs(", **v1").run(...gets)).toEqual(names.map(() => null));
    await v1.close();
  });

  it("has apart in ours the collections that Python confuses by their case", async () => {
    await theirs().run(["put", ["a", { of: "Users" }], { collection: "Users" }]);
    expect(await theirs().run(["get", ["a"], inUsers])).toEqual([{ of: "Users" }]);
    await store.collection("Users").put("a", { ours: "Users" });
    // What Python finds under this name is not there for us, and says so.
    expect(await rejection(users.get("a"))).toMatchObject({ code: "CORRUPT_RECORD" });
    await users.put("a", { ours: "users" });
    expect(await store.collection("Users").get("a")).toEqual({ ours: "Users" });
    expect(await theirs().run(["get", ["a"], inUsers])).toEqual([{ ours: "users" }]);
  });
});
