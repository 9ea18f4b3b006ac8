// Who may connect, and how: users with few permissions, passwords, TLS, URLs, options, clients of the caller's.

import { readFile } from "node:fs/promises";
import {
  clientSuite,
  listed,
  optionsSuite,
  rejection,
  serverFor,
  storesOf,
  tlsSuite,
  urlSuite,
  usersSuite,
} from "@kv/test-servers";
import { ClientSideCache, GlideClient, type GlideClientConfiguration } from "@valkey/valkey-glide";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { ValkeyDriver, type ValkeyStoreOptions, valkeyStore } from "../src/index.ts";
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

const { open, later } = storesOf(vitest, (options: ValkeyStoreOptions) => valkeyStore(options));
const app = { username: "app", password: "s3cret" };
const alone = (options: ValkeyStoreOptions) => open({ host: "127.0.0.1", port: server.port, ...options });

usersSuite(vitest, {
  skipped,
  everything() {
    expect(leastUsers).toHaveLength(2);
    const stores = [alone(app), alone({ ...app, db: 1 })];
    return noRecent ? stores : [...stores, alone({ ...app, port: recent.port })];
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

describe.skipIf(skipped)("a user who is not let in", () => {
  it("costs one attempt for each call that gives a password; glide would go on in the background", async () => {
    const asker = new Asker(() => server, "default-own");
    later(() => asker.close());
    const attempts = async () => Number(/acl_access_denied_auth:(\d+)/.exec(await asker.text("INFO", "stats"))?.[1]);
    const before = await attempts();
    for (const credentials of [{ username: "app", password: "wrong" }, { password: "wrong" }, {}]) {
      const store = alone(credentials);
      await rejection(store.put("a", 1));
      await rejection(store.get("a"));
    }
    expect((await attempts()) - before).toBe(4);
  });
});

tlsSuite(vitest, {
  skipped: noTls,
  trusting: () => [open({ url: secure.url, tls: { ca: secure.ca } })],
  distrusting: () => open({ url: secure.url }),
  mismatched: () => [
    {
      store: open({ host: "127.0.0.1", port: secure.port, password: "p/w:@%" }),
      get: { code: "UNAVAILABLE" },
      put: { code: "UNAVAILABLE", outcome: "not-applied" },
    },
    {
      store: open({ url: `valkeys://127.0.0.1:${server.port}`, timeout: 300 }),
      put: { retryable: true, outcome: "not-applied" },
    },
  ],
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

urlSuite(vitest, {
  skipped,
  url: () => `valkey://app:s3cret@127.0.0.1:${server.port}/1`,
  driver: ValkeyDriver,
  same: () => alone({ ...app, db: 1 }),
});

describe.skipIf(skipped)("a URL", () => {
  it("or an option says which database it is", async () => {
    await open({ url: `valkey://app:s3cret@127.0.0.1:${server.port}/1` }).put("only there", 1);
    expect(await alone({ ...app, db: 1 }).get("only there")).toBe(1);
    expect(await alone(app).get("only there")).toBeUndefined();
  });

  it("counts less than what is given beside it", async () => {
    const store = open({ url: "valkey://app:wrong@127.0.0.1:1/7", port: server.port, password: "s3cret", db: 0 });
    await store.put("a", 1);
  });
});

optionsSuite(vitest, {
  make: (options) => valkeyStore(options as ValkeyStoreOptions),
  wrong: [
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
  ],
  secret: (password) =>
    [
      `valkey://u:${password}@h:99999`,
      `valkey://:${password}@h/x`,
      `http://:${password}@h`,
      `valkey://:%${password}@h`,
    ].map((url) => ({ url })),
});

async function connect(options: Partial<GlideClientConfiguration> = {}): Promise<GlideClient> {
  const addresses = [{ host: "127.0.0.1", port: server.port }];
  const credentials = { username: "default", password: "default-own" };
  const client = await GlideClient.createClient({ addresses, credentials, ...options });
  later(() => client.close());
  return client;
}

clientSuite(vitest, {
  skipped,
  // Lazy or not, and with a timeout that would be too short.
  async *usual() {
    for (const options of [{ lazyConnect: true }, { requestTimeout: 1 }]) {
      const client = await connect(options);
      yield { client, store: open({ client }), works: async () => expect(await client.ping()).toBe("PONG") };
    }
  },
  async *breaking() {
    for (const options of [
      { readFrom: "preferReplica" },
      { readOnly: true },
      { compression: { enabled: true } },
      { clientSideCache: ClientSideCache.create(1024, 1000) },
    ] satisfies Partial<GlideClientConfiguration>[]) {
      const client = await connect(options);
      yield () => valkeyStore({ client });
    }
  },
  async *beside() {
    const client = await connect();
    yield () => valkeyStore({ client, url: server.url });
  },
  async closed() {
    const client = await connect();
    return { store: open({ client }), close: () => client.close() };
  },
});

describe.skipIf(skipped)("a client of the caller's", () => {
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
});
