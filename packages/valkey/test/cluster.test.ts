// A cluster: how often its nodes are asked what, slots that move, masters that die or hang, a client of the caller's.

import { once } from "node:events";
import { connect } from "node:net";
import { openStore, type StoreEvent } from "@kv/core";
import { LossyProxy, listed, rejection, type Server, serverFor, Writers } from "@kv/test-servers";
import { GlideClusterClient } from "@valkey/valkey-glide";
import * as vitest from "vitest";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ValkeyDriver, type ValkeyStoreOptions, valkeyStore } from "../src/index.ts";
import { Asker } from "./helpers.ts";

/** Long enough for a machine that is busy with many. */
const PATIENT = { timeout: 180_000 };

const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`);
const entries = keys.map((key) => ({ key, value: key }));
const nameOf = (key: string) => `default_collection::${key}`;

const closing: (() => unknown)[] = [];

function open(options: ValkeyStoreOptions) {
  const events: StoreEvent[] = [];
  const store = valkeyStore({ onEvent: (event) => events.push(event), ...options });
  closing.push(() => store.close());
  return { store, types: () => events.map(({ type }) => type) };
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const { server: twins, skipped: noTwins } = await serverFor(vitest, "valkey-cluster", { replicas: 1 });

for (const name of ["valkey9-cluster", "valkey-cluster"] as const) {
  const { server, skipped } = await serverFor(vitest, name, { own: true });
  const compares = name === "valkey9-cluster";

  describe.skipIf(skipped)(name, PATIENT, () => {
    let askers: Asker[] = [];
    let [a] = askers as [Asker];
    beforeAll(() => {
      askers = server.nodes.map((node) => new Asker(() => node));
      [a] = askers as [Asker];
    });
    beforeEach(async () => {
      for (const asker of askers) await asker.ask("FLUSHALL");
    });
    afterAll(async () => {
      for (const asker of askers) await asker.close();
    });

    /** Counted over all nodes, without what glide asks for itself. */
    async function commands(): Promise<Record<string, number>> {
      const total: Record<string, number> = {};
      for (const counts of await Promise.all(askers.map((asker) => asker.commandsSince()))) {
        for (const [command, count] of Object.entries(counts)) {
          if (/^(?:cluster\||client\||ping|asking|select|readonly)/.test(command)) continue;
          total[command] = (total[command] ?? 0) + count;
        }
      }
      return total;
    }

    /** What some operations need is found out by each node's first: the scripts, and what it cannot do. */
    async function warm(store: ReturnType<typeof valkeyStore>): Promise<void> {
      await store.putMany(entries);
      await store.deleteMany(keys);
      for (const key of keys) {
        await store.put(key, 1);
        await store.update(key, () => 2);
        await store.update(key, () => undefined);
        await store.take(key);
      }
      await commands();
    }

    it("is asked as often as the README says", async () => {
      const { store } = open({ url: server.url });
      await warm(store);
      const swap = compares ? { set: 1 } : { evalsha: 1, get: 1, set: 1 };
      for (const [operation, expected] of [
        [() => store.put("a", 1), { set: 1 }],
        [() => store.get("a"), { get: 1 }],
        [() => store.update("a", () => 2), compares ? { get: 1, ...swap } : { ...swap, get: 2 }],
        [() => store.take("a"), { evalsha: 1, get: 1, del: 1 }],
        [() => store.delete("a"), { evalsha: 1, getrange: 1, del: 1 }],
        [() => store.putMany(entries), { set: 100 }],
        [() => store.getMany(keys), { get: 100 }],
        [() => listed(store.collection().keys()), { scan: 3, get: 100 }],
        [() => store.deleteMany(keys), { evalsha: 100, getrange: 100, del: 100 }],
      ] as const) {
        await operation();
        expect(await commands(), String(operation)).toEqual(expected);
      }
      await store.putMany(entries);
      await commands();
      await store.collection().clear();
      expect(await commands()).toEqual({ scan: 3, get: 100, unlink: 100 });
    });

    it("is opened by its URL, with one of its nodes and one that is not there", async () => {
      const url = `valkey+cluster://127.0.0.1:1,127.0.0.1:${server.nodes[1]?.port}`;
      const store = await openStore(url, { needs: ["write", "enumerate"] });
      closing.push(() => store.close());
      expect(store.driver).toBeInstanceOf(ValkeyDriver);
      await store.putMany(entries);
      expect(await store.getMany(keys)).toEqual(keys);
    });

    describe("a slot that moves", () => {
      const tag = "moving";
      const moving = Array.from({ length: 300 }, (_, at) => `{${tag}}${at}`);
      /** More than a page on each master, so that the first key comes before the last master has been asked. */
      const lying = Array.from({ length: 2000 }, (_, at) => `lying-${at}`);

      /** As administrators do; with `names`, only those, and the slot stays on its way. */
      async function moveSlot(from: Asker, to: Asker, names?: readonly string[]): Promise<void> {
        const slot = await a.text("CLUSTER", "KEYSLOT", tag);
        const [source, target] = [await from.text("CLUSTER", "MYID"), await to.text("CLUSTER", "MYID")];
        await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source);
        await from.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target);
        const list = await from.ask("CLUSTER", "GETKEYSINSLOT", slot, "1000");
        const all = names ?? (Array.isArray(list) ? list.map(String) : []);
        if (all.length > 0) await from.ask("MIGRATE", "127.0.0.1", `${to.port}`, "", "0", "5000", "KEYS", ...all);
        if (names) return;
        await to.ask("CLUSTER", "SETSLOT", slot, "NODE", target);
        await from.ask("CLUSTER", "SETSLOT", slot, "NODE", target);
      }

      async function ownerAndOthers(): Promise<[Asker, ...Asker[]]> {
        const slot = Number(await a.text("CLUSTER", "KEYSLOT", tag));
        const owner = askers[Math.floor((slot * 3) / 16_384)] ?? a;
        return [owner, ...askers.filter((asker) => asker !== owner)];
      }

      it.each(["whole", "in part"])(
        "loses no record, and none of an enumeration that is under way (%s)",
        async (extent) => {
          const { store } = open({ url: server.url });
          await store.putMany([...moving, ...lying].map((key) => ({ key, value: key })));
          const [from, ...others] = await ownerAndOthers();
          for (const to of others) {
            const found: string[] = [];
            const names = extent === "whole" ? undefined : moving.map(nameOf);
            try {
              for await (const key of store.collection().keys()) {
                if (found.push(key) === 1) await moveSlot(from, to, names);
              }
              expect(await store.getMany(moving)).toEqual(moving);
              expect(await store.increment(`{${tag}}new`)).toBe(1);
              expect(await store.delete(`{${tag}}new`)).toBe(true);
            } finally {
              if (names) await moveSlot(from, to);
              await moveSlot(to, from);
            }
            expect(found).toHaveLength(moving.length + lying.length);
            expect(new Set(found)).toEqual(new Set([...moving, ...lying]));
          }
          await store.collection().clear();
          expect(await Promise.all(askers.map((asker) => asker.number("DBSIZE")))).toEqual([0, 0, 0]);
        },
      );
    });

    describe("a request whose reply is lost", () => {
      const proxies: LossyProxy[] = [];

      /** The nodes tell clients that they are where the proxies are. */
      beforeAll(async () => {
        for (const asker of askers) {
          const proxy = await LossyProxy.start(asker.port);
          proxies.push(proxy);
          await asker.ask("CONFIG", "SET", "cluster-announce-port", `${proxy.port}`);
        }
        // They tell each other.
        await vi.waitFor(
          async () => {
            for (const asker of askers) {
              const told = await asker.text("CLUSTER", "NODES");
              for (const { port } of proxies) expect(told).toContain(`127.0.0.1:${port}@`);
            }
          },
          { timeout: 60_000 },
        );
      });
      afterAll(async () => {
        for (const asker of askers) await asker.ask("CONFIG", "SET", "cluster-announce-port", "0");
        for (const proxy of proxies) proxy.close();
      });

      const addresses = () => proxies.slice(0, 1).map(({ port }) => ({ host: "127.0.0.1", port }));

      async function loseOneByOne(options: ValkeyStoreOptions): Promise<void> {
        const { store } = open(options);
        const lost = { retryable: true, outcome: "unknown" };
        const loseNext = () => {
          for (const proxy of proxies) proxy.loseNextReply();
        };
        await warm(store);
        loseNext();
        expect(await rejection(store.put("a", 1))).toMatchObject(lost);
        await vi.waitFor(async () => expect(await store.get("a")).toBe(1));
        expect(await commands()).toMatchObject({ set: 1 });

        loseNext();
        expect(await rejection(store.take("a"))).toMatchObject(lost);
        await vi.waitFor(async () => expect(await store.get("a")).toBeUndefined());
        expect(await commands()).toMatchObject({ evalsha: 1, del: 1 });

        await vi.waitFor(() => store.getMany(keys));
        await commands();
        loseNext();
        await rejection(store.putMany(entries));
        await vi.waitFor(() => store.getMany(keys));
        // Where no connection was left, some were not sent at all.
        expect((await commands()).set).toBeLessThanOrEqual(100);
      }

      it("is not sent again, and its outcome is unknown", async () => {
        await loseOneByOne({ cluster: addresses() });
      });

      it("is not sent again by a client of the caller's", async () => {
        const client = await GlideClusterClient.createClient({
          addresses: addresses(),
          requestTimeout: 5000,
          recoveryRequestsQueueSize: 0,
        });
        closing.push(() => client.close());
        await loseOneByOne({ client });
      });
    });
  });
}

describe.skipIf(noTwins)("a master with a replica", PATIENT, () => {
  /** Resolves once each node serves and is in step, after whatever an earlier test has done. */
  async function becomeWhole(): Promise<void> {
    for (const node of twins.nodes) {
      // glide would try for long.
      const socket = connect(node.port, "127.0.0.1");
      await once(socket, "connect").catch(() => node.restart());
      socket.destroy();
      const again = new Asker(() => node);
      await vi.waitFor(
        async () => {
          expect(await again.text("CLUSTER", "INFO")).toContain("cluster_state:ok");
          expect(await again.text("CLUSTER", "NODES")).not.toMatch(/fail|disconnected/);
          expect(await again.text("INFO", "replication")).not.toContain("master_link_status:down");
        },
        { timeout: 60_000, interval: 50 },
      );
      await again.close();
    }
  }

  async function aMaster(): Promise<Server> {
    for (const node of twins.nodes) {
      const asker = new Asker(() => node);
      const role = await asker.text("ROLE");
      await asker.close();
      if (role.startsWith("master")) return node;
    }
    throw new Error("a cluster has masters");
  }

  it.each(["dies", "hangs"] as const)("%s in the middle of writes, and all goes on by itself", async (how) => {
    await becomeWhole();
    const master = await aMaster();
    const { store } = open({ url: twins.url, ...(how === "hangs" && { timeout: 1000 }) });
    const records = store.collection(how);
    await records.putMany(entries);
    await becomeWhole();
    const writers = new Writers((key, value) => records.put(key, value));
    let reading = true;
    const reader = (async () => {
      for (let at = 0; reading; at++) {
        const key = keys[at % keys.length] ?? "";
        const value = await records.get(key).catch((error: unknown) => error);
        if (value instanceof Error) expect(value).toMatchObject({ retryable: true });
        else expect(value).toBe(key);
      }
    })();
    await writers.acknowledge(200);
    const ended = performance.now();
    if (how === "dies") await master.kill();
    else master.pause();
    try {
      await writers.fail();
      await vi.waitFor(() => records.putMany(entries), { timeout: 90_000, interval: 20 });
      expect(await records.getMany(keys)).toEqual(keys);
    } finally {
      if (how === "hangs") master.resume();
    }
    await writers.acknowledge(writers.acknowledged.size + 100);
    await writers.stop();
    reading = false;
    await reader;
    await becomeWhole();
    for (const error of writers.errors) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(?:UNAVAILABLE|TIMEOUT)$/), retryable: true });
    }
    const read = (some: string[]) => records.getMany(some, { timeout: "60s" });
    // Replication is asynchronous: only what was acknowledged just before the end may be gone.
    for (const before of await writers.lost(read, ended)) expect(Math.abs(before)).toBeLessThan(1000);
    expect(await read(writers.refused)).toEqual(writers.refused.map(() => undefined));
    const listedKeys = new Set(await listed(records.keys({ timeout: "60s" })));
    for (const key of keys) expect(listedKeys).toContain(key);
  });

  it("is told as unavailable with all the others, and served when they are back", async () => {
    await becomeWhole();
    const { store } = open({ url: twins.url });
    await store.put("a", 1);
    await twins.kill();
    await rejection(store.put("a", 2));
    const { store: fresh } = open({ url: twins.url, timeout: "60s" });
    const error = await rejection(fresh.put("a", 2));
    expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    expect(String(error)).toMatch(/ECONNREFUSED/);
    await twins.restart();
    for (const one of [store, fresh]) {
      await vi.waitFor(() => one.put("b", 1), { timeout: 60_000, interval: 20 });
      expect(await one.get("b")).toBe(1);
    }
  });
});

describe.skipIf(noTwins)("a cluster client of the caller's", PATIENT, () => {
  it("is refused where it reads from replicas", async () => {
    const addresses = twins.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const client = await GlideClusterClient.createClient({
      addresses,
      readFrom: "preferReplica",
      requestTimeout: 5000,
    });
    closing.push(() => client.close());
    expect(() => valkeyStore({ client })).toThrow(/would break the contract/);
  });

  it("works, and stays open", async () => {
    const addresses = twins.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const client = await GlideClusterClient.createClient({
      addresses,
      requestTimeout: 5000,
      recoveryRequestsQueueSize: 0,
    });
    closing.push(() => client.close());
    const { store } = open({ client });
    await store.putMany(entries);
    expect(await store.getMany(keys)).toEqual(keys);
    expect(await listed(store.collection().keys({ prefix: "key-" }))).toHaveLength(keys.length);
    await store.close();
    expect(await client.ping()).toBe("PONG");
  });
});
