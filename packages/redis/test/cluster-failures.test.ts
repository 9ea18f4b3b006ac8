// A cluster that is ill: masters that die, hang, come back, have a replica that takes over, or none.

import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { StoreEvent } from "@kv/core";
import { listed, rejection, type Server, serverFor, startServer, Writers } from "@kv/test-servers";
import { Cluster } from "ioredis";
import * as vitest from "vitest";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type RedisStoreOptions, redisStore } from "../src/index.ts";
import { slotOf } from "../src/slots.ts";
import { clientOf } from "./helpers.ts";

const { server: twins, skipped } = await serverFor(vitest, "redis-cluster", { replicas: 1 });
const { server: lonely, skipped: noLonely } = await serverFor(vitest, "redis-cluster", {
  appendonly: true,
  args: ["--cluster-require-full-coverage", "no"],
});

/** Long enough for a machine that is busy with many. */
const PATIENT = { timeout: 180_000 };

const closing: (() => unknown)[] = [];

function open(options: RedisStoreOptions) {
  const events: StoreEvent[] = [];
  const store = redisStore({ onEvent: (event) => events.push(event), ...options });
  closing.push(() => store.close());
  return { store, events };
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const keys = Array.from({ length: 300 }, (_, at) => `key-${at}`);
const entries = keys.map((key) => ({ key, value: key }));

/** What its replicas say that their master is. */
async function portOfMaster(replica: Server): Promise<unknown> {
  const client = clientOf(replica);
  const role = await client.role().finally(() => client.disconnect());
  return role[0] === "slave" ? role[2] : undefined;
}

/** Resolves once the cluster is whole, after whatever an earlier test has done to it. */
async function becomeWhole({ nodes }: Server): Promise<void> {
  const isUp = async (node: Server): Promise<boolean> => {
    const client = clientOf(node);
    const up = await client.ping().then(
      () => true,
      () => false,
    );
    client.disconnect();
    return up;
  };
  for (const node of nodes) if (!(await isUp(node))) await node.restart();
  await vi.waitFor(
    async () => {
      for (const node of nodes) {
        const client = clientOf(node);
        try {
          expect(await client.cluster("INFO")).toContain("cluster_state:ok");
          expect(await client.cluster("NODES")).not.toMatch(/fail|disconnected/);
          expect(await client.info("replication")).not.toContain("master_link_status:down");
        } finally {
          client.disconnect();
        }
      }
    },
    { timeout: 40_000, interval: 50 },
  );
}

/** One of the masters and its replica, as they are now. */
async function pairOf(cluster: Server): Promise<{ master: Server; replica: Server }> {
  for (const replica of cluster.nodes) {
    const port = await portOfMaster(replica);
    const master = cluster.nodes.find((node) => node.port === port);
    if (master) return { master, replica };
  }
  throw new Error("each master has a replica");
}

describe.skipIf(skipped)("a master with a replica", PATIENT, () => {
  it("dies in the middle of writes: what was acknowledged is there, and all goes on by itself", async () => {
    await becomeWhole(twins);
    const { master } = await pairOf(twins);
    const { store, events } = open({ url: twins.url });
    await store.putMany(entries);
    await becomeWhole(twins);

    const writers = new Writers((key, value) => store.put(key, value));
    let reading = true;
    let reads = 0;
    const readers = Array.from({ length: 2 }, async () => {
      for (; reading; reads++) {
        const key = keys[reads % keys.length] ?? "";
        const value = await store.get(key).catch((error: unknown) => error);
        if (value instanceof Error) expect(value).toMatchObject({ retryable: true });
        else expect(value).toBe(key);
      }
    });
    const lister = (async () => {
      for (let complete = 0; reading || complete === 0; ) {
        const found = await listed(store.collection().keys({ prefix: "key-" })).catch((error: unknown) => error);
        if (!(found instanceof Error)) complete = Array.isArray(found) && found.length === keys.length ? 1 : Number.NaN;
        else expect(found).toMatchObject({ retryable: true });
        expect(complete).not.toBeNaN();
        await sleep(20);
      }
    })();

    await writers.acknowledge(200);
    const killed = performance.now();
    await master.kill();
    await writers.fail();
    // As soon as the slots of the dead one are served, all writes succeed again.
    await vi.waitFor(() => store.putMany(entries), { timeout: 90_000, interval: 20 });
    await writers.acknowledge(writers.acknowledged.size + 100);
    const recovered = writers.errors.length;
    await writers.acknowledge(writers.acknowledged.size + 200);
    await writers.stop();
    reading = false;
    await Promise.all([...readers, lister]);

    expect(writers.errors).toHaveLength(recovered);
    for (const error of writers.errors) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(?:UNAVAILABLE|TIMEOUT)$/), retryable: true });
    }
    // Replication is asynchronous: only what was acknowledged just before the end may be gone.
    for (const before of await writers.lost((all) => store.getMany(all), killed)) expect(before).toBeLessThan(1000);
    expect(await store.getMany(writers.refused)).toEqual(writers.refused.map(() => undefined));
    expect(reads).toBeGreaterThan(0);
    expect(events.map(({ type }) => type)).toContain("connection-lost");

    // The dead one comes back as a replica, and is asked for nothing.
    await master.restart();
    await becomeWhole(twins);
    await store.putMany(entries);
    expect(await store.getMany(keys)).toEqual(keys);
  });

  it("hangs: writes on their way are unknown, others leave unsent, and the replica serves them soon", async () => {
    await becomeWhole(twins);
    const { master } = await pairOf(twins);
    const { store } = open({ url: twins.url, timeout: 500 });
    await store.putMany(entries, { timeout: "60s" });
    await becomeWhole(twins);
    master.pause();
    try {
      const settled = await Promise.allSettled(keys.map((key) => store.put(key, `${key}.`)));
      const errors = settled.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) expect(error).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
      // By now the connection counts as dead.
      const again = await Promise.allSettled(keys.map((key) => store.put(key, `${key}..`)));
      for (const result of again) {
        if (result.status === "rejected")
          expect(result.reason).toMatchObject({ retryable: true, outcome: "not-applied" });
      }
      await vi.waitFor(() => store.putMany(entries), { timeout: 90_000, interval: 20 });
      expect(await store.getMany(keys)).toEqual(keys);
    } finally {
      master.resume();
    }
    await becomeWhole(twins);
    expect(await store.getMany(keys, { timeout: "60s" })).toEqual(keys);
  });

  it("gives its place away while a client enumerates", async () => {
    await becomeWhole(twins);
    const { store } = open({ url: twins.url });
    await store.clearAll();
    await store.putMany(entries);
    await becomeWhole(twins);
    const { driver } = store;
    const found: string[] = [];
    let cursor: NonNullable<unknown> | undefined;
    let pages = 0;
    do {
      const call = {
        operation: "keys",
        signal: new AbortController().signal,
        deadline: performance.now() + 60_000,
        ended: false,
        markSent() {},
      };
      const page = await driver.list?.(
        { collection: "default_collection", keyPrefix: "" },
        { values: false, cursor },
        call,
      );
      found.push(...(page?.items ?? []).map(({ key }) => key));
      cursor = page?.next;
      if (++pages === 1) {
        const { master, replica } = await pairOf(twins);
        const client = clientOf(replica);
        await client.cluster("FAILOVER", "TAKEOVER");
        client.disconnect();
        await vi.waitFor(async () => expect(await portOfMaster(master)).toBe(replica.port), { timeout: 60_000 });
      }
    } while (cursor !== undefined);
    expect(found).toHaveLength(keys.length);
    expect(new Set(found)).toEqual(new Set(keys));
  });
});

describe.skipIf(noLonely)("a master without a replica", PATIENT, () => {
  it("is down: its records are errors and no misses, the others are served", async () => {
    await becomeWhole(lonely);
    const { store } = open({ url: lonely.url });
    await store.clearAll();
    await store.putMany(entries);
    const [first] = lonely.nodes;
    // The masters have a third of the slots each.
    const its = keys.filter((key) => slotOf(`default_collection::${key}`) < 16_384 / 3 - 1);
    const others = keys.filter((key) => !its.includes(key));
    expect(its.length).toBeGreaterThan(10);
    await first?.kill();

    const unavailable = { code: "UNAVAILABLE", retryable: true };
    const check = async (): Promise<void> => {
      expect(await rejection(store.get(its[0] ?? ""))).toMatchObject(unavailable);
      expect(await rejection(store.put(its[0] ?? "", 1))).toMatchObject({ ...unavailable, outcome: "not-applied" });
      expect(await rejection(store.getMany(keys))).toMatchObject({
        failures: its.map((key) => ({ key, error: unavailable })),
      });
      expect(await rejection(store.deleteMany(its))).toMatchObject({
        failures: its.map((key) => ({ key, error: { ...unavailable, outcome: "not-applied" } })),
      });
      expect(await store.getMany(others)).toEqual(others);
      expect(await rejection(listed(store.collection().keys()))).toMatchObject(unavailable);
      expect(await rejection(store.collection("others").clear())).toMatchObject(unavailable);
      expect(await rejection(store.ping())).toMatchObject(unavailable);
    };
    await check();
    const [, second] = lonely.nodes;
    const client = clientOf(second as Server);
    await vi.waitFor(async () => expect(await client.cluster("NODES")).toMatch(/fail /), { timeout: 60_000 });
    client.disconnect();
    await check();

    await first?.restart();
    await vi.waitFor(() => store.put(its[0] ?? "", 1), { timeout: 60_000, interval: 20 });
    await becomeWhole(lonely);
    await store.put(its[0] ?? "", its[0] ?? "");
    expect(await store.getMany(keys)).toEqual(keys);
    expect(new Set(await listed(store.collection().keys()))).toEqual(new Set(keys));
  });

  it("hangs: a batch tells of the others' records", async () => {
    await becomeWhole(lonely);
    const { store } = open({ url: lonely.url });
    // All masters know the script then: to those that do not, it goes in a second exchange.
    await store.deleteMany(keys);
    await store.putMany(entries);
    const [first] = lonely.nodes;
    const its = keys.filter((key) => slotOf(`default_collection::${key}`) < 16_384 / 3 - 1);
    const failures = its.map((key) => ({ key, error: { code: "TIMEOUT", retryable: true } }));
    first?.pause();
    try {
      expect(await rejection(store.getMany(keys, { timeout: "2s" }))).toMatchObject({
        code: "BATCH_FAILED",
        results: keys.map((key) => (its.includes(key) ? undefined : key)),
        failures,
      });
      expect(await rejection(store.deleteMany(keys, { timeout: "2s" }))).toMatchObject({
        results: keys.map((key) => (its.includes(key) ? undefined : true)),
        failures: failures.map(({ key, error }) => ({ key, error: { ...error, outcome: "unknown" } })),
      });
    } finally {
      first?.resume();
    }
  });

  it("gives a slot away that nobody takes: no record of it is a miss", async () => {
    await becomeWhole(lonely);
    const { store } = open({ url: lonely.url });
    await store.put("a", 1);
    const slot = slotOf("default_collection::a");
    const clients = lonely.nodes.map(clientOf);
    closing.push(() => clients.map((client) => client.disconnect()));
    for (const client of clients) await client.cluster("DELSLOTS", slot).catch(() => {});
    try {
      await vi.waitFor(async () => {
        for (const client of clients)
          expect(await client.call("CLUSTER", "SLOTS").then(JSON.stringify)).not.toContain(`[${slot},`);
      });
      for (const attempt of [() => store.get("a"), () => store.put("a", 2), () => store.increment("a")]) {
        expect(await rejection(attempt())).toMatchObject({ code: "UNAVAILABLE", retryable: true });
      }
      const owner = clients[Math.floor((slot / 16_384) * 3)];
      expect(await rejection(listed(store.collection().keys()))).toMatchObject({ code: "UNAVAILABLE" });
      await owner?.cluster("ADDSLOTS", slot);
      await vi.waitFor(() => store.put("a", 2), { timeout: 60_000, interval: 20 });
    } finally {
      await clients[0]?.cluster("ADDSLOTS", slot).catch(() => {});
    }
  });
});

describe.skipIf(noLonely)("a cluster that is down", PATIENT, () => {
  it("is told at once, and serves the first call after its return", async () => {
    await becomeWhole(lonely);
    const { store } = open({ url: lonely.url });
    await store.putMany(entries);
    await lonely.kill();
    const { store: fresh } = open({ url: lonely.url, timeout: "60s" });
    for (const one of [store, fresh]) {
      for (let attempt = 0; attempt < 3; attempt++) {
        const error = await rejection(one.put("a", 1));
        expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
        if (attempt > 1) expect(String(error)).toMatch(/ECONNREFUSED/);
      }
    }
    await lonely.restart();
    for (const one of [store, fresh]) expect(await one.getMany(keys)).toEqual(keys);
  });

  it("does not hold a store beyond its deadlines, however it hangs", async () => {
    await becomeWhole(lonely);
    const { store } = open({ url: lonely.url, timeout: 300 });
    await store.put("a", 1, { timeout: "60s" });
    lonely.pause();
    try {
      const { store: fresh } = open({ url: lonely.url, timeout: 300 });
      for (const one of [store, fresh]) {
        for (let attempt = 0; attempt < 3; attempt++) {
          const began = performance.now();
          expect(await rejection(one.put("a", 2))).toMatchObject({ retryable: true });
          expect(performance.now() - began).toBeLessThan(5000);
        }
        expect(await rejection(one.put("a", 2))).toMatchObject({ outcome: "not-applied" });
      }
    } finally {
      lonely.resume();
    }
    await vi.waitFor(() => store.put("a", 3), { timeout: 60_000, interval: 20 });
    expect(await store.get("a", { timeout: "10s" })).toBe(3);
  });

  it("is none where its address is a single server's, or nobody's", async () => {
    const { server: alone } = await startServer("redis", { own: true });
    closing.push(() => alone?.stop());
    const { store: single } = open({ url: `redis+cluster://127.0.0.1:${alone?.port}` });
    const error = await rejection(single.put("a", 1));
    expect(error).toMatchObject({ code: "BACKEND_FAILURE", outcome: "not-applied" });
    expect(String(error)).toMatch(/in no cluster/);
    const { store: plain } = open({ url: lonely.nodes[0]?.url ?? "" });
    const errors = await Promise.all(["a", "b", "c"].map((key) => plain.get(key).catch((reason: unknown) => reason)));
    expect(errors.map(String).join("\n")).toMatch(/needs a client for clusters/);

    const silent = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    if (typeof address !== "object" || address === null) throw new Error("it listens");
    const { store: hanging } = open({ url: `redis+cluster://127.0.0.1:${address.port}`, timeout: 300 });
    expect(await rejection(hanging.put("a", 1))).toMatchObject({ retryable: true, outcome: "not-applied" });
    await hanging.close();
    silent.close();
  });
});

describe.skipIf(noLonely)("a cluster client of the caller's", PATIENT, () => {
  const startup = () => lonely.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));

  it("is refused where it would break the contract, or beside other options", () => {
    const wrong: ConstructorParameters<typeof Cluster>[1][] = [
      { scaleReads: "slave" },
      { scaleReads: "all" },
      { scaleReads: () => [] },
      { keyPrefix: "app:" },
      { redisOptions: { keyPrefix: "app:" } },
      { redisOptions: { commandTimeout: 100 } },
      { clusterNodeRetryStrategy: () => 20 },
    ];
    for (const options of wrong) {
      const client = new Cluster(startup(), { ...options, lazyConnect: true });
      expect(() => redisStore({ client })).toThrow(/would break the contract/);
    }
    const client = new Cluster(startup(), { lazyConnect: true });
    expect(() => redisStore({ client, url: lonely.url })).toThrow(/not both/);
  });

  it("is connected where it is not, waited for where it connects, and stays open", async () => {
    await becomeWhole(lonely);
    for (const lazyConnect of [true, false]) {
      const client = new Cluster(startup(), { lazyConnect });
      const { store } = open({ client });
      await Promise.all(keys.map((key) => store.put(key, key)));
      expect(await store.getMany(keys)).toEqual(keys);
      expect(await listed(store.collection().keys({ prefix: "key-" }))).toHaveLength(keys.length);
      await store.close();
      expect(client.status).toBe("ready");
      expect(client.listenerCount("error")).toBe(0);
      expect(
        client
          .nodes()
          .flatMap((node) => node.listeners("close").map(String))
          .join(),
      ).not.toContain("connection-lost");
      expect(await client.ping()).toBe("PONG");
      client.disconnect();
    }
  });

  it("connects again by itself", async () => {
    await becomeWhole(lonely);
    const client = new Cluster(startup(), { clusterRetryStrategy: () => 20 });
    closing.push(() => client.disconnect());
    const { store } = open({ client });
    await store.putMany(entries);
    await lonely.kill();
    expect(await rejection(store.put("a", 2))).toMatchObject({ code: "UNAVAILABLE" });
    expect(await rejection(store.put("a", 2))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    await lonely.restart();
    await vi.waitFor(() => store.put("a", 3), { timeout: 60_000, interval: 20 });
    expect(await store.getMany(keys)).toEqual(keys);
  });

  it("is not connected again once its owner has closed it", async () => {
    await becomeWhole(lonely);
    const client = new Cluster(startup());
    const { store } = open({ client });
    await store.put("a", 1);
    const ended = once(client, "end");
    client.disconnect();
    await ended;
    expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    expect(client.status).toBe("end");
  });
});
