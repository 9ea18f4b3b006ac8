// Who may connect, and how: users with few permissions, passwords, TLS, options, clients of the caller's.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { openStore } from "@kv/core";
import {
  clientSuite,
  doEverything,
  listAndClear,
  listed,
  optionsSuite,
  rejection,
  serverFor,
  storesOf,
  tlsSuite,
  usersSuite,
} from "@kv/test-servers";
import { Redis } from "ioredis";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { type RedisStoreOptions, redisStore } from "../src/index.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
/** The lines of the README that tell the least permissions, in the form of an ACL file. */
const leastUsers = [...readme.matchAll(/^user \S+ on .*$/gm)].map(([line]) => line);

const { server, skipped } = await serverFor(vitest, "redis", {
  password: "default-own",
  acl: [...leastUsers, "user stranger on >pw ~other:* +@all", "user mute on >pw ~* -@all"],
});
const { server: free, skipped: noOpen } = await serverFor(vitest, "redis");
const { server: secure, skipped: noTls } = await serverFor(vitest, "redis", { tls: true, password: "p/w:@%" });
/** What a cluster, and a master under Sentinel, ask for besides. */
const more = /A cluster needs `(.*?)` besides, Sentinel `(.*?)`/s.exec(readme) ?? [];
const acl = [
  ...leastUsers.map((line) => `${line} ${more.slice(1).join(" ")}`),
  ...leastUsers.map((line) => line.replace(/^user (\w+)/, "user $1-alone")),
];
const { server: cluster, skipped: noCluster } = await serverFor(vitest, "redis-cluster", {
  tls: true,
  password: "p/w:@%",
  acl,
});
const { server: sentinel, skipped: noSentinel } = await serverFor(vitest, "redis-sentinel", { acl });

const { open, later } = storesOf(vitest, (options: RedisStoreOptions) => redisStore(options));
const alone = (options: RedisStoreOptions) => open({ host: "127.0.0.1", port: server.port, ...options });
const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };

usersSuite(vitest, {
  skipped,
  everything() {
    expect(leastUsers).toHaveLength(2);
    const app = { username: "app", password: "s3cret" };
    return [alone(app), alone({ ...app, db: 1 })];
  },
  reader: () => alone({ username: "reader", password: "s3cret" }),
  strangers: () => ["stranger", "mute"].map((username) => alone({ username, password: "pw" })),
  mutes: () => [alone({ username: "mute", password: "pw" })],
  intruders: () =>
    [
      { username: "app", password: "wrong " },
      { username: "nobody", password: "s3cret" },
      { password: "wrong " },
      {},
    ].map((credentials) => alone(credentials)),
});

tlsSuite(vitest, {
  skipped: noTls,
  trusting: () => [open({ url: secure.url, tls: { ca: secure.ca } })],
  distrusting: () => open({ url: secure.url }),
  mismatched: () => [
    {
      store: open({ host: "127.0.0.1", port: secure.port }),
      get: { code: "UNAVAILABLE" },
      put: { code: "UNAVAILABLE", outcome: "not-applied" },
    },
    // Redis waits for the rest of what to it is the beginning of a command.
    {
      store: open({ url: `rediss://127.0.0.1:${server.port}`, timeout: 300 }),
      put: { retryable: true, outcome: "not-applied" },
    },
  ],
});

describe.skipIf(noCluster)("a cluster", () => {
  const tls = () => ({ ca: cluster.ca });
  const as = (username: string, password = "s3cret") => ({
    cluster: cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
    tls: tls(),
    username,
    password,
  });

  it("is opened by its URL, over TLS, with user and password", async () => {
    const found = await openStore(cluster.url.replace("p%2Fw%3A%40%25", "wrong"), { needs: ["write"] });
    later(() => found.close());
    expect(await rejection(found.put("a", 1))).toMatchObject({ outcome: "not-applied" });
    const store = open({ url: cluster.url, tls: tls() });
    await store.put("a", "x".repeat(100_000));
    expect(await store.get("a")).toHaveLength(100_000);
    expect(await store.increment("n")).toBe(1);
    await store.clearAll();
  });

  it("lets a user do everything with the permissions that the README tells", async () => {
    const app = open(as("app"));
    await doEverything(vitest, app);
    await listAndClear(vitest, app);
    const store = open(as("reader"));
    expect(await store.getMany(["a", "b"])).toEqual([undefined, undefined]);
    expect(await listed(store.collection().keys())).toEqual([]);
    expect(await rejection(store.put("a", 2))).toMatchObject(denied);
    expect(await rejection(store.putMany([{ key: "b", value: 1 }]))).toMatchObject({
      failures: [{ key: "b", error: denied }],
    });
  });

  it("is told by AccessDeniedError whom it does not let in, and why nobody is trusted", async () => {
    for (const options of [as("app", "wrong"), as("nobody"), as("app-alone")]) {
      expect(await rejection(open(options).put("a", 1))).toMatchObject(denied);
    }
    const error = await rejection(open({ url: cluster.url }).get("a"));
    expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false });
    expect(String(error)).toMatch(/certificate/);
  });
});

describe.skipIf(noSentinel)("a master under Sentinel", () => {
  it("lets a user do everything with the permissions that the README tells", async () => {
    const as = (username: string) => open({ url: sentinel.url, username, password: "s3cret" });
    await doEverything(vitest, as("app"));
    await listAndClear(vitest, as("app"));
    expect(await rejection(as("app-alone").put("a", 1))).toMatchObject({
      code: "ACCESS_DENIED",
      outcome: "not-applied",
    });
  });
});

optionsSuite(vitest, {
  make: (options) => redisStore(options as RedisStoreOptions),
  wrong: [
    ["a URL that is none", { url: "127.0.0.1" }],
    ["another scheme", { url: "valkey://127.0.0.1" }],
    ["several servers that are no cluster", { url: "redis://a,b" }],
    ["a cluster's database", { url: "redis+cluster://a/1" }],
    ["a cluster's path", { url: "redis+cluster://a/x" }],
    ["a master without a name", { url: "redis+sentinel://a" }],
    ["a port that is none", { url: "redis+cluster://a:99999" }],
    ["a broken encoding", { url: "redis+sentinel://a:%zz@a/b" }],
    ["an empty cluster", { cluster: [] }],
    ["no sentinel", { sentinels: [], name: "a" }],
    ["sentinels without a name", { sentinels: [{ host: "a" }] }],
    ["a cluster and a host", { cluster: [{ host: "a" }], host: "b" }],
    ["a cluster and sentinels", { cluster: [{ host: "a" }], sentinels: [{ host: "b" }], name: "a" }],
    ["numbers", { numbers: "some" }],
    ["an option that would change requests", { keyPrefix: "a" }],
    ["a client that is none", { client: {} }],
  ],
  secret: (password) =>
    [
      `redis://u:${password}@h:99999`,
      `redis://:${password}@h/x`,
      `http://:${password}@h`,
      `redis://:%${password}@h`,
    ].map((url) => ({ url })),
});

const SETTINGS = { maxRetriesPerRequest: 0, enableOfflineQueue: false } as const;

clientSuite(vitest, {
  skipped: noOpen,
  *usual() {
    for (const lazyConnect of [true, false]) {
      const client = new Redis(free.url, { ...SETTINGS, lazyConnect });
      later(() => client.disconnect());
      const works = async (): Promise<void> => {
        expect(client.status).toBe("ready");
        expect(client.listenerCount("error")).toBe(0);
        expect(await client.ping()).toBe("PONG");
      };
      yield { client, store: open({ client }), works };
    }
  },
  breaking: () =>
    [
      {},
      { ...SETTINGS, keyPrefix: "app:" },
      { ...SETTINGS, maxRetriesPerRequest: 1 },
      { ...SETTINGS, maxRetriesPerRequest: null },
      { ...SETTINGS, enableOfflineQueue: true },
      { ...SETTINGS, readOnly: true },
      { ...SETTINGS, commandTimeout: 100 },
    ].map((options) => () => redisStore({ client: new Redis({ ...options, lazyConnect: true }) })),
  beside: () => [() => redisStore({ client: new Redis({ ...SETTINGS, lazyConnect: true }), url: "redis://localhost" })],
  async closed() {
    const client = new Redis(free.url, SETTINGS);
    const close = async (): Promise<void> => {
      const ended = once(client, "end");
      client.disconnect();
      await ended;
      later(() => expect(client.status).toBe("end"));
    };
    return { store: open({ client }), close };
  },
});
