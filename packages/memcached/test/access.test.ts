// Who may connect, and how: SASL, TLS, URLs, options, clients of the caller's.

import { openStore } from "@kv/core";
import { rejection, serverFor } from "@kv/test-servers";
import { Client, Server } from "memjs";
import * as vitest from "vitest";
import { afterEach, describe, expect, it, vi } from "vitest";
import { MemcachedDriver, type MemcachedStore, type MemcachedStoreOptions, memcachedStore } from "../src/index.ts";
import { Tap } from "./helpers.ts";

const login = { username: "app", password: "p w:/@%é" };
const { server, skipped } = await serverFor(vitest, "memcached", { own: true });
const { server: guarded, skipped: noSasl } = await serverFor(vitest, "memcached", { sasl: login });
const { server: secure, skipped: noTls } = await serverFor(vitest, "memcached", { tls: true });

const closing: (() => unknown)[] = [];

function open(options: MemcachedStoreOptions): MemcachedStore {
  const store = memcachedStore(options);
  closing.push(() => store.close());
  return store;
}

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0).reverse()) await close();
});

describe.skipIf(noSasl)("SASL", () => {
  it("lets in who knows the password, from options or from the URL", async () => {
    const store = open({ host: "127.0.0.1", port: guarded.port, ...login });
    await store.put("a", 1);
    expect(await store.increment("a")).toBe(2);
    expect(await store.getMany(["a", "b"])).toEqual([2, undefined]);
    expect(await open({ url: guarded.url }).get("a")).toBe(2);
  });

  it("does not let in with a wrong password, or with none: one attempt for each call, told at once", async () => {
    const tap = await Tap.start(guarded.port);
    closing.push(() => tap.close());
    for (const credentials of [{ ...login, password: "wrong" }, { ...login, username: "nobody" }, {}]) {
      const store = open({ host: "127.0.0.1", port: tap.port, ...credentials });
      const error = await rejection(store.put("a", 1));
      expect(error).toMatchObject({ code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" });
      expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
      expect(tap.take().commands).toEqual("password" in credentials ? { SASL_AUTH: 2 } : { NOOP: 2 });
    }
  });

  it("is ignored by a server that has none", async () => {
    if (skipped) return;
    const store = open({ host: "127.0.0.1", port: server.port, ...login });
    await store.put("a", 1);
    expect(await store.get("a")).toBe(1);
  });

  it("uses no login of the environment, as memjs does", async () => {
    vi.stubEnv("MEMCACHE_USERNAME", login.username);
    vi.stubEnv("MEMCACHE_PASSWORD", login.password);
    const store = open({ host: "127.0.0.1", port: guarded.port });
    expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
  });
});

describe.skipIf(noTls)("TLS", () => {
  it("is spoken, with an authority of one's own", async () => {
    const store = open({ url: secure.url, tls: { ca: secure.ca } });
    await store.put("a", "x".repeat(100_000));
    expect(await store.get("a")).toHaveLength(100_000);
    const named = open({ host: "localhost", port: secure.port, tls: { ca: secure.ca } });
    expect(await named.increment("n")).toBe(1);
  });

  it("trusts nobody else, and says so", async () => {
    const error = await rejection(open({ url: secure.url }).get("a"));
    expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false });
    expect(String(error)).toMatch(/certificate/);
  });

  it("is missed where only one side speaks it", async () => {
    const plain = open({ host: "127.0.0.1", port: secure.port, timeout: 500 });
    expect(await rejection(plain.put("a", 1))).toMatchObject({ outcome: "not-applied" });
    if (skipped) return;
    const secured = open({ url: `memcacheds://127.0.0.1:${server.port}`, timeout: 500 });
    expect(await rejection(secured.put("a", 1))).toMatchObject({ retryable: true, outcome: "not-applied" });
  });
});

describe.skipIf(skipped)("a URL", () => {
  it("opens a store by its scheme", async () => {
    const store = await openStore(server.url, { needs: ["write", "atomic"], defaultCollection: "mine" });
    closing.push(() => store.close());
    expect(store.driver).toBeInstanceOf(MemcachedDriver);
    await store.put("by URL", 1);
    const same = open({ host: "localhost", port: server.port });
    expect(await same.collection("mine").get("by URL")).toBe(1);
    expect(await rejection(openStore(server.url, { needs: ["enumerate"] }))).toMatchObject({ code: "UNSUPPORTED" });
  });

  it("counts less than what is given beside it", async () => {
    const { port } = server;
    await open({ url: "memcached://127.0.0.1:1", port }).put("a", 1);
    await open({ url: "memcached://a:1,b:2", host: "127.0.0.1", port }).put("a", 1);
    await open({ url: "memcached://a:1", servers: [{ host: "127.0.0.1", port }] }).put("a", 1);
  });

  it("takes addresses in brackets", async () => {
    const { client } = new MemcachedDriver({ url: "memcached://[::1]:11212,example" });
    expect(client.servers).toMatchObject([
      { host: "::1", port: 11212 },
      { host: "example", port: 11211 },
    ]);
  });
});

describe("options", () => {
  it.each([
    ["a URL that is none", { url: "127.0.0.1" }],
    ["another scheme", { url: "redis://127.0.0.1" }],
    ["a path", { url: "memcached://127.0.0.1/0" }],
    ["a query", { url: "memcached://127.0.0.1/?a=1" }],
    ["a port that is none", { url: "memcached://a:99999" }],
    ["an address that is none", { url: "memcached://a:b:c" }],
    ["a broken encoding", { url: "memcached://a:%zz@a" }],
    ["another port that is none", { port: 0 }],
    ["an empty host", { host: "" }],
    ["no servers", { servers: [] }],
    ["servers that are none", { servers: "a,b" }],
    ["TLS that is none", { tls: "yes" }],
    ["a user that is no string", { username: 1, password: 2 }],
    ["servers beside a host", { servers: [{ host: "a" }], host: "b" }],
    ["a user without a password", { username: "app" }],
    ["a password without a user", { password: "secret" }],
    ["names", { names: "some" }],
    ["numbers", { numbers: "some" }],
    ["a limit that is none", { maxItemBytes: 0 }],
    ["a limit beyond memcached's", { maxItemBytes: 2 ** 30 + 1 }],
    ["an option of another client", { failover: true }],
    ["a client that is none", { client: {} }],
    ["a client of no servers", { client: { servers: [], getServer: () => 0 } }],
  ])("are refused: %s", (_, options) => {
    expect(() => memcachedStore(options as MemcachedStoreOptions)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("are never repeated with a secret", () => {
    const secret = "s3cret-of-the-caller";
    for (const url of [
      `memcached://u:${secret}@h:99999`,
      `memcached://:${secret}@h`,
      `memcached://u:${secret}@h/x`,
      `http://:${secret}@h`,
      `memcached://u:%${secret}@h`,
    ]) {
      expect(() => memcachedStore({ url })).toThrow(expect.not.stringContaining(secret));
    }
  });
});

describe.skipIf(skipped)("a client of the caller's", () => {
  it("gives its servers and their logins, and stays as it was", async () => {
    const client = Client.create(`127.0.0.1:${server.port}`);
    const store = open({ client });
    await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`k${at}`, at)));
    expect(await store.get("k49")).toBe(49);
    expect(store.driver instanceof MemcachedDriver && store.driver.client).toBe(client);
    expect(client.servers[0]?.connected).toBe(false);
    await store.close();
    expect((await client.get("default_collection::k49")).value).not.toBeNull();
    client.close();
    if (noSasl) return;
    const knowing = new Client([new Server("127.0.0.1", guarded.port, login.username, login.password)]);
    await open({ client: knowing }).put("a", 1);
  });

  it("distributes keys as it likes", async () => {
    const client = new Client([new Server("127.0.0.1", 1), new Server("127.0.0.1", server.port)]);
    client.getServer = (key) => (key === "default_collection::elsewhere" ? "0" : "1");
    const store = open({ client });
    const keys = Array.from({ length: 20 }, (_, at) => `k${at}`);
    await store.putMany(keys.map((key) => ({ key, value: key })));
    expect(await store.getMany(keys)).toEqual(keys);
    expect(await rejection(store.get("elsewhere"))).toMatchObject({ code: "UNAVAILABLE" });
    client.getServer = () => "2";
    expect(await rejection(store.put("a", 1))).toMatchObject({ code: "BACKEND_FAILURE", outcome: "not-applied" });
  });

  it("is refused where it would break the contract, or beside other options", () => {
    const failing = Client.create("127.0.0.1:1", { failover: true });
    expect(() => memcachedStore({ client: failing })).toThrow(/would break the contract/);
    const client = Client.create("127.0.0.1:1");
    for (const options of [{ url: server.url }, { port: server.port }, { tls: true }]) {
      expect(() => memcachedStore({ client, ...options })).toThrow(/not both/);
    }
  });
});
