// A master that sentinels watch over: found by its name, replaced when it dies or hangs.

import { openStore, type StoreEvent } from "@kv/core";
import { listed, rejection, type Server, serverFor, startServer, Writers } from "@kv/test-servers";
import { Redis } from "ioredis";
import * as vitest from "vitest";
import { afterEach, describe, expect, it, vi } from "vitest";
import { RedisDriver, type RedisStoreOptions, redisStore } from "../src/index.ts";
import { clientOf } from "./helpers.ts";

const { server: shared, skipped } = await serverFor(vitest, "redis-sentinel", { own: true });

/** Long enough for a machine that is busy with many. */
const PATIENT = { timeout: 120_000 };

const closing: (() => unknown)[] = [];

function open(options: RedisStoreOptions) {
  const events: StoreEvent[] = [];
  const store = redisStore({ onEvent: (event) => events.push(event), ...options });
  closing.push(() => store.close());
  return { store, events };
}

/** A server, its replica and their sentinel, for one test. */
async function start(options: Parameters<typeof startServer<"redis-sentinel">>[1] = {}) {
  const { server, skipped } = await startServer("redis-sentinel", { own: true, ...options });
  if (!server) throw new Error(skipped);
  closing.push(() => server.stop());
  const [master, replica, sentinel] = server.nodes;
  if (!master || !replica || !sentinel) throw new Error("there are three");
  return { server, master, replica, sentinel };
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Resolves once the sentinel names the server as the master. */
async function becomeMaster(sentinel: Server, server: Server): Promise<void> {
  const client = clientOf(sentinel);
  await vi.waitFor(
    async () =>
      expect(await client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")).toEqual([
        "127.0.0.1",
        `${server.port}`,
      ]),
    { timeout: 60_000, interval: 20 },
  );
  client.disconnect();
}

describe.skipIf(skipped)("a master under Sentinel", PATIENT, () => {
  it("is found by name, from a URL or options, in the database that is asked for", async () => {
    const store = await openStore(`${shared.url}/2`, { needs: ["write", "atomic"] });
    closing.push(() => store.close());
    expect(store.driver).toBeInstanceOf(RedisDriver);
    await store.put("a", 1);
    const [master, , sentinel] = shared.nodes;
    const sentinels = [
      { host: "127.0.0.1", port: 1 },
      { host: "127.0.0.1", port: sentinel?.port ?? 0 },
    ];
    expect(await open({ sentinels, name: "mymaster", db: 2 }).store.get("a")).toBe(1);
    expect(await open({ url: `${master?.url}/2` }).store.get("a")).toBe(1);
    expect(await open({ url: shared.url }).store.get("a")).toBeUndefined();
  });

  it("is not there where no sentinel is, or none knows it", async () => {
    const [, , sentinel] = shared.nodes;
    const { store: nobody } = open({ url: "redis+sentinel://127.0.0.1:1/mymaster" });
    const error = await rejection(nobody.put("a", 1));
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true, outcome: "not-applied" });
    expect(String(error)).toMatch(/Redis at 127.0.0.1:1: ECONNREFUSED/);
    const { store: stranger } = open({ url: `redis+sentinel://127.0.0.1:${sentinel?.port}/other` });
    expect(String(await rejection(stranger.get("a")))).toMatch(/no sentinel knows it/);
  });

  it("dies in the middle of writes: what was acknowledged is there, and all goes on by itself", async () => {
    const { server, master, replica, sentinel } = await start();
    const { store, events } = open({ url: server.url });
    const writers = new Writers((key, value) => store.put(key, value));
    await writers.acknowledge(200);
    const killed = performance.now();
    await master.kill();
    await writers.fail();
    await becomeMaster(sentinel, replica);
    await vi.waitFor(() => store.put("after", 1), { timeout: 60_000, interval: 20 });
    await writers.acknowledge(writers.acknowledged.size + 100);
    const recovered = writers.errors.length;
    await writers.acknowledge(writers.acknowledged.size + 200);
    await writers.stop();
    expect(writers.errors).toHaveLength(recovered);
    for (const error of writers.errors) expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    // Replication is asynchronous: only what was acknowledged just before the end may be gone.
    for (const before of await writers.lost((all) => store.getMany(all), killed)) expect(before).toBeLessThan(1000);
    expect(await store.getMany(writers.refused)).toEqual(writers.refused.map(() => undefined));
    expect(events.map(({ type }) => type)).toEqual(["connected", "connection-lost", "connected"]);
  });

  it("hangs, and is left for its replica", async () => {
    const { server, master, replica, sentinel } = await start();
    const { store } = open({ url: server.url, timeout: 500 });
    await store.put("a", 1, { timeout: "60s" });
    const client = clientOf(master);
    await client.call("WAIT", "1", "60000");
    client.disconnect();
    master.pause();
    try {
      expect(await rejection(store.put("a", 2))).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
      await becomeMaster(sentinel, replica);
      await vi.waitFor(async () => expect(await store.get("a")).toBe(1), { timeout: 60_000, interval: 20 });
      await store.put("a", 3, { timeout: "60s" });
    } finally {
      master.resume();
    }
    expect(await store.get("a", { timeout: "60s" })).toBe(3);
  });

  it("is given up where it has become a replica", async () => {
    const { server, master, replica, sentinel } = await start();
    const { store } = open({ url: server.url });
    await store.put("a", 1);
    // By hand and not by the sentinel, which would end the connection.
    const [old, next] = [clientOf(master), clientOf(replica)];
    await next.call("REPLICAOF", "NO", "ONE");
    await old.call("REPLICAOF", "127.0.0.1", `${replica.port}`);
    const admin = clientOf(sentinel);
    await admin.call("SENTINEL", "REMOVE", "mymaster");
    for (const client of [old, next]) client.disconnect();
    expect(await rejection(store.put("a", 2))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    // What a sentinel names that has not heard of it yet is no master, and not read from.
    await admin.call("SENTINEL", "MONITOR", "mymaster", "127.0.0.1", `${master.port}`, "2");
    const error = await rejection(store.get("a"));
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(String(error)).toMatch(/no master/);
    await admin.call("SENTINEL", "REMOVE", "mymaster");
    await admin.call("SENTINEL", "MONITOR", "mymaster", "127.0.0.1", `${replica.port}`, "1");
    admin.disconnect();
    await store.put("a", 3);
    expect(await store.get("a")).toBe(3);
  });

  it("takes no longer to be found than a call waits, though a sentinel hangs", async () => {
    const { server, sentinel } = await start();
    const { store } = open({ url: server.url, timeout: 300 });
    sentinel.pause();
    try {
      for (let attempt = 0; attempt < 3; attempt++) {
        const began = performance.now();
        expect(await rejection(store.put("a", 1))).toMatchObject({ retryable: true, outcome: "not-applied" });
        expect(performance.now() - began).toBeLessThan(5000);
      }
    } finally {
      sentinel.resume();
    }
    await vi.waitFor(() => store.put("a", 2), { timeout: 60_000, interval: 20 });
  });

  it("has a password of its own, and speaks TLS with the sentinels and the master", async () => {
    const { server, master } = await start({ password: "p/w:@%", sentinelPassword: "s3cret", tls: true });
    const tls = { ca: server.ca };
    const { store } = open({ url: server.url, tls, sentinelPassword: "s3cret" });
    await store.put("a", "x".repeat(100_000));
    expect(await store.get("a")).toHaveLength(100_000);
    expect(await open({ url: master.url, tls }).store.get("a")).toHaveLength(100_000);
    const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };
    expect(await rejection(open({ url: server.url, tls }).store.put("a", 1))).toMatchObject(denied);
    const wrong = { url: server.url, tls, sentinelPassword: "s3cret", password: "wrong" };
    expect(await rejection(open(wrong).store.put("a", 1))).toMatchObject(denied);
    const untrusted = await rejection(open({ url: server.url, sentinelPassword: "s3cret" }).store.get("a"));
    expect(untrusted).toMatchObject({ code: "BACKEND_FAILURE", retryable: false });
    expect(String(untrusted)).toMatch(/certificate/);
  });

  it("is used by a client of the caller's, which is refused where it might read from a replica", async () => {
    const { server, master, replica, sentinel } = await start();
    const watched = { sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "mymaster" };
    const settings = { ...watched, maxRetriesPerRequest: 0, enableOfflineQueue: false } as const;
    for (const fault of [{ role: "slave" as const }, { enableReadyCheck: false }]) {
      const client = new Redis({ ...settings, ...fault, lazyConnect: true });
      expect(() => redisStore({ client })).toThrow(/would break the contract/);
    }
    const client = new Redis({ ...settings, sentinelRetryStrategy: () => 20, retryStrategy: () => 20 });
    closing.push(() => client.disconnect());
    const { store } = open({ client });
    await store.put("a", 1);
    await master.kill();
    expect(await rejection(store.put("a", 2))).toMatchObject({ code: "UNAVAILABLE" });
    await becomeMaster(sentinel, replica);
    await vi.waitFor(() => store.put("a", 3), { timeout: 60_000, interval: 20 });
    expect(await listed(store.collection().keys())).toEqual(["a"]);
    expect(server.nodes).toHaveLength(3);
  });
});
