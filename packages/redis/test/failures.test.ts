// A server that is down, dies, hangs, is full, refuses or is another one: told for what it is, within the deadline.

import { once } from "node:events";
import { createServer } from "node:net";
import type { StoreEvent } from "@kv/core/driver";
import { endingSuite, redisLikeSuite, rejection, serverFor } from "@kv/test-servers";
import { Redis } from "ioredis";
import * as vitest from "vitest";
import { afterEach, describe, expect, it } from "vitest";
import { type RedisStoreOptions, redisStore } from "../src/index.ts";
import { clientOf } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "redis", { own: true, appendonly: true });

const closing: (() => Promise<unknown>)[] = [];

/** A store of the test, closed after it. */
function open(options: RedisStoreOptions = {}) {
  const events: StoreEvent[] = [];
  const connection = options.client ? {} : { url: server.url };
  const store = redisStore({ ...connection, onEvent: (event) => events.push(event), ...options });
  closing.push(() => store.close());
  return { store, events };
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe.skipIf(skipped)("a server that dies", () => {
  it("ends what is in flight, refuses fast while it is down, and serves the first call after its return", async () => {
    const { store, events } = open();
    const acknowledged: string[] = [];
    let writing = true;
    const writer = async (id: number): Promise<unknown[]> => {
      const errors: unknown[] = [];
      for (let at = 0; writing; at++) {
        const key = `${id}-${at}`;
        try {
          await store.put(key, key);
          acknowledged.push(key);
        } catch (error) {
          errors.push(error);
          return errors;
        }
      }
      return errors;
    };
    const writers = [0, 1, 2, 3, 4, 5, 6, 7].map(writer);
    while (acknowledged.length < 100) await store.put("pace", 1);
    await server.kill();
    const errors = (await Promise.all(writers)).flat();
    writing = false;
    expect(errors).toHaveLength(8);
    for (const error of errors) expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true, operation: "put" });

    const began = performance.now();
    for (const down of [() => store.get("a"), () => store.put("a", 1), () => store.collection().clear()]) {
      const error = await rejection(down());
      expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true });
      expect(String(error)).toContain("ECONNREFUSED");
    }
    expect(await rejection(store.put("a", 1))).toMatchObject({ outcome: "not-applied" });
    expect(performance.now() - began).toBeLessThan(4000);

    await server.restart();
    const values = await store.getMany(acknowledged);
    expect(values).toEqual(acknowledged);
    await store.put("a", 2);
    expect(await store.get("a")).toBe(2);
    expect(events.map(({ type }) => type)).toEqual(["connected", "connection-lost", "connected"]);
  });

  it("was down at the start and comes later", async () => {
    await server.kill();
    const { store } = open();
    expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    const many = await Promise.allSettled(Array.from({ length: 50 }, (_, at) => store.put(`k${at}`, at)));
    expect(many.map(({ status }) => status)).toEqual(Array(50).fill("rejected"));
    await server.restart();
    await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`k${at}`, at)));
    expect(await store.get("k49")).toBe(49);
  });
});

describe.skipIf(skipped)("a server that hangs", () => {
  it("is a TimeoutError by the deadline, and the outcome of what was sent is unknown", async () => {
    const { store } = open({ timeout: 400 });
    await store.put("a", 1);
    server.pause();
    try {
      const began = performance.now();
      const [put, get] = await Promise.all([rejection(store.put("a", 2)), rejection(store.get("a"))]);
      expect(put).toMatchObject({ code: "TIMEOUT", retryable: true, outcome: "unknown" });
      expect(get).toMatchObject({ code: "TIMEOUT", retryable: true });
      expect(performance.now() - began).toBeLessThan(3000);
      // By now the connection counts as dead. The next write waits for another, and leaves unsent.
      expect(await rejection(store.put("b", 2))).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
      expect(await rejection(store.put("b", 2))).toMatchObject({ outcome: "not-applied" });
    } finally {
      server.resume();
    }
    expect(await store.get("b")).toBeUndefined();
    await store.put("a", 3);
    expect(await store.get("a")).toBe(3);
  });

  it("is left within the deadline by a store that never was connected", async () => {
    const silent = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    if (typeof address !== "object" || address === null) throw new Error("it listens");
    const { store } = open({ url: `redis://127.0.0.1:${address.port}`, timeout: 300 });
    const began = performance.now();
    expect(await rejection(store.put("a", 1))).toMatchObject({ retryable: true, outcome: "not-applied" });
    expect(await rejection(store.get("a", { timeout: 100 }))).toMatchObject({ code: "TIMEOUT" });
    expect(performance.now() - began).toBeLessThan(3000);
    await store.close();
    silent.close();
  });

  it("is a connection lost when it answers what is no protocol", async () => {
    const garbage = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.write(Buffer.from([0, 0xff, 0x21, 0x0d, 0x0a])));
    }).listen(0, "127.0.0.1");
    await once(garbage, "listening");
    const address = garbage.address();
    if (typeof address !== "object" || address === null) throw new Error("it listens");
    const { store } = open({ url: `redis://127.0.0.1:${address.port}` });
    expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    await store.close();
    garbage.close();
  });

  it("serves again after answers out of step", async () => {
    const { store } = open();
    await store.put("a", 1);
    // A server that speaks the protocol and answers something else: every reply is the number one.
    const wrong = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => socket.write(bytes.includes("hello") ? "+OK\r\n" : ":1\r\n"));
    }).listen(0, "127.0.0.1");
    await once(wrong, "listening");
    const address = wrong.address();
    if (typeof address !== "object" || address === null) throw new Error("it listens");
    const { store: misled } = open({ url: `redis://127.0.0.1:${address.port}` });
    expect(await rejection(misled.get("a"))).toMatchObject({ code: "BACKEND_FAILURE" });
    expect(await rejection(misled.put("a", 1))).toMatchObject({ code: "BACKEND_FAILURE", outcome: "unknown" });
    await misled.close();
    wrong.close();
  });
});

describe.skipIf(skipped)("a client of the caller's", () => {
  const settings = { maxRetriesPerRequest: 0, enableOfflineQueue: false } as const;

  it("reconnects by itself", async () => {
    const client = new Redis(server.url, { ...settings, retryStrategy: () => 20 });
    const { store, events } = open({ client });
    await store.put("a", 1);
    const lost = once(client, "close");
    await server.kill();
    await lost;
    expect(await rejection(store.put("a", 2))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    await server.restart();
    if (client.status !== "ready") await once(client, "ready");
    await store.put("a", 3);
    expect(await store.get("a")).toBe(3);
    expect(events.map(({ type }) => type)).toEqual(["connected", "connection-lost", "connected"]);
    await store.close();
    client.disconnect();
  });
});

redisLikeSuite(vitest, {
  name: "redis",
  skipped,
  server: () => server,
  make: (options) => redisStore(options),
  connect(to) {
    const client = clientOf(to);
    return { ask: (command = "", ...rest) => client.call(command, ...rest), close: () => client.disconnect() };
  },
});

endingSuite(vitest, {
  skipped,
  url: () => server.url,
  unreachable: () => ["redis://127.0.0.1:1"],
});
