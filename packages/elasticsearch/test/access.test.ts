// Who may connect, and how: users with few privileges, passwords, TLS, URLs, options, clients of the caller's.

import { readFile } from "node:fs/promises";
import { Client } from "@elastic/elasticsearch";
import {
  clientSuite,
  clockPast,
  listed,
  optionsSuite,
  rejection,
  serverFor,
  storesOf,
  tlsSuite,
  urlSuite,
  usersSuite,
} from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
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

const { open, later } = storesOf(vitest, (options: ElasticsearchStoreOptions) =>
  elasticsearchStore({ timeout: "30s", ...options }),
);
const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };

/** A store of one of the users. */
function as(username: string, options: ElasticsearchStoreOptions = {}): ElasticsearchStore {
  const password = username === "admin" ? "p/w:@%" : "s3cret";
  return open({ nodes: `https://127.0.0.1:${secure.port}`, tls: { ca: secure.ca }, username, password, ...options });
}

usersSuite(vitest, {
  skipped,
  everything() {
    expect(Object.keys(roles)).toEqual(["app", "writer", "reader"]);
    return [as("app")];
  },
  reader: () => as("reader"),
  strangers: () => [as("stranger")],
  intruders: () =>
    [
      { username: "app", password: "wrong " },
      { username: "nobody", password: "s3cret" },
      { username: undefined, password: undefined },
      { username: undefined, password: undefined, apiKey: "d3Jvbmc6d3Jvbmc=" },
    ].map((credentials) => as("app", credentials)),
});

describe.skipIf(skipped)("a user", () => {
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
    await clockPast(Date.now() + 1);
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

  it("reads no more where it may only read, or may nothing", async () => {
    await as("admin").put("a", 1);
    expect(await as("reader").collection("nowhere").getMany(["a"])).toEqual([undefined]);
    const stranger = as("stranger");
    expect(await rejection(stranger.getMany(["a"]))).toMatchObject({ code: "BATCH_FAILED" });
    expect(await listed(stranger.collections())).toEqual([]);
    await as("admin").delete("a");
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

tlsSuite(vitest, {
  skipped: skipped ?? noPlain,
  trusting: () => [as("app"), open({ url: `${secure.url}/kv_store`, tls: { ca: secure.ca } })],
  distrusting: () => open({ url: secure.url }),
  mismatched: () =>
    [
      open({ url: secure.url.replace("elasticsearchs", "elasticsearch") }),
      open({ nodes: `https://127.0.0.1:${plain.port}` }),
    ].map((store) => ({ store, get: { code: "UNAVAILABLE" }, put: { code: "UNAVAILABLE" } })),
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

urlSuite(vitest, {
  skipped: noPlain,
  url: () => plainUrl("by-url"),
  driver: ElasticsearchDriver,
  same: () => open({ nodes: `http://127.0.0.1:${plain.port}`, prefix: "by-url" }),
});

describe.skipIf(noPlain)("a URL", () => {
  it("counts less than what is given beside it", async () => {
    const nodes = `http://127.0.0.1:${plain.port}`;
    const beside = open({ url: "elasticsearch://a:b@127.0.0.1:1/other", nodes, prefix: "by-url" });
    await beside.put("a", 1);
    expect(await open({ nodes, prefix: "by-url" }).get("a")).toBe(1);
    await beside.clearAll();
  });
});

optionsSuite(vitest, {
  make: (options) => elasticsearchStore(options as ElasticsearchStoreOptions),
  wrong: [
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
  ],
  secret: (password) => [
    { url: `elasticsearch://u:${password}@h:99999` },
    { url: `elasticsearch://u:${password}@h/a/b` },
    { url: `http://:${password}@h` },
    { url: `elasticsearch://u:%${password}@h` },
    { nodes: `http://u:${password}@h` },
  ],
});

describe("options", () => {
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

function newClient(options: object = {}): Client {
  const client = new Client({ node: `http://127.0.0.1:${plain.port}`, ...options });
  later(() => client.close());
  return client;
}

clientSuite(vitest, {
  skipped: noPlain,
  *usual() {
    for (const options of [
      {},
      { compression: true, maxRetries: 5 },
      { requestTimeout: 60_000, sniffOnConnectionFault: true },
    ]) {
      const client = newClient(options);
      const works = async () =>
        expect(await client.exists({ index: "callers-default_collection", id: "x" }, ACCEPT)).toBe(false);
      yield { client, store: open({ client, prefix: "callers" }), works };
    }
  },
  // Any settings will do.
  breaking: () => [],
  beside: () =>
    [{ url: "elasticsearch://h" }, { apiKey: "k" }].map(
      (options) => () => elasticsearchStore({ client: newClient(), ...options }),
    ),
});

describe.skipIf(noPlain)("nodes", () => {
  it("send and read large values in compressed form, where a client of the caller's is told to", async () => {
    const store = open({ client: newClient({ compression: true }), prefix: "callers" });
    const keys = Array.from({ length: 50 }, (_, at) => `k${at}`);
    await Promise.all(keys.map((key, at) => store.put(key, { at, text: "x".repeat(2000) })));
    expect(await store.get("k49")).toEqual({ at: 49, text: "x".repeat(2000) });
    expect(await listed(store.collection().keys())).toHaveLength(50);
    await store.clearAll();
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
