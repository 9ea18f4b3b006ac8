// A server that refuses, is full, is no memcached or one of several: told for what it is, and what became of the write.

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { inspect } from "node:util";
import { KeyValueError, ValueTooLargeError } from "@kv/core";
import type { StoreEvent } from "@kv/core/driver";
import { endingSuite, rejection, type Server, serverFor, startServer, until } from "@kv/test-servers";
import { Client } from "memjs";
import * as vitest from "vitest";
import { afterEach, describe, expect, it } from "vitest";
import { MemcachedDriver, type MemcachedStoreOptions, memcachedStore } from "../src/index.ts";
import { ask, clientOf, Tap, textOf } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "memcached", { own: true });
const { server: second, skipped: noSecond } = await serverFor(vitest, "memcached", { own: true });

const closing: (() => unknown)[] = [];

/** A store of the test, closed after it. */
function open(options: MemcachedStoreOptions = {}) {
  const events: StoreEvent[] = [];
  const store = memcachedStore({ url: server.url, onEvent: (event) => events.push(event), ...options });
  closing.push(() => store.close());
  return { store, events };
}

/** Another server of the test, with settings of its own. */
async function start(options: Parameters<typeof startServer<"memcached">>[1]): Promise<Server> {
  const started = await startServer("memcached", options);
  if (!started.server) throw new Error(started.skipped);
  closing.push(() => started.server.stop());
  return started.server;
}

/** A server of another kind: what it does with a connection. */
async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const other = createServer((socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  closing.push(() => other.close());
  const address = other.address();
  if (typeof address !== "object" || address === null) throw new Error("it listens");
  return address.port;
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe.skipIf(skipped)("a record that is large", () => {
  it.each([
    ["of the default limit", {}, {}],
    ["of a limit that is told", { maxItemSize: "4m", memory: 256 }, { maxItemBytes: 4 * 2 ** 20 }],
  ])("fits to the last byte, also under a key that is as long as can be: %s", async (_, settings, options) => {
    const { url, port } = await start({ own: true, ...settings });
    const { store } = open({ url, ...options });
    const { recordBytes = 0 } = store.capabilities.limits ?? {};
    const key = "k".repeat(247);
    const records = store.collection("c");
    let text = "x".repeat(recordBytes);
    for (let stored = false; !stored; ) {
      try {
        await records.put(key, text);
        stored = true;
      } catch (error) {
        if (!(error instanceof ValueTooLargeError)) throw error;
        expect(error).toMatchObject({ limit: recordBytes, outcome: "not-applied" });
        text = text.slice(0, error.limit - error.size);
      }
    }
    expect(await records.get(key)).toBe(text);
    const client = clientOf(port);
    expect((await textOf(client, `c::${key}`))?.length).toBe(recordBytes);
    client.close();
  });

  it("is refused before anything is sent, alone and in a batch, and the old one stays", async () => {
    const tap = await Tap.start(server.port);
    closing.push(() => tap.close());
    const { store } = open({ url: `memcached://127.0.0.1:${tap.port}` });
    const large = "é".repeat(600_000);
    await store.put("a", "before");
    const revision = (await store.getEntry("a"))?.revision;
    tap.take();
    expect(await rejection(store.put("a", large))).toMatchObject({ code: "VALUE_TOO_LARGE", outcome: "not-applied" });
    expect(await rejection(store.putIfAbsent("b", large))).toMatchObject({ code: "VALUE_TOO_LARGE" });
    expect(revision && (await rejection(store.compareAndSwap("a", revision, large)))).toMatchObject({
      code: "VALUE_TOO_LARGE",
      outcome: "not-applied",
    });
    expect(tap.take().commands).toEqual({});
    const batch = [
      { key: "a", value: large },
      { key: "c", value: 1 },
    ];
    expect(await rejection(store.putMany(batch))).toMatchObject({
      failures: [{ key: "a", error: { code: "VALUE_TOO_LARGE", outcome: "not-applied" } }],
    });
    expect(tap.take().commands).toEqual({ SETQ: 1, NOOP: 1 });
    expect(await store.getMany(["a", "c"])).toEqual(["before", 1]);
  });

  it("is refused by a server that takes less than was told, and then a put has dropped the old one", async () => {
    const { url } = await start({ own: true, maxItemSize: "512k" });
    const { store } = open({ url });
    const large = "x".repeat(800_000);
    for (const put of [() => store.put("a", large), () => store.putMany([{ key: "a", value: large }])]) {
      await store.put("a", "before");
      const thrown = await rejection(put());
      const error = thrown instanceof KeyValueError && thrown.code === "BATCH_FAILED" ? thrown.cause : thrown;
      expect(error).toMatchObject({ code: "VALUE_TOO_LARGE", retryable: false, outcome: "unknown" });
      expect(String(error)).toMatch(/maxItemBytes/);
      expect(await store.get("a")).toBeUndefined();
    }
    await store.put("a", "before");
    for (const change of [() => store.update("a", () => large), () => store.putIfAbsent("b", large)]) {
      expect(await rejection(change())).toMatchObject({ retryable: false, outcome: "not-applied" });
    }
    expect(await store.getMany(["a", "b"])).toEqual(["before", undefined]);
    const told = open({ url, maxItemBytes: 512 * 1024 }).store;
    expect(await rejection(told.put("a", large))).toMatchObject({ code: "VALUE_TOO_LARGE", outcome: "not-applied" });
    expect(await told.get("a")).toBe("before");
  });
});

describe.skipIf(skipped)("a server that is full", () => {
  it("is StorageFullError where it was told to evict nothing", async () => {
    const { url } = await start({ own: true, memory: 2, args: ["-M"] });
    const { store } = open({ url });
    const filler = "x".repeat(20_000);
    let error: unknown;
    let stored = 0;
    for (; error === undefined && stored < 1000; stored++) {
      error = await store.put(`k${stored}`, filler).then(
        () => undefined,
        (reason: unknown) => reason,
      );
    }
    expect(error).toMatchObject({ code: "STORAGE_FULL", retryable: false });
    expect(await store.get(`k${stored - 1}`)).toBeUndefined();
    for (const attempt of [() => store.putIfAbsent("new", filler), () => store.update("k0", () => `${filler}.`)]) {
      expect(await rejection(attempt())).toMatchObject({ code: "STORAGE_FULL", outcome: "not-applied" });
    }
    expect(await store.get("k0")).toBe(filler);
    expect(await rejection(store.putMany([{ key: "k0", value: filler }]))).toMatchObject({
      failures: [{ key: "k0", error: { code: "STORAGE_FULL", outcome: "unknown" } }],
    });
    // As of what is too large: what was there is not read for the newest.
    expect(await store.get("k0")).toBeUndefined();
    expect(await store.take("k1")).toBe(filler);
    await store.put("k1", filler);
  });

  it("drops others' records else, and says nothing", async () => {
    const { url } = await start({ own: true, memory: 2 });
    const { store } = open({ url });
    const filler = "x".repeat(20_000);
    const keys = Array.from({ length: 500 }, (_, at) => `k${at}`);
    await store.putMany(keys.map((key) => ({ key, value: filler })));
    const there = (await store.getMany(keys)).filter((value) => value !== undefined);
    expect(there.length).toBeGreaterThan(0);
    expect(there.length).toBeLessThan(keys.length);
    expect(store.capabilities.durable).toBe(false);
  });
});

describe.skipIf(skipped)("a server that does not serve", () => {
  it("has too many connections", async () => {
    const { url } = await start({ own: true, args: ["-c", "32"] });
    const stores = Array.from({ length: 64 }, () => open({ url, timeout: 500 }).store);
    const answers = await Promise.allSettled(stores.map((store) => store.put("a", 1)));
    const errors = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason] : []));
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error).toMatchObject({ retryable: true, outcome: "not-applied" });
  });

  it("is no memcached, or does not speak its binary protocol", async () => {
    const ascii = await start({ own: true, args: ["-B", "ascii"] });
    const http = await listen((socket) => socket.on("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")));
    for (const port of [ascii.port, http]) {
      const { store } = open({ url: `memcached://127.0.0.1:${port}` });
      const error = await rejection(store.put("a", 1));
      expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false, outcome: "not-applied" });
      expect(String(error)).toContain("does not speak its binary protocol");
      expect(await rejection(store.get("a"))).toMatchObject({ code: "BACKEND_FAILURE" });
    }
  });

  it("answers what was not asked, which is never taken for an answer", async () => {
    const port = await listen((socket) => {
      let greeted = false;
      socket.on("data", (bytes: Buffer) => {
        const reply = Buffer.alloc(24);
        reply[0] = 0x81;
        // The greeting is answered; all else as if it were another request.
        bytes.copy(reply, 12, 12, 16);
        if (greeted) reply.writeUInt32BE(reply.readUInt32BE(12) + 7, 12);
        const value = greeted ? "another's secret" : "";
        reply.writeUInt32BE(value.length, 8);
        greeted = true;
        socket.write(Buffer.concat([reply, Buffer.from(value)]));
      });
    });
    const { store, events } = open({ url: `memcached://127.0.0.1:${port}` });
    const error = await rejection(store.get("a"));
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("secret");
    expect(await rejection(store.put("a", 1))).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
    expect(events.map(({ type }) => type)).toEqual(["connected", "connection-lost", "connected", "connection-lost"]);
  });

  it("is silent on a connection, which is closed for another one", async () => {
    const sockets: Socket[] = [];
    const port = await listen((socket) => {
      sockets.push(socket);
      let greeted = false;
      socket.on("data", (bytes: Buffer) => {
        const reply = Buffer.alloc(24);
        reply[0] = 0x81;
        bytes.copy(reply, 12, 12, 16);
        if (!greeted) socket.write(reply);
        greeted = true;
      });
    });
    const { store } = open({ url: `memcached://127.0.0.1:${port}`, timeout: 200 });
    expect(await rejection(store.put("a", 1))).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
    const ended = once(sockets[0] as Socket, "close");
    while (sockets.length < 2) expect(await rejection(store.get("a"))).toMatchObject({ retryable: true });
    await ended;
  });

  it("closes connections in good order while nothing is under way", async () => {
    const { url } = await start({ own: true, args: ["-o", "idle_timeout=1"] });
    const { store, events } = open({ url });
    await store.put("a", 1);
    await until(() => events.length >= 2);
    expect(await store.get("a")).toBe(1);
    expect(events.map(({ type }) => type)).toEqual(["connected", "connection-lost", "connected"]);
  });
});

describe.skipIf(skipped ?? noSecond)("several servers", () => {
  const keys = Array.from({ length: 200 }, (_, at) => `key-${at}`);
  const both = () => [server, second].map(({ port }) => ({ host: "127.0.0.1", port }));
  const memjs = () => Client.create(`127.0.0.1:${server.port},127.0.0.1:${second.port}`, { logger: { log() {} } });
  /** On which of them a key of the default collection lies. */
  const placeOf = (key: string) => Number(memjs().getServer(`default_collection::${key}`));

  it("share the records as memjs distributes them", async () => {
    const { store } = open({ url: undefined, servers: both() });
    await store.putMany(keys.map((key) => ({ key, value: key })));
    expect(await store.getMany(keys)).toEqual(keys);
    expect(new Set(keys.map(placeOf))).toEqual(new Set([0, 1]));
    const client = memjs();
    const singles = [server, second].map(({ port }) => clientOf(port));
    for (const key of keys.slice(0, 20)) {
      const name = `default_collection::${key}`;
      expect(JSON.parse((await textOf(client, name)) ?? "{}")).toMatchObject({ key });
      const found = await Promise.all(singles.map((single) => textOf(single, name)));
      expect(found.map((text) => text !== undefined)).toEqual([0, 1].map((place) => place === placeOf(key)));
    }
    for (const one of [client, ...singles]) one.close();
    expect(await store.deleteMany(keys)).toBe(keys.length);
    const byUrl = open({ url: `memcached://127.0.0.1:${server.port},127.0.0.1:${second.port}` }).store;
    await store.putMany(keys.map((key) => ({ key, value: key })));
    expect(await byUrl.getMany(keys)).toEqual(keys);
  });

  it("fail one by one: records on the others are served, alone and in batches", async () => {
    const { store, events } = open({ url: undefined, servers: both() });
    await store.putMany(keys.map((key) => ({ key, value: key })));
    const [here, there] = [0, 1].map((place) => keys.filter((key) => placeOf(key) === place));
    if (!here?.[0] || !there?.[0]) throw new Error("there are keys on both");
    await second.kill();
    try {
      expect(await store.get(here[0])).toBe(here[0]);
      expect(await rejection(store.get(there[0]))).toMatchObject({ code: "UNAVAILABLE", retryable: true });
      const read = await rejection(store.getMany(keys));
      expect(read).toMatchObject({ code: "BATCH_FAILED", retryable: true });
      expect(read).toMatchObject({
        results: keys.map((key) => (placeOf(key) === 0 ? key : undefined)),
        failures: there.map((key) => ({ key, error: { code: "UNAVAILABLE" } })),
      });
      const written = await rejection(store.putMany(keys.map((key) => ({ key, value: 2 }))));
      expect(written).toMatchObject({
        code: "BATCH_FAILED",
        outcome: "not-applied",
        failures: there.map((key) => ({ key, error: { outcome: "not-applied" } })),
      });
      expect(await store.getMany(here)).toEqual(here.map(() => 2));
      expect(await rejection(store.ping())).toMatchObject({ code: "UNAVAILABLE" });
    } finally {
      await second.restart();
    }
    await store.putMany(keys.map((key) => ({ key, value: 3 })));
    expect(await store.getMany(keys)).toEqual(keys.map(() => 3));
    expect(events.map(({ type }) => type)).toEqual(["connected", "connected", "connection-lost", "connected"]);
  });

  it("hang one by one", async () => {
    const { store } = open({ url: undefined, servers: both(), timeout: 300 });
    await store.putMany(keys.map((key) => ({ key, value: key })));
    const [here = "", there = ""] = [0, 1].map((place) => keys.find((key) => placeOf(key) === place));
    second.pause();
    try {
      const hanging = rejection(store.put(there, 2));
      for (let at = 0; at < 20; at++) expect(await store.get(here, { timeout: "10s" })).toBe(here);
      expect(await hanging).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
      expect(await rejection(store.put(there, 3))).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
    } finally {
      second.resume();
    }
    await store.put(there, 4, { timeout: "10s" });
    expect(await store.get(there, { timeout: "10s" })).toBe(4);
  });

  it("hang one by one in batches too, which tell of the others", async () => {
    const entries = (value: unknown) => keys.map((key) => ({ key, value: value as string }));
    const silent = keys.filter((key) => placeOf(key) === 1);
    const failures = (outcome?: string) =>
      silent.map((key) => ({ key, error: { code: "TIMEOUT", ...(outcome && { outcome }) } }));
    const spoken = (answer: unknown) => keys.map((key) => (placeOf(key) === 0 ? answer : undefined));
    // A store each: once a server has been silent, nothing is sent to it until it is back.
    const stores = Array.from({ length: 3 }, () => open({ url: undefined, servers: both(), timeout: "2s" }).store);
    const [reading, writing, deleting] = stores;
    if (!reading || !writing || !deleting) throw new Error("there are three");
    await reading.putMany(entries("before"));
    for (const store of stores) await store.getMany(keys);
    second.pause();
    try {
      expect(await rejection(reading.getMany(keys))).toMatchObject({
        code: "BATCH_FAILED",
        retryable: true,
        results: spoken("before"),
        failures: failures(),
      });
      expect(await rejection(writing.putMany(entries("after")))).toMatchObject({
        code: "BATCH_FAILED",
        outcome: "unknown",
        failures: failures("unknown"),
      });
      // To its very deadline: from then on the server counts as gone.
      expect(await rejection(writing.get(silent[0] ?? ""))).toMatchObject({ code: "TIMEOUT" });
      expect(await rejection(writing.putMany(entries("never")))).toMatchObject({ failures: failures("not-applied") });
      expect(await rejection(deleting.deleteMany(keys))).toMatchObject({
        results: spoken(true),
        failures: failures("unknown"),
      });
    } finally {
      second.resume();
    }
    expect(await reading.getMany(keys, { timeout: "10s" })).toHaveLength(keys.length);
  });
});

describe.skipIf(skipped)("the memjs client of a store", () => {
  it("works over the store's connection, also after it broke, and is told of what was lost", async () => {
    const { store } = open();
    const { client } = store.driver instanceof MemcachedDriver ? store.driver : { client: undefined };
    if (!(client instanceof Client)) throw new Error("it is one of memjs");
    await store.put("a", 1);
    const { value } = await client.get("default_collection::a");
    expect(JSON.parse(String(value))).toMatchObject({ key: "a", value: { items: 1 } });
    const [stored] = await Promise.all([
      client.set("raw", "text", { expires: 100 }),
      store.put("b", 2),
      store.get("b"),
    ]);
    expect(stored).toBe(true);
    await server.kill();
    expect(await rejection(client.get("raw"))).toMatchObject({ code: "UNAVAILABLE" });
    await server.restart();
    expect(await client.set("raw", "again", {})).toBe(true);
    expect(await ask(server.port, "get raw")).toContain("again");
    expect(await store.get("b")).toBeUndefined();
    await store.close();
    expect(await rejection(client.get("raw"))).toMatchObject({ code: "STORE_CLOSED" });
  });
});

describe.skipIf(skipped)("what leaves a store", () => {
  it("is no value and no secret", async () => {
    const secret = "s3cret-of-the-caller";
    const guarded = await start({ own: true, sasl: { username: "app", password: "right" } });
    const { store } = open({
      url: undefined,
      host: "127.0.0.1",
      port: guarded.port,
      username: secret,
      password: secret,
    });
    const denied = await rejection(store.put(secret, secret));
    expect(denied).toMatchObject({ code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" });
    const client = clientOf(server.port);
    await client.set("default_collection::a", `${secret} is no JSON`);
    client.close();
    const corrupt = await rejection(open().store.get("a"));
    expect(corrupt).toMatchObject({ code: "CORRUPT_RECORD" });
    for (const error of [denied, corrupt]) {
      expect(String(error)).not.toContain(secret);
      expect(inspect({ ...Object(error), key: undefined }, { depth: 10, showHidden: true })).not.toContain(secret);
    }
  });
});

endingSuite(vitest, {
  skipped,
  url: () => server.url,
  unreachable: () => ["memcached://127.0.0.1:1"],
});
