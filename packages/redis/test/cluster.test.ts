// A cluster that is well: which node is asked what, how often, and what happens while slots move from one to another.

import { randomUUID } from "node:crypto";
import { LossyProxy, listed, rejection, serverFor } from "@kv/test-servers";
import { Cluster, type Redis } from "ioredis";
import * as vitest from "vitest";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type RedisStoreOptions, redisStore } from "../src/index.ts";
import { slotOf } from "../src/slots.ts";
import { BESIDE, clientOf, commandsOfAllSince, moveSlot } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "redis-cluster", { own: true });

const closing: (() => unknown)[] = [];

function open(options: RedisStoreOptions = {}) {
  const store = redisStore({ ...(options.client ? {} : { url: server.url }), ...options });
  closing.push(() => store.close());
  return store;
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe.skipIf(skipped)("a cluster", () => {
  let nodes: Redis[] = [];
  let [a, b, c] = nodes as [Redis, Redis, Redis];
  beforeAll(() => {
    nodes = server.nodes.map(clientOf);
    [a, b, c] = nodes as [Redis, Redis, Redis];
  });
  beforeEach(async () => {
    for (const node of nodes) await node.flushall();
  });
  afterAll(() => {
    for (const node of nodes) node.disconnect();
  });

  /** Counted over all nodes, without what finding them takes. */
  async function commands(): Promise<Record<string, number>> {
    const counts = Object.entries(await commandsOfAllSince(nodes));
    return Object.fromEntries(counts.filter(([name]) => !BESIDE.includes(name)));
  }

  const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`);

  /** A key whose record a node has. */
  async function keyOn(node: Redis): Promise<string> {
    for (;;) {
      const key = randomUUID();
      const moved = await node.get(`default_collection::${key}`).catch((error: Error) => error.message);
      if (moved === null) return key;
    }
  }

  it("finds the slot of a name as the server does", async () => {
    const names = [
      "a",
      "ä::日本",
      "{x}y",
      "a{b}c{d}",
      "{}a",
      "a{}{b}",
      "}{",
      "a{b",
      "x".repeat(10_000),
      "👍{👎}",
      "a\0{\n}",
    ];
    for (const name of names) expect(slotOf(name), name).toBe(await a.cluster("KEYSLOT", name));
  });

  describe("the exchanges", () => {
    const stores: ReturnType<typeof redisStore>[] = [];
    const store = () => stores[0] as ReturnType<typeof redisStore>;

    beforeAll(async () => {
      stores.push(redisStore({ url: server.url }));
    });
    afterAll(() => store().close());
    beforeEach(async () => {
      // Lets each node know the scripts.
      await store().putMany(keys.map((key) => ({ key, value: 1 })));
      await store().deleteMany(keys);
      for (const node of nodes) {
        const key = await keyOn(node);
        await store().put(key, 1);
        await store().increment(key);
        await store().take(key);
      }
      await commands();
    });

    it.each<[string, () => Promise<unknown>, Record<string, number>]>([
      ["get", () => store().get("a"), { get: 1 }],
      ["put with a TTL", () => store().put("a", 1, { ttl: "1h" }), { set: 1 }],
      ["delete", () => store().delete("a"), { evalsha: 1, getrange: 1, del: 1 }],
      ["getMany", () => store().getMany(keys), { get: 100 }],
      ["putMany", () => store().putMany(keys.map((key) => ({ key, value: 1 }))), { set: 100 }],
      ["deleteMany", () => store().deleteMany(keys), { evalsha: 100, getrange: 100, del: 100 }],
      ["putIfAbsent", () => store().putIfAbsent("a", 1), { set: 1 }],
      ["take", () => store().take("a"), { evalsha: 1, get: 1 }],
      ["increment", () => store().increment("a"), { get: 1, set: 1 }],
    ])("%s", async (_, operation, expected) => {
      await operation();
      expect(await commands()).toEqual(expected);
    });

    it("ping asks each master", async () => {
      await commandsOfAllSince(nodes);
      await store().ping();
      expect(await commandsOfAllSince(nodes)).toMatchObject({ ping: expect.toSatisfy((count) => count >= 3) });
    });

    it("of an enumeration are a SCAN for each master, and a GET for each record, written at once", async () => {
      await store().putMany(keys.map((key) => ({ key, value: 1 })));
      await commandsOfAllSince(nodes);
      expect(await listed(store().collection().keys())).toHaveLength(100);
      const { scan, get, "cluster|nodes": views } = await commandsOfAllSince(nodes);
      expect({ scan, get, views }).toEqual({ scan: 3, get: 100, views: 6 });
      await store().clearAll();
      expect(await commandsOfAllSince(nodes)).toMatchObject({ scan: 3, get: 100, unlink: 100 });
    });

    it("of a batch are one for each master", async () => {
      const reads = async (): Promise<number[]> => {
        const infos = await Promise.all(nodes.map((node) => node.info("stats")));
        return infos.map((info) => Number(/total_reads_processed:(\d+)/.exec(info)?.[1]));
      };
      const some = keys.slice(0, 30);
      await store().ping();
      for (const action of [
        () => store().putMany(some.map((key) => ({ key, value: key }))),
        () => store().getMany(some),
        () => Promise.all(some.map((key) => store().get(key))),
      ]) {
        const before = await reads();
        await action();
        const after = await reads();
        // The second question is counted in its own answer.
        expect(after.map((count, at) => count - (before[at] ?? 0) - 1)).toEqual([1, 1, 1]);
      }
    });

    it("of scripts are sent again as text where a node has forgotten them", async () => {
      await store().putMany(keys.map((key) => ({ key, value: 1 })));
      await a.script("FLUSH");
      expect(await store().deleteMany([...keys, "none"])).toBe(100);
      expect(await store().getMany(keys)).toEqual(keys.map(() => undefined));
    });
  });

  describe("a slot that moves", () => {
    /** A name whose slot a master has; enumerations come to the one with the highest slots last. */
    const tagIn = (first: number, last: number) =>
      keys.find((key) => slotOf(key) >= first && slotOf(key) <= last) ?? "";
    const keysOf = (tag: string, count: number, from = 0) =>
      Array.from({ length: count }, (_, at) => `{${tag}}${from + at}`);
    const [tagOfA, tagOfB, tag] = [tagIn(0, 5460), tagIn(5461, 10_922), tagIn(10_923, 16_383)];
    const slot = slotOf(tag);
    const tagged = (count: number) => keysOf(tag, count);
    const nameOf = (key: string) => `default_collection::${key}`;

    it("is followed: the node that has it no more has done nothing, and says where it is", async () => {
      const store = open();
      const [first = "", ...others] = tagged(30);
      await store.put(first, 1);
      await moveSlot(slot, c, a);
      try {
        await commands();
        expect(await store.increment(first)).toBe(2);
        expect(await commands()).toMatchObject({ set: 1 });
        expect(await a.exists(nameOf(first))).toBe(1);
      } finally {
        await moveSlot(slot, a, c);
      }
      await store.putMany(others.map((key) => ({ key, value: key })));
      expect(await c.exists(nameOf(first), ...others.map(nameOf))).toBe(30);
      await moveSlot(slot, c, b);
      try {
        expect(await store.getMany(others)).toEqual(others);
        expect(await store.deleteMany(others)).toBe(29);
      } finally {
        await moveSlot(slot, b, c);
      }
    });

    it("is found record by record while it is on its way", async () => {
      const store = open();
      const three = tagged(3);
      const [here = "", there = "", nowhere = ""] = three;
      await store.putMany([here, there].map((key) => ({ key, value: key })));
      await moveSlot(slot, c, a, [nameOf(there)]);
      try {
        expect(await store.get(there)).toBe(there);
        expect(await store.getMany(three)).toEqual([here, there, undefined]);
        expect(await store.putIfAbsent(nowhere, 1)).toBeDefined();
        expect(await store.increment(nowhere)).toBe(2);
        await store.putMany(three.map((key) => ({ key, value: 0 })));
        expect((await listed(store.collection().keys())).sort()).toEqual(three);
        // New ones are made where the slot will be.
        expect(await c.exists(nameOf(here))).toBe(1);
        expect(await c.dbsize()).toBe(1);
        expect(await store.deleteMany(three)).toBe(3);
        expect(await store.take(there)).toBeUndefined();
      } finally {
        await moveSlot(slot, c, a);
        await moveSlot(slot, a, c);
      }
    });

    it.each(["whole", "in part"])("loses no record of an enumeration that is under way (%s)", async (extent) => {
      const store = open();
      const moving = tagged(300);
      // More than a page, so that the first key comes before the last master has been asked.
      const lying = [...keysOf(tagOfA, 600), ...keys];
      await store.putMany([...moving, ...lying].map((key) => ({ key, value: 1 })));
      for (const to of [a, b]) {
        // From a master that is still to come to one that has been.
        const found: string[] = [];
        for await (const key of store.collection().keys()) {
          if (found.push(key) === 1) await moveSlot(slot, c, to, extent === "whole" ? undefined : moving.map(nameOf));
        }
        if (extent !== "whole") await moveSlot(slot, c, to);
        await moveSlot(slot, to, c);
        expect(found).toHaveLength(moving.length + lying.length);
        expect(new Set(found)).toEqual(new Set([...moving, ...lying]));
      }
    });

    it("loses no record of an enumeration during which it moves again and again", async () => {
      const store = open();
      const moving = tagged(300);
      // Each more than a page.
      const ofA = keysOf(tagOfA, 600);
      const ofB = keysOf(tagOfB, 600);
      const late = keysOf(tagOfA, 600, 600);
      const put = (some: readonly string[]) => store.putMany(some.map((key) => ({ key, value: 1 })));
      await put([...moving, ...ofA, ...ofB]);
      const found: string[] = [];
      let owner = c;
      const move = async (to: Redis): Promise<void> => {
        await moveSlot(slot, owner, to);
        owner = to;
      };
      try {
        for await (const key of store.collection().keys()) {
          found.push(key);
          // The first pass has been at both others; the second begins with what is new.
          if (owner === c && ofB.includes(key)) {
            expect(found.some((each) => moving.includes(each))).toBe(false);
            await move(b);
            await put(late);
          }
          if (owner === b && late.includes(key)) await move(a);
        }
        expect(owner).toBe(a);
      } finally {
        if (owner !== c) await move(c);
      }
      expect(found.sort()).toEqual([...moving, ...ofA, ...ofB, ...late].sort());
    });

    it.each(["whole", "in part"])("is cleared with the rest (%s)", async (extent) => {
      const store = open();
      const moving = tagged(300);
      await store.putMany([...moving, ...keys].map((key) => ({ key, value: 1 })));
      const { driver } = store;
      const call = {
        operation: "keys",
        signal: new AbortController().signal,
        deadline: performance.now() + 60_000,
        ended: false,
        markSent() {},
      };
      const scope = { collectionPrefix: "" };
      let cursor = await driver.clear?.(scope, undefined, call);
      await moveSlot(slot, c, a, extent === "whole" ? undefined : moving.map(nameOf));
      while (cursor !== undefined) cursor = await driver.clear?.(scope, cursor, call);
      if (extent !== "whole") await moveSlot(slot, c, a);
      await moveSlot(slot, a, c);
      expect(await Promise.all(nodes.map((node) => node.dbsize()))).toEqual([0, 0, 0]);
    });
  });

  describe("a request whose reply is lost", () => {
    const proxies: LossyProxy[] = [];

    /** The nodes tell clients that they are where the proxies are. */
    beforeAll(async () => {
      for (const node of nodes) {
        const proxy = await LossyProxy.start(node.options.port ?? 0);
        proxies.push(proxy);
        await node.config("SET", "cluster-announce-port", proxy.port);
      }
      // They tell each other.
      const told = proxies.map(({ port }) => port);
      await vi.waitFor(
        async () => {
          for (const node of nodes) expect(portsOf(await node.cluster("SLOTS"))).toEqual(told);
        },
        { timeout: 30_000 },
      );
    });
    afterAll(async () => {
      for (const node of nodes) await node.config("SET", "cluster-announce-port", 0);
      for (const proxy of proxies) proxy.close();
    });

    const url = () => `redis+cluster://127.0.0.1:${proxies[0]?.port}`;

    async function loseOneByOne(options: RedisStoreOptions): Promise<void> {
      const store = open(options);
      const lost = { code: "UNAVAILABLE", outcome: "unknown" };
      const loseNext = () => {
        for (const proxy of proxies) proxy.loseNextReply();
      };
      await store.putMany(keys.map((key) => ({ key, value: 1 })));
      await store.deleteMany(keys);
      await store.take("a");
      await commands();

      loseNext();
      expect(await rejection(store.put("a", 1))).toMatchObject(lost);
      expect(await store.get("a")).toBe(1);
      expect(await commands()).toEqual({ set: 1, get: 1 });

      loseNext();
      expect(await rejection(store.putIfAbsent("b", 1))).toMatchObject(lost);
      expect(await store.get("b")).toBe(1);
      expect(await commands()).toEqual({ set: 1, get: 1 });

      loseNext();
      expect(await rejection(store.take("a"))).toMatchObject(lost);
      expect(await store.get("a")).toBeUndefined();
      expect(await commands()).toEqual({ evalsha: 1, get: 2, del: 1 });

      loseNext();
      expect(await rejection(store.putMany(keys.map((key) => ({ key, value: 1 }))))).toMatchObject({
        failures: keys.map((key) => ({ key, error: { outcome: "unknown" } })),
      });
      expect(await store.getMany(keys)).toEqual(keys.map(() => 1));
      expect(await commands()).toEqual({ set: 100, get: 100 });
    }

    it("is not sent again, and its outcome is unknown", async () => {
      await loseOneByOne({ url: url() });
    });

    it("is not sent again by a client of the caller's, though it would by itself", async () => {
      const client = new Cluster([{ host: "127.0.0.1", port: proxies[0]?.port ?? 0 }], {
        clusterRetryStrategy: () => 20,
      });
      closing.push(() => client.disconnect());
      await loseOneByOne({ client });
    });
  });
});

/** The ports of the masters, in the order of their slots. */
function portsOf(ranges: readonly unknown[]): unknown[] {
  const rows = ranges.map((range) => (Array.isArray(range) ? range : []));
  return rows.sort(([one], [other]) => Number(one) - Number(other)).map(([, , master]) => master[1]);
}
