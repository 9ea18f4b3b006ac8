// Who may connect, and how: users with few permissions, passwords, TLS, URLs, a client of the caller's.

import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { openStore } from "@kv/core";
import { listed, rejection, serverFor } from "@kv/test-servers";
import { MongoClient, type MongoClientOptions } from "mongodb";
import * as vitest from "vitest";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { MongodbDriver, type MongodbStore, type MongodbStoreOptions, mongodbStore } from "../src/index.ts";
import { clientOf, DATABASE } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "mongodb", { own: true });
const { server: guarded, skipped: noAuth } = await serverFor(vitest, "mongodb", { auth: true });
const { server: secure, skipped: noTls } = await serverFor(vitest, "mongodb", { tls: true });

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
/** What the README tells that a user needs for everything. */
const permissions: readonly string[] = JSON.parse(/```json\n(.*?)\n```/s.exec(readme)?.[1] ?? "[]");

const closing: (() => Promise<unknown>)[] = [];

/** A store of the test, closed after it. */
function open(options: MongodbStoreOptions): MongodbStore {
  const store = mongodbStore(options);
  closing.push(() => store.close());
  return store;
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const PASSWORD = "p/w:@%";

describe.skipIf(noAuth)("a user", () => {
  const as = (username: string, password = PASSWORD) =>
    open({ url: guarded.url, auth: { username, password }, authSource: "admin" });

  beforeAll(async () => {
    const client = clientOf(guarded);
    const admin = client.db("admin");
    const inDatabase = { db: DATABASE, collection: "" };
    const roles = {
      app: permissions,
      least: ["find", "insert", "update", "remove"],
      reader: ["find", "listCollections"],
    };
    for (const [role, actions] of Object.entries(roles)) {
      await admin.command({ createRole: role, privileges: [{ resource: inDatabase, actions }], roles: [] });
      await admin.command({ createUser: role, pwd: PASSWORD, roles: [{ role, db: "admin" }] });
    }
    await admin.command({ createUser: "stranger", pwd: PASSWORD, roles: [{ role: "read", db: "other" }] });
    await client.close();
    await guarded.restart();
  });

  async function doEverything(store: MongodbStore): Promise<void> {
    const users = store.collection("users");
    await users.put("a", 1, { ttl: "1h" });
    expect(await users.get("a")).toBe(1);
    await users.putMany([{ key: "b", value: 2 }]);
    expect(await users.getMany(["a", "b", "c"])).toEqual([1, 2, undefined]);
    expect(await users.putIfAbsent("a", 1)).toBeUndefined();
    expect(await users.putIfAbsent("c", 1)).toBeDefined();
    expect(await users.increment("n", 2, { ttl: "1h" })).toBe(2);
    expect(await users.increment("n", 2)).toBe(4);
    expect(await users.touch("n", null)).toBe(true);
    expect(await users.take("n")).toBe(4);
    expect(await users.delete("a")).toBe(true);
    expect(await users.deleteMany(["b"])).toBe(1);
    expect(await listed(users.entries())).toMatchObject([{ key: "c" }]);
    await users.clear();
    await store.ping();
  }

  it("does everything with the permissions that the README tells", async () => {
    expect(permissions).toContain("find");
    const store = as("app");
    await doEverything(store);
    await store.collection("users").put("c", 1);
    expect(await listed(store.collections())).toEqual(["users"]);
    await store.clearAll();
    await store.cull();
  });

  it("needs no more than reading and writing where the collection is there", async () => {
    await as("app").collection("users").put("a", 1);
    const store = as("least");
    await doEverything(store);
    // There the collection is made by the first write, without indexes.
    await store.collection("new").put("a", 1);
    expect(await store.collection("new").take("a")).toBe(1);
  });

  it("reads what it may read, and is told by AccessDeniedError what it may not do", async () => {
    await as("app").put("a", 1);
    const store = as("reader");
    expect(await store.get("a")).toBe(1);
    expect(await store.getMany(["a", "b"])).toEqual([1, undefined]);
    expect(await listed(store.collection().keys())).toEqual(["a"]);
    expect(await listed(store.collections())).toContain("default_collection");
    const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };
    expect(await rejection(store.put("a", 2))).toMatchObject(denied);
    expect(await rejection(store.delete("a"))).toMatchObject(denied);
    expect(await rejection(store.take("a"))).toMatchObject(denied);
    expect(await rejection(store.putIfAbsent("b", 2))).toMatchObject(denied);
    expect(await rejection(store.increment("n"))).toMatchObject(denied);
    expect(await rejection(store.collection().clear())).toMatchObject({ code: "ACCESS_DENIED" });
    expect(await rejection(store.putMany([{ key: "b", value: 1 }]))).toMatchObject(denied);
    expect(await store.get("a")).toBe(1);
    expect(await rejection(as("stranger").get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
  });

  it("is not let in with a wrong password, or with none", async () => {
    for (const store of [as("app", "wrong"), as("nobody"), open({ url: guarded.url })]) {
      const error = await rejection(store.put("a", 1));
      expect(error).toMatchObject({ code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" });
      expect(String(error)).not.toContain("wrong");
      expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
    }
  });

  it("may be in the URL, percent-encoded", async () => {
    const url = `mongodb://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:${guarded.port}/?authSource=admin`;
    await open({ url }).put("by URL", 1);
    expect(await as("app").get("by URL")).toBe(1);
  });
});

describe.skipIf(noTls)("TLS", () => {
  it("is spoken where the URL says so, with an authority of one's own", async () => {
    const store = open({ url: secure.url, ca: secure.ca });
    await store.put("a", "x".repeat(100_000));
    expect(await store.get("a")).toHaveLength(100_000);
    expect(await store.increment("n")).toBe(1);
  });

  it("trusts nobody else, and says so", async () => {
    const error = await rejection(open({ url: secure.url }).get("a"));
    expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false });
    expect(String(error)).toMatch(/certificate/);
  });

  it("is missed where only one side speaks it", async () => {
    const plain = open({ url: `mongodb://127.0.0.1:${secure.port}`, timeout: 500 });
    expect(await rejection(plain.put("a", 1))).toMatchObject({ retryable: true, outcome: "not-applied" });
    const secured = open({ url: server.url, tls: true, timeout: 500 });
    expect(await rejection(secured.put("a", 1))).toMatchObject({ outcome: "not-applied" });
  });
});

describe.skipIf(skipped)("a URL", () => {
  it("opens a store by its scheme, with its database", async () => {
    const store = await openStore(`${server.url}by_url`, { needs: ["write", "atomic"], defaultCollection: "mine" });
    closing.push(() => store.close());
    expect(store.driver).toBeInstanceOf(MongodbDriver);
    await store.put("a", 1);
    const same = open({ url: server.url, database: "by_url" });
    expect(await same.collection("mine").get("a")).toBe(1);
  });

  it("may ask for retries, as URLs that are handed out do, in vain", () => {
    const store = open({ url: `${server.url}?retryWrites=true&w=majority&appName=test` });
    expect(store).toBeDefined();
  });
});

describe("options", () => {
  it.each([
    ["a URL that is none", { url: "127.0.0.1" }],
    ["another scheme", { url: "redis://127.0.0.1" }],
    ["a URL without a host", { url: "mongodb://" }],
    ["an option of the URL that is none", { url: "mongodb://h/?x=1" }],
    ["a broken encoding", { url: "mongodb://a:%zz@a" }],
    ["reads from other servers", { url: "mongodb://h/?readPreference=secondary" }],
    ["writes that may be lost", { url: "mongodb://h/?w=1" }],
    ["writes without an answer", { url: "mongodb://h/?w=0" }],
    ["a database that is none", { database: "a.b" }],
    ["an empty database", { database: "" }],
    ["a database of too long a name", { database: "x".repeat(64) }],
    ["names", { names: "some" }],
    ["numbers", { numbers: "some" }],
    ["an option that would change how requests are sent", { retryWrites: true }],
    ["an option of the driver that is wrong", { maxPoolSize: -1 }],
    ["a client that is none", { client: {} }],
  ])("are refused: %s", (_, options) => {
    expect(() => mongodbStore(options as MongodbStoreOptions)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("are never repeated with a secret", () => {
    const secret = "s3cret-of-the-caller";
    for (const url of [
      `mongodb://u:${secret}@h:99999`,
      `mongodb://u:${secret}@`,
      `http://u:${secret}@h`,
      `mongodb://u:%${secret}@h`,
      `mongodb://u:${secret}@h/?unknown=${secret}`,
      `mongodb+srv://u:${secret}@h:1`,
    ]) {
      let thrown: unknown;
      try {
        mongodbStore({ url });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: "INVALID_ARGUMENT" });
      expect(inspect(thrown, { depth: 10, showHidden: true })).not.toContain(secret);
    }
  });
});

describe.skipIf(skipped)("a client of the caller's", () => {
  const SETTINGS = { retryWrites: false, retryReads: false } as const;

  const make = (options: MongoClientOptions): MongoClient => {
    const client = new MongoClient(server.url, options);
    closing.push(() => client.close());
    return client;
  };

  it("is refused where it would break the contract, or beside other options", () => {
    for (const options of [
      {},
      { retryWrites: false },
      { retryReads: false },
      { ...SETTINGS, readPreference: "secondaryPreferred" },
      { ...SETTINGS, w: 1 },
      { ...SETTINGS, w: 0 },
    ] satisfies MongoClientOptions[]) {
      expect(() => mongodbStore({ client: make(options) })).toThrow(/would break the contract/);
    }
    expect(() => mongodbStore({ client: make(SETTINGS), url: server.url })).toThrow(/not both/);
    expect(() => mongodbStore({ client: make(SETTINGS), maxPoolSize: 1 })).toThrow(/not both/);
  });

  it("works, connected or not, whatever it makes of values, and stays open", async () => {
    for (const options of [
      {},
      { promoteLongs: false, promoteValues: false },
      { useBigInt64: true, ignoreUndefined: false, enableUtf8Validation: false },
      { readConcern: { level: "majority" } as const, maxPoolSize: 1 },
    ]) {
      const client = make({ ...SETTINGS, ...options });
      if (options.maxPoolSize) await client.connect();
      const listeners = () =>
        ["error", "topologyDescriptionChanged"].map((event) => client.rawListeners(event as "error").length);
      const before = listeners();
      const store = open({ client });
      await Promise.all(
        Array.from({ length: 50 }, (_, at) => store.put(`k${at}`, { at, long: 2 ** 40, none: undefined })),
      );
      expect(await store.get("k49")).toStrictEqual({ at: 49, long: 2 ** 40 });
      expect(await store.take("k49")).toStrictEqual({ at: 49, long: 2 ** 40 });
      expect(await store.getMany(["k1", "k49"])).toStrictEqual([{ at: 1, long: 2 ** 40 }, undefined]);
      expect(await listed(store.collection().keys())).toHaveLength(49);
      expect(await listed(store.collections())).toEqual(["default_collection"]);
      expect(store.driver instanceof MongodbDriver && store.driver.client).toBe(client);
      await store.close();
      expect(await client.db("admin").command({ ping: 1 })).toMatchObject({ ok: 1 });
      expect(listeners()).toEqual(before);
    }
  });

  it("is of no more use once its owner has closed it", async () => {
    const client = make(SETTINGS);
    const store = open({ client });
    await store.put("a", 1);
    await client.close();
    expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    expect(await rejection(store.put("a", 2))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
  });
});
