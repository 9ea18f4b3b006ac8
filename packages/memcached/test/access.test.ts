// Who may connect, and how: SASL, TLS, URLs, options, clients of the caller's.

import { openStore } from "@kv/core";
import { clientSuite, optionsSuite, rejection, serverFor, storesOf, tlsSuite, urlSuite } from "@kv/test-servers";
import { Client, Server } from "memjs";
import * as vitest from "vitest";
import { afterEach, describe, expect, it, vi } from "vitest";
import { MemcachedDriver, type MemcachedStoreOptions, memcachedStore } from "../src/index.ts";
import { Tap } from "./helpers.ts";

const login = { username: "app", password: "p w:/@%é" };
const { server, skipped } = await serverFor(vitest, "memcached", { own: true });
const { server: guarded, skipped: noSasl } = await serverFor(vitest, "memcached", { sasl: login });
const { server: secure, skipped: noTls } = await serverFor(vitest, "memcached", { tls: true });

const { open, later } = storesOf(vitest, (options: MemcachedStoreOptions) => memcachedStore(options));

afterEach(() => {
  vi.unstubAllEnvs();
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
    later(() => tap.close());
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

tlsSuite(vitest, {
  skipped: noTls ?? skipped,
  trusting: () => [
    open({ url: secure.url, tls: { ca: secure.ca } }),
    open({ host: "localhost", port: secure.port, tls: { ca: secure.ca } }),
  ],
  distrusting: () => open({ url: secure.url }),
  mismatched: () => [
    { store: open({ host: "127.0.0.1", port: secure.port, timeout: 500 }), put: { outcome: "not-applied" } },
    {
      store: open({ url: `memcacheds://127.0.0.1:${server.port}`, timeout: 500 }),
      put: { retryable: true, outcome: "not-applied" },
    },
  ],
});

urlSuite(vitest, {
  skipped,
  url: () => server.url,
  driver: MemcachedDriver,
  same: () => open({ host: "localhost", port: server.port }),
});

describe.skipIf(skipped)("a URL", () => {
  it("opens no store for what memcached cannot do", async () => {
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

optionsSuite(vitest, {
  make: (options) => memcachedStore(options as MemcachedStoreOptions),
  wrong: [
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
  ],
  secret: (password) =>
    [
      `memcached://u:${password}@h:99999`,
      `memcached://:${password}@h`,
      `memcached://u:${password}@h/x`,
      `http://:${password}@h`,
      `memcached://u:%${password}@h`,
    ].map((url) => ({ url })),
});

clientSuite(vitest, {
  skipped,
  *usual() {
    const client = Client.create(`127.0.0.1:${server.port}`);
    later(() => client.close());
    const store = open({ client });
    const works = async (): Promise<void> => {
      // Its own connections were not used.
      expect(client.servers[0]?.connected).toBe(false);
      expect(await client.set("raw", "text", {})).toBe(true);
      expect(String((await client.get("raw")).value)).toBe("text");
    };
    yield { client, store, works };
  },
  breaking: () => [() => memcachedStore({ client: Client.create("127.0.0.1:1", { failover: true }) })],
  beside: () =>
    [{ url: "memcached://h" }, { port: 11_211 }, { tls: true }].map(
      (options) => () => memcachedStore({ client: Client.create("127.0.0.1:1"), ...options }),
    ),
});

describe.skipIf(skipped)("a client of the caller's", () => {
  it.skipIf(noSasl)("gives its servers and their logins", async () => {
    const knowing = new Client([new Server("127.0.0.1", guarded.port, login.username, login.password)]);
    const store = open({ client: knowing });
    await store.put("a", 1);
    expect(await store.get("a")).toBe(1);
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
});
