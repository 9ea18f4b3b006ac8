// Who may connect, and how: users with few permissions, passwords, TLS.

import { readFile } from "node:fs/promises";
import { openStore } from "@kv/core";
import { listed, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { type RedisStore, type RedisStoreOptions, redisStore } from "../src/index.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
/** The lines of the README that tell the least permissions, in the form of an ACL file. */
const leastUsers = [...readme.matchAll(/^user \S+ on .*$/gm)].map(([line]) => line);

const { server, skipped } = await serverFor(vitest, "redis", {
  password: "default-own",
  acl: [...leastUsers, "user stranger on >pw ~other:* +@all", "user mute on >pw ~* -@all"],
});
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

async function using(options: RedisStoreOptions, use: (store: ReturnType<typeof redisStore>) => Promise<unknown>) {
  const store = redisStore(options);
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

async function doEverything(store: RedisStore): Promise<void> {
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
  expect(await listed(store.collections())).toEqual(["users"]);
  await users.clear();
  await store.clearAll();
  await store.cull();
  await store.ping();
}

describe.skipIf(skipped)("an ACL user", () => {
  const address = () => ({ host: "127.0.0.1", port: server.port });

  it("does everything with the permissions that the README tells", async () => {
    expect(leastUsers).toHaveLength(2);
    await using({ ...address(), username: "app", password: "s3cret" }, async (store) => {
      await doEverything(store);
      await using({ ...address(), username: "app", password: "s3cret", db: 1 }, (other) => other.put("a", 1));
    });
  });

  it("reads what it may read, and is told by AccessDeniedError what it may not do", async () => {
    await using({ ...address(), password: "default-own" }, (store) => store.put("a", 1));
    await using({ ...address(), username: "reader", password: "s3cret" }, async (store) => {
      expect(await store.get("a")).toBe(1);
      expect(await store.getMany(["a", "b"])).toEqual([1, undefined]);
      expect(await listed(store.collection().keys())).toEqual(["a"]);
      const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };
      expect(await rejection(store.put("a", 2))).toMatchObject(denied);
      expect(await rejection(store.delete("a"))).toMatchObject(denied);
      expect(await rejection(store.take("a"))).toMatchObject(denied);
      expect(await rejection(store.putIfAbsent("b", 2))).toMatchObject(denied);
      expect(await rejection(store.increment("n"))).toMatchObject(denied);
      expect(await rejection(store.collection().clear())).toMatchObject({ code: "ACCESS_DENIED" });
      expect(await rejection(store.putMany([{ key: "b", value: 1 }]))).toMatchObject({
        failures: [{ key: "b", error: denied }],
      });
      expect(await store.get("a")).toBe(1);
    });
    await using({ ...address(), username: "stranger", password: "pw" }, async (store) => {
      expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
    });
    await using({ ...address(), username: "mute", password: "pw" }, async (store) => {
      expect(await rejection(store.ping())).toMatchObject({ code: "ACCESS_DENIED" });
    });
  });

  it("is not let in with a wrong password, or with none", async () => {
    for (const credentials of [
      { username: "app", password: "wrong" },
      { username: "nobody", password: "s3cret" },
      { password: "wrong" },
      {},
    ]) {
      await using({ ...address(), ...credentials }, async (store) => {
        const error = await rejection(store.put("a", 1));
        expect(error).toMatchObject({ code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" });
        expect(String(error)).not.toContain("wrong ");
        expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
      });
    }
  });
});

describe.skipIf(noTls)("TLS", () => {
  it("is spoken by rediss:, with an authority of one's own, user and password from the URL", async () => {
    await using({ url: secure.url, tls: { ca: secure.ca } }, async (store) => {
      await store.put("a", "x".repeat(100_000));
      expect(await store.get("a")).toHaveLength(100_000);
      expect(await store.increment("n")).toBe(1);
    });
  });

  it("trusts nobody else", async () => {
    await using({ url: secure.url }, async (store) => {
      const error = await rejection(store.get("a"));
      expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false });
      expect(String(error)).toMatch(/certificate/);
    });
  });

  it("is missed where only one side speaks it", async () => {
    await using({ host: "127.0.0.1", port: secure.port }, async (store) => {
      expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    });
    // Redis waits for the rest of what to it is the beginning of a command.
    await using({ url: `rediss://127.0.0.1:${server.port}`, timeout: 300 }, async (store) => {
      expect(await rejection(store.put("a", 1))).toMatchObject({ retryable: true, outcome: "not-applied" });
    });
  });
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
    expect(await rejection(found.put("a", 1))).toMatchObject({ outcome: "not-applied" });
    await found.close();
    await using({ url: cluster.url, tls: tls() }, async (store) => {
      await store.put("a", "x".repeat(100_000));
      expect(await store.get("a")).toHaveLength(100_000);
      expect(await store.increment("n")).toBe(1);
      await store.clearAll();
    });
  });

  it("lets a user do everything with the permissions that the README tells", async () => {
    await using(as("app"), doEverything);
    await using(as("reader"), async (store) => {
      expect(await store.getMany(["a", "b"])).toEqual([undefined, undefined]);
      expect(await listed(store.collection().keys())).toEqual([]);
      const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };
      expect(await rejection(store.put("a", 2))).toMatchObject(denied);
      expect(await rejection(store.putMany([{ key: "b", value: 1 }]))).toMatchObject({
        failures: [{ key: "b", error: denied }],
      });
    });
  });

  it("is told by AccessDeniedError whom it does not let in, and why nobody is trusted", async () => {
    for (const options of [as("app", "wrong"), as("nobody"), as("app-alone")]) {
      await using(options, async (store) => {
        const error = await rejection(store.put("a", 1));
        expect(error).toMatchObject({ code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" });
      });
    }
    await using({ url: cluster.url }, async (store) => {
      const error = await rejection(store.get("a"));
      expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false });
      expect(String(error)).toMatch(/certificate/);
    });
  });
});

describe.skipIf(noSentinel)("a master under Sentinel", () => {
  it("lets a user do everything with the permissions that the README tells", async () => {
    await using({ url: sentinel.url, username: "app", password: "s3cret" }, doEverything);
    await using({ url: sentinel.url, username: "app-alone", password: "s3cret" }, async (store) => {
      expect(await rejection(store.put("a", 1))).toMatchObject({ code: "ACCESS_DENIED", outcome: "not-applied" });
    });
  });
});

describe("options", () => {
  it.each<[string, { readonly [option: string]: unknown }]>([
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
  ])("are refused: %s", (_, options) => {
    expect(() => redisStore(options)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});
