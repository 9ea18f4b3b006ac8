// Who may connect, and how: users with few privileges, passwords, TLS, URLs, options, clients of the caller's.

import { readFile } from "node:fs/promises";
import { Client } from "@elastic/elasticsearch";
import { openStore } from "@kv/core";
import { listed, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterEach, describe, expect, it } from "vitest";
import {
  ElasticsearchDriver,
  type ElasticsearchStore,
  type ElasticsearchStoreOptions,
  elasticsearchStore,
} from "../src/index.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
type Roles = {
  readonly [name: string]: { readonly names: readonly string[]; readonly privileges: readonly string[] }[];
};
/** The privileges that the README tells, as it tells them. */
const roles: Roles = JSON.parse(/```json\n(\{\n {2}"app".*?)```/s.exec(readme)?.[1] ?? "{}");

const { server: secure, skipped } = await serverFor(vitest, "elasticsearch", {
  password: "p/w:@%",
  tls: true,
  args: ["-E", "http.max_content_length=2mb"],
  users: [
    ...Object.entries(roles).map(([name, indices]) => ({ name, password: "s3cret", indices })),
    {
      name: "careless",
      password: "s3cret",
      indices: [{ names: ["kv_store-*"], privileges: ["read", "create_doc", "auto_configure"] }],
    },
    { name: "bare reader", password: "s3cret", indices: [{ names: ["kv_store-*"], privileges: ["read"] }] },
    { name: "stranger", password: "s3cret", indices: [{ names: ["other-*"], privileges: ["all"] }] },
  ],
});
const { server: plain, skipped: noPlain } = await serverFor(vitest, "elasticsearch");

type Large = ReturnType<ElasticsearchStore["collection"]>;

const closing: (() => unknown)[] = [];

function open(options: ElasticsearchStoreOptions): ElasticsearchStore {
  const store = elasticsearchStore({ timeout: "30s", ...options });
  closing.push(() => store.close());
  return store;
}

/** A store of one of the users. */
function as(username: string, options: ElasticsearchStoreOptions = {}): ElasticsearchStore {
  const password = username === "admin" ? "p/w:@%" : "s3cret";
  return open({ nodes: `https://127.0.0.1:${secure.port}`, tls: { ca: secure.ca }, username, password, ...options });
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe.skipIf(skipped)("a user", () => {
  const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };

  it("does everything with the privileges that the README tells", async () => {
    expect(Object.keys(roles)).toEqual(["app", "writer", "reader"]);
    const store = as("app");
    const users = store.collection("users");
    await users.put("a", 1, { ttl: "1h" });
    expect(await users.get("a")).toBe(1);
    await users.putMany([{ key: "b", value: 2 }]);
    expect(await users.getMany(["a", "b", "c"])).toEqual([1, 2, undefined]);
    expect(await users.putIfAbsent("a", 1)).toBeUndefined();
    const revision = await users.putIfAbsent("c", 1);
    expect(revision && (await users.compareAndDelete("c", revision))).toBe(true);
    expect(await users.putIfAbsent("c", 1)).toBeDefined();
    expect(await users.increment("n", 2, { ttl: "1h" })).toBe(2);
    expect(await users.increment("n", 2)).toBe(4);
    expect(await users.touch("n", null)).toBe(true);
    expect(await users.take("n")).toBe(4);
    expect(await users.delete("a")).toBe(true);
    expect(await users.deleteMany(["b"])).toBe(1);
    expect(await listed(users.entries())).toMatchObject([{ key: "c" }]);
    expect(await listed(store.collections())).toEqual(["users"]);
    await users.clear();
    await store.clearAll();
    await store.cull();
    await store.ping();
  });

  it("needs no more than reading and writing where the index is there", async () => {
    await as("admin").put("there", 1);
    const store = as("writer");
    await store.put("a", 1);
    expect(await store.update("a", () => 2)).toBe(2);
    expect(await store.putIfAbsent("b", 1)).toBeDefined();
    expect(await store.take("b")).toBe(1);
    expect(await store.deleteMany(["a", "b"])).toBe(1);
    await store.ping();
    expect(await rejection(store.collection("of its own").put("a", 1))).toMatchObject(denied);
    expect(await rejection(store.collection("of its own").putMany([{ key: "a", value: 1 }]))).toMatchObject({
      failures: [{ key: "a", error: denied }],
    });
    expect(await store.collection("of its own").get("a")).toBeUndefined();
  });

  it("needs no more to search, either: what was just written is found, in each shard of an index", async () => {
    const admin = as("admin");
    await admin.clearAll();
    for (const [name, shards] of [
      ["one", 1],
      ["five", 5],
    ] as const) {
      const settings = { number_of_shards: shards, refresh_interval: "-1" };
      const keyword = { type: "keyword" } as const;
      const properties = { key: keyword, collection: keyword, expires_at: { type: "date" } as const };
      await clientOf(admin).indices.create({ index: `kv_store-${name}`, settings, mappings: { properties } }, ACCEPT);
    }
    const store = as("writer");
    const asked: string[] = [];
    clientOf(store).diagnostic.on("response", (_, result) => asked.push(result?.meta.request.params.path ?? ""));
    const keys = Array.from({ length: 40 }, (_, at) => `key-${at}`).sort();
    for (const name of ["one", "five"]) {
      const collection = store.collection(name);
      await collection.putMany(keys.map((key) => ({ key, value: 1 })));
      asked.splice(0);
      expect((await listed(collection.keys())).sort()).toEqual(keys);
      expect(asked.map((path) => /_\w+$/.exec(path)?.[0] ?? path)).toEqual([
        "_refresh",
        "_msearch",
        "/_bulk?refresh=true",
        expect.stringContaining("_search"),
      ]);
      await collection.clear();
      expect(await listed(collection.keys())).toEqual([]);
      await collection.putMany(keys.map((key) => ({ key, value: 1 })));
    }
    expect((await listed(store.collections())).sort()).toEqual(["five", "one"]);
    await store.collection("five").put("brief", 1, { ttl: "1ms" });
    while (await store.collection("five").has("brief")) await new Promise((resolve) => setTimeout(resolve, 1));
    await store.cull();
    await store.clearAll();
    expect(await listed(admin.collections())).toEqual([]);
    expect(await store.collection("five").getMany(keys)).toEqual(keys.map(() => undefined));
    expect(await rejection(listed(as("bare reader").collection("one").keys()))).toMatchObject({
      code: "ACCESS_DENIED",
    });
    expect(await rejection(listed(as("bare reader").collections()))).toMatchObject({ code: "ACCESS_DENIED" });
    expect(await as("bare reader").collection("one").get("a")).toBeUndefined();
  });

  it("reads what it may read, and is told by AccessDeniedError what it may not do", async () => {
    await as("admin").put("a", 1);
    const store = as("reader");
    expect(await store.get("a")).toBe(1);
    expect(await store.getMany(["a", "nowhere"])).toEqual([1, undefined]);
    expect(await listed(store.collection().keys())).toContain("a");
    expect(await rejection(store.put("a", 2))).toMatchObject(denied);
    expect(await rejection(store.delete("a"))).toMatchObject(denied);
    expect(await rejection(store.take("a"))).toMatchObject(denied);
    expect(await rejection(store.putIfAbsent("b", 2))).toMatchObject(denied);
    expect(await rejection(store.update("a", () => 2))).toMatchObject(denied);
    expect(await rejection(store.collection().clear())).toMatchObject({ code: "ACCESS_DENIED" });
    expect(await rejection(store.putMany([{ key: "b", value: 1 }]))).toMatchObject({
      failures: [{ key: "b", error: denied }],
    });
    expect(await store.get("a")).toBe(1);
    const stranger = as("stranger");
    expect(await rejection(stranger.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
    expect(await rejection(stranger.getMany(["a"]))).toMatchObject({ code: "BATCH_FAILED" });
    expect(await rejection(stranger.put("a", 2))).toMatchObject(denied);
    expect(await listed(stranger.collections())).toEqual([]);
  });

  it("is not let in with a wrong password, with none, or with a key that is none", async () => {
    const wrong: ElasticsearchStoreOptions[] = [
      { username: "app", password: "wrong" },
      { username: "nobody", password: "s3cret" },
      { username: undefined, password: undefined },
      { username: undefined, password: undefined, apiKey: "d3Jvbmc6d3Jvbmc=" },
    ];
    for (const credentials of wrong) {
      const store = as("app", credentials);
      const error = await rejection(store.put("a", 1));
      expect(error).toMatchObject(denied);
      expect(String(error)).not.toContain("wrong");
      expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
      expect(await rejection(store.ping())).toMatchObject({ code: "ACCESS_DENIED" });
    }
  });

  it("makes an index anew that was deleted underneath", async () => {
    const [admin, app] = [as("admin"), as("app")];
    await app.collection("gone").put("a", 1);
    await deleteIndex(admin, "kv_store-gone");
    await app.collection("gone").put("b", 1);
    expect(await listed(app.collection("gone").keys())).toEqual(["b"]);
  });

  it("may be one whose writes have indices made, but who may not make one", async () => {
    const [admin, careless] = [as("admin"), as("careless")];
    const name = "careless";
    expect(await rejection(careless.collection(name).putIfAbsent("a", 1))).toMatchObject(denied);
    await admin.collection(name).put("a", 1);
    expect(await careless.collection(name).putIfAbsent("b", 1)).toBeDefined();
    await deleteIndex(admin, "kv_store-careless");
    expect(await careless.collection(name).putIfAbsent("c", 1)).toBeDefined();
    expect(await listed(admin.collection(name).keys())).toEqual(["c"]);
  });
});

/** Of a request by the client itself, which asks for what only servers of its own generation know. */
const ACCEPT = { headers: { accept: "application/json", "content-type": "application/json" } };

async function deleteIndex(store: ElasticsearchStore, index: string): Promise<void> {
  await clientOf(store).indices.delete({ index }, ACCEPT);
}

function clientOf({ driver }: ElasticsearchStore): Client {
  if (driver instanceof ElasticsearchDriver) return driver.client;
  throw new Error("it is a store over one");
}

describe.skipIf(skipped)("TLS", () => {
  it("is spoken by elasticsearchs:, with an authority of one's own, user and password from the URL", async () => {
    const store = open({ url: `${secure.url}/kv_store`, tls: { ca: secure.ca } });
    await store.put("a", "x".repeat(100_000));
    expect(await store.get("a")).toHaveLength(100_000);
  });

  it("trusts nobody else, and says so", async () => {
    const error = await rejection(open({ url: secure.url }).put("a", 1));
    expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false, outcome: "not-applied" });
    expect(String(error)).toMatch(/certificate/);
  });

  it("is missed where only one side speaks it", async () => {
    const unsecured = open({ url: secure.url.replace("elasticsearchs", "elasticsearch") });
    expect(await rejection(unsecured.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    if (noPlain) return;
    const secured = open({ nodes: `https://127.0.0.1:${plain.port}` });
    expect(await rejection(secured.put("a", 1))).toMatchObject({ code: "UNAVAILABLE" });
  });
});

describe.skipIf(skipped)("a request that is longer than the servers take", () => {
  it("is a ValueTooLargeError: before anything is sent where the store knows the limit", async () => {
    const [knowing, blind] = [{ maxContentLength: 2 * 1024 * 1024 }, {}].map((options) =>
      as("app", options).collection("large"),
    ) as [Large, Large];
    const value = "x".repeat(3_000_000);
    const revision = await knowing.putIfAbsent("a", 1);
    for (const store of [knowing, blind]) {
      const tooLarge = { code: "VALUE_TOO_LARGE", retryable: false, outcome: "not-applied", size: expect.any(Number) };
      expect(await rejection(store.put("a", value))).toMatchObject(tooLarge);
      expect(await rejection(store.putIfAbsent("b", value))).toMatchObject(tooLarge);
      expect(revision && (await rejection(store.compareAndSwap("a", revision, value)))).toMatchObject(tooLarge);
      const entries = ["c", "d"].map((key) => ({ key, value: key === "c" ? value : 1 }));
      expect(await rejection(store.putMany(entries))).toMatchObject({ failures: [{ key: "c", error: tooLarge }] });
      expect(await store.getMany(["a", "b", "c", "d"])).toEqual([1, undefined, undefined, 1]);
      expect(await store.delete("d")).toBe(true);
    }
  });

  it("is sent in parts where it is a batch", async () => {
    const store = as("app");
    const entries = Array.from({ length: 7 }, (_, at) => ({ key: `part-${at}`, value: `${at}`.repeat(600_000) }));
    await store.putMany(entries);
    expect(await store.getMany(entries.map(({ key }) => key))).toEqual(entries.map(({ value }) => value));
  });
});

describe.skipIf(skipped)("a URL", () => {
  it("opens a store by its scheme, with user, password and prefix", async () => {
    const store = await openStore(plainUrl("by-url"), { needs: ["write", "atomic"], defaultCollection: "mine" });
    closing.push(() => store.close());
    expect(store.driver).toBeInstanceOf(ElasticsearchDriver);
    await store.put("by URL", 1);
    const same = open({ nodes: `http://127.0.0.1:${plain.port}`, prefix: "by-url" });
    expect(await same.collection("mine").get("by URL")).toBe(1);
    const beside = open({
      url: "elasticsearch://a:b@127.0.0.1:1/other",
      nodes: `http://127.0.0.1:${plain.port}`,
      prefix: "by-url",
    });
    expect(await beside.collection("mine").get("by URL")).toBe(1);
    await same.clearAll();
  });
});

describe("options", () => {
  it.each([
    ["a URL that is none", { url: "127.0.0.1" }],
    ["another scheme", { url: "http://127.0.0.1:9200" }],
    ["a longer path", { url: "elasticsearch://h/a/b" }],
    ["a query", { url: "elasticsearch://h/?a=b" }],
    ["a port that is none", { url: "elasticsearch://h:99999" }],
    ["a port that is no number", { url: "elasticsearch://h:x" }],
    ["a broken encoding", { url: "elasticsearch://a:%zz@h" }],
    ["a prefix in the URL that is none", { url: "elasticsearch://h/UP" }],
    ["a prefix that is none", { prefix: "-kv" }],
    ["a prefix with upper case", { prefix: "Kv" }],
    ["a prefix that is empty", { prefix: "" }],
    ["a prefix that is too long", { prefix: "x".repeat(150) }],
    ["a prefix that is too long for V1 names", { prefix: "x".repeat(55), names: "python-v1" }],
    ["no nodes", { nodes: [] }],
    ["a node that is none", { nodes: "localhost:9200" }],
    ["a node with a password", { nodes: "http://u:p@localhost:9200" }],
    ["a user without a password", { username: "app" }],
    ["a password without a user", { password: "app" }],
    ["a key beside a user", { username: "app", password: "x", apiKey: "k" }],
    ["names", { names: "v2" }],
    ["refresh", { refresh: "now" }],
    ["maxContentLength", { maxContentLength: 1000 }],
    ["numbers", { numbers: "some" }],
    ["an option of another client", { keyPrefix: "a" }],
    ["a client that is none", { client: {} }],
    ["null as a client", { client: null }],
  ])("are refused: %s", (_, options) => {
    expect(() => elasticsearchStore(options as ElasticsearchStoreOptions)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("are never repeated with a secret", () => {
    const secret = "s3cret-of-the-caller";
    for (const options of [
      { url: `elasticsearch://u:${secret}@h:99999` },
      { url: `elasticsearch://u:${secret}@h/a/b` },
      { url: `http://:${secret}@h` },
      { url: `elasticsearch://u:%${secret}@h` },
      { nodes: `http://u:${secret}@h` },
    ]) {
      expect(() => elasticsearchStore(options)).toThrow(expect.not.stringContaining(secret));
    }
  });

  it.skipIf(noPlain)("refresh makes writes visible to the searches of others", async () => {
    for (const refresh of [true, "wait_for"] as const) {
      const store = open({ url: plainUrl("refresh"), refresh });
      await store.put(`${refresh}`, 1);
      const client = store.driver instanceof ElasticsearchDriver ? store.driver.client : undefined;
      const query = { term: { key: `${refresh}` } };
      const found = await client?.search({ index: "refresh-default_collection", query }, ACCEPT);
      expect(found?.hits.hits).toMatchObject([{ _id: `${refresh}` }]);
    }
    await open({ url: plainUrl("refresh") }).clearAll();
  });
});

describe.skipIf(noPlain)("a client of the caller's", () => {
  const newClient = (options: object = {}): Client => {
    const client = new Client({ node: `http://127.0.0.1:${plain.port}`, ...options });
    closing.push(() => client.close());
    return client;
  };

  it("is refused beside connection options", () => {
    const client = newClient();
    expect(() => elasticsearchStore({ client, url: "elasticsearch://h" })).toThrow(/not both/);
    expect(() => elasticsearchStore({ client, apiKey: "k" })).toThrow(/not both/);
  });

  it("works, with whatever settings it has, and stays open", async () => {
    for (const options of [
      {},
      { compression: true, maxRetries: 5 },
      { requestTimeout: 60_000, sniffOnConnectionFault: true },
    ]) {
      const client = newClient(options);
      const store = open({ client, prefix: "callers" });
      await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`k${at}`, { at, text: "x".repeat(2000) })));
      expect(await store.get("k49")).toMatchObject({ at: 49 });
      expect(await listed(store.collection().keys())).toHaveLength(50);
      expect(store.driver instanceof ElasticsearchDriver && store.driver.client).toBe(client);
      await store.clearAll();
      await store.close();
      expect(await client.exists({ index: "callers-default_collection", id: "x" }, ACCEPT)).toBe(false);
    }
  });

  it("may have several nodes, of which one is down", async () => {
    const store = open({ nodes: ["http://127.0.0.1:1", `http://127.0.0.1:${plain.port}`], prefix: "callers" });
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, at) => store.put(`${at}`, at)));
    const failed = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(failed.length).toBeLessThan(20);
    for (const error of failed) expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    await open({ url: plainUrl("callers") }).clearAll();
  });
});

function plainUrl(prefix: string): string {
  return noPlain ? "elasticsearch://localhost" : `${plain.url}/${prefix}`;
}
