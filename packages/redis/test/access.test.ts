// Who may connect, and how: users with few permissions, passwords, TLS.

import { readFile } from "node:fs/promises";
import { listed, rejection, serverFor } from "@kv/test-servers";
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
const { server: secure, skipped: noTls } = await serverFor(vitest, "redis", { tls: true, password: "p/w:@%" });

async function using(options: RedisStoreOptions, use: (store: ReturnType<typeof redisStore>) => Promise<unknown>) {
  const store = redisStore(options);
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

describe.skipIf(skipped)("an ACL user", () => {
  const address = () => ({ host: "127.0.0.1", port: server.port });

  it("does everything with the permissions that the README tells", async () => {
    expect(leastUsers).toHaveLength(2);
    await using({ ...address(), username: "app", password: "s3cret" }, async (store) => {
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
