// Who may connect, and how: users with few permissions, passwords, TLS, URLs, options, clients of the caller's.

import { readFile } from "node:fs/promises";
import { openStore } from "@kv/core";
import { listed, rejection, serverFor } from "@kv/test-servers";
import { ClientSideCache, GlideClient, type GlideClientConfiguration } from "@valkey/valkey-glide";
import * as vitest from "vitest";
import { afterEach, describe, expect, it } from "vitest";
import { ValkeyDriver, type ValkeyStore, type ValkeyStoreOptions, valkeyStore } from "../src/index.ts";
import { Asker } from "./helpers.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
/** The lines of the README that tell the least permissions, in the form of an ACL file. */
const leastUsers = [...readme.matchAll(/^user \S+ on .*$/gm)].map(([line]) => line);

const settings = {
  password: "default-own",
  acl: [...leastUsers, "user stranger on >pw ~other:* +@all", "user mute on >pw ~* -@all"],
};
const { server, skipped } = await serverFor(vitest, "valkey", settings);
const { server: recent, skipped: noRecent } = await serverFor(vitest, "valkey9", settings);
const { server: secure, skipped: noTls } = await serverFor(vitest, "valkey", { tls: true, password: "p/w:@%" });

/** What a cluster asks for besides. */
const [, more = ""] = /A cluster needs `(.*?)` besides/.exec(readme) ?? [];
const { server: cluster, skipped: noCluster } = await serverFor(vitest, "valkey-cluster", {
  tls: true,
  password: "p/w:@%",
  acl: leastUsers.map((line) => `${line} ${more}`),
});

const closing: (() => unknown)[] = [];

function open(options: ValkeyStoreOptions): ValkeyStore {
  const store = valkeyStore(options);
  closing.push(() => store.close());
  return store;
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe("an ACL user", () => {
  it.each([
    ["valkey", () => server, skipped],
    ["valkey9", () => recent, noRecent],
  ] as const)("does everything on %s with the permissions that the README tells", async (_, which, missing) => {
    if (missing) return;
    expect(leastUsers).toHaveLength(2);
    const app = { host: "127.0.0.1", port: which().port, username: "app", password: "s3cret" };
    const store = open(app);
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
    const other = open({ ...app, db: 1 });
    await other.put("only there", 1);
    expect(await store.get("only there")).toBeUndefined();
  });

  it.skipIf(skipped)("reads what it may read, and is told by AccessDeniedError what it may not do", async () => {
    const address = { host: "127.0.0.1", port: server.port };
    await open({ ...address, password: "default-own" }).put("a", 1);
    const store = open({ ...address, username: "reader", password: "s3cret" });
    expect(await store.get("a")).toBe(1);
    expect(await store.getMany(["a", "b"])).toEqual([1, undefined]);
    expect(await listed(store.collection().keys())).toEqual(["a"]);
    const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };
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
    const stranger = open({ ...address, username: "stranger", password: "pw" });
    expect(await rejection(stranger.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
    const mute = open({ ...address, username: "mute", password: "pw" });
    expect(await rejection(mute.ping())).toMatchObject({ code: "ACCESS_DENIED" });
  });

  it.skipIf(skipped)("is not let in with a wrong password, or with none, and is told at once", async () => {
    const asker = new Asker(() => server, "default-own");
    closing.push(() => asker.close());
    const attempts = async () => Number(/acl_access_denied_auth:(\d+)/.exec(await asker.text("INFO", "stats"))?.[1]);
    const before = await attempts();
    for (const credentials of [
      { username: "app", password: "wrong" },
      { username: "nobody", password: "s3cret" },
      { password: "wrong" },
      {},
    ]) {
      const store = open({ host: "127.0.0.1", port: server.port, ...credentials });
      const error = await rejection(store.put("a", 1));
      expect(error).toMatchObject({ code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" });
      expect(String(error)).not.toContain("wrong ");
      expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
    }
    // One attempt for each call that gives a password; glide would go on in the background.
    expect((await attempts()) - before).toBe(6);
  });
});

describe.skipIf(noTls)("TLS", () => {
  it("is spoken by valkeys:, with an authority of one's own, user and password from the URL", async () => {
    const store = open({ url: secure.url, tls: { ca: secure.ca } });
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
    const plain = open({ host: "127.0.0.1", port: secure.port, password: "p/w:@%" });
    expect(await rejection(plain.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    const secured = open({ url: `valkeys://127.0.0.1:${server.port}`, timeout: 300 });
    expect(await rejection(secured.put("a", 1))).toMatchObject({ retryable: true, outcome: "not-applied" });
  });
});

describe.skipIf(noCluster)("a cluster", () => {
  it("speaks TLS, lets a user in by its URL, and has everything done with the permissions that the README tells", async () => {
    const tls = { ca: cluster.ca };
    const owner = open({ url: cluster.url, tls });
    await owner.put("a", "x".repeat(100_000));
    expect(await owner.get("a")).toHaveLength(100_000);
    await owner.clearAll();
    const keys = Array.from({ length: 50 }, (_, at) => `key-${at}`);
    const app = { url: cluster.url, tls, username: "app", password: "s3cret" };
    const users = open(app).collection("users");
    await users.putMany(keys.map((key) => ({ key, value: key })));
    expect(await users.getMany(keys)).toEqual(keys);
    expect(await users.increment("n", 2, { ttl: "1h" })).toBe(2);
    expect(await users.increment("n", 2)).toBe(4);
    expect(await users.take("n")).toBe(4);
    expect(await users.putIfAbsent("key-1", 1)).toBeUndefined();
    expect(await users.deleteMany(["key-1", "key-2", "none"])).toBe(2);
    expect(await listed(users.keys())).toHaveLength(48);
    await users.clear();
    expect(await listed(users.keys())).toEqual([]);
    const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };
    expect(await rejection(open({ ...app, username: "reader" }).put("a", 1))).toMatchObject(denied);
    expect(await rejection(open({ ...app, password: "wrong" }).put("a", 1))).toMatchObject(denied);
    const untrusted = await rejection(open({ ...app, tls: true }).get("a"));
    expect(untrusted).toMatchObject({ code: "BACKEND_FAILURE", retryable: false });
    expect(String(untrusted)).toMatch(/certificate/);
  });
});

describe.skipIf(skipped)("a URL", () => {
  it("opens a store by its scheme, with user, password and database", async () => {
    const url = `valkey://app:s3cret@127.0.0.1:${server.port}/1`;
    const store = await openStore(url, { needs: ["write", "atomic"], defaultCollection: "mine" });
    closing.push(() => store.close());
    expect(store.driver).toBeInstanceOf(ValkeyDriver);
    await store.put("by URL", 1);
    const same = open({ host: "127.0.0.1", port: server.port, username: "app", password: "s3cret", db: 1 });
    expect(await same.collection("mine").get("by URL")).toBe(1);
  });

  it("counts less than what is given beside it", async () => {
    const store = open({ url: "valkey://app:wrong@127.0.0.1:1/7", port: server.port, password: "s3cret", db: 0 });
    await store.put("a", 1);
  });
});

describe("options", () => {
  it.each([
    ["a URL that is none", { url: "127.0.0.1" }],
    ["another scheme", { url: "redis://127.0.0.1" }],
    ["a path that is no database", { url: "valkey://127.0.0.1/x" }],
    ["a query", { url: "valkey://127.0.0.1/?db=1" }],
    ["several servers that are no cluster", { url: "valkey://a,b" }],
    ["a port that is none", { url: "valkey://a:99999" }],
    ["a broken encoding", { url: "valkey://a:%zz@a" }],
    ["another port that is none", { port: 0 }],
    ["a database that is none", { db: -1 }],
    ["an empty cluster", { cluster: [] }],
    ["a user without a password", { username: "app" }],
    ["numbers", { numbers: "some" }],
    ["an option of another client", { keyPrefix: "a" }],
    ["a client that is none", { client: {} }],
  ])("are refused: %s", (_, options) => {
    expect(() => valkeyStore(options as ValkeyStoreOptions)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("are never repeated with a secret", () => {
    const secret = "s3cret-of-the-caller";
    for (const url of [
      `valkey://u:${secret}@h:99999`,
      `valkey://:${secret}@h/x`,
      `http://:${secret}@h`,
      `valkey://:%${secret}@h`,
    ]) {
      expect(() => valkeyStore({ url })).toThrow(expect.not.stringContaining(secret));
    }
  });
});

describe.skipIf(skipped)("a client of the caller's", () => {
  const connect = async (options: Partial<GlideClientConfiguration> = {}): Promise<GlideClient> => {
    const addresses = [{ host: "127.0.0.1", port: server.port }];
    const credentials = { username: "default", password: "default-own" };
    const client = await GlideClient.createClient({ addresses, credentials, ...options });
    closing.push(() => client.close());
    return client;
  };

  it("is refused where it would break the contract, or beside other options", async () => {
    for (const options of [
      { readFrom: "preferReplica" },
      { readOnly: true },
      { compression: { enabled: true } },
      { clientSideCache: ClientSideCache.create(1024, 1000) },
    ] satisfies Partial<GlideClientConfiguration>[]) {
      const client = await connect(options);
      expect(() => valkeyStore({ client })).toThrow(/would break the contract/);
    }
    const client = await connect();
    expect(() => valkeyStore({ client, url: server.url })).toThrow(/not both/);
  });

  it("works, lazy or not, with whatever timeout it has, and stays open", async () => {
    for (const options of [{ lazyConnect: true }, { requestTimeout: 1 }]) {
      const client = await connect(options);
      const store = open({ client });
      await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`k${at}`, at)));
      expect(await store.get("k49")).toBe(49);
      expect(store.driver instanceof ValkeyDriver && store.driver.client).toBe(client);
      await store.close();
      expect(await client.ping()).toBe("PONG");
    }
  });

  it("has a limit to what it does at once, which is told as such", async () => {
    const store = open({ client: await connect({ inflightRequestsLimit: 5 }) });
    await store.put("a", 1);
    // Those of one turn of the event loop are one request to glide.
    const turns = Array.from({ length: 200 }, async (_, at) => {
      for (let turn = 0; turn < at; turn++) await new Promise(setImmediate);
      await store.put("a", "x".repeat(100_000));
    });
    const results = await Promise.allSettled(turns);
    const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
  });

  it("is of no more use once its owner has closed it", async () => {
    const client = await connect();
    const store = open({ client });
    await store.put("a", 1);
    client.close();
    expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    expect(await rejection(store.put("a", 2))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
  });
});
