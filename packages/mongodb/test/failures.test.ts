// What is special about MongoDB when it fails: its errors by their codes, collections that are dropped, limits, hanging.

import { once } from "node:events";
import { createServer } from "node:net";
import { inspect } from "node:util";
import type { StoreEvent } from "@kv/core/driver";
import { endingSuite, rejection, serverFor } from "@kv/test-servers";
import { MongoServerError } from "mongodb";
import * as vitest from "vitest";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { refusal } from "../src/errors.ts";
import { type MongodbStoreOptions, mongodbStore } from "../src/index.ts";
import { clientOf, DATABASE } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "mongodb", { failPoints: true });

const client = skipped ? undefined : clientOf(server);
const closing: (() => Promise<unknown>)[] = [];

/** A store of the test, closed after it. */
function open(options: MongodbStoreOptions = {}) {
  const events: StoreEvent[] = [];
  const store = mongodbStore({ url: server.url, onEvent: (event) => events.push(event), ...options });
  closing.push(() => store.close());
  return { store, events };
}

function database() {
  if (!client) throw new Error("there is a server");
  return client.db(DATABASE);
}

/** The server fails so at the next of these commands. */
async function failAt(command: string, data: object): Promise<void> {
  const failPoint = { configureFailPoint: "failCommand", mode: { times: 1 } };
  await client?.db("admin").command({ ...failPoint, data: { failCommands: [command], ...data } });
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => client?.close());

describe.skipIf(skipped)("a server that refuses", () => {
  it.each<[string, number, object]>([
    ["is no primary", 10107, { code: "UNAVAILABLE", retryable: true, outcome: "not-applied" }],
    ["is a secondary", 13435, { code: "UNAVAILABLE", retryable: true, outcome: "not-applied" }],
    ["recovers", 13436, { code: "UNAVAILABLE", retryable: true, outcome: "not-applied" }],
    ["has just stepped down", 189, { code: "UNAVAILABLE", retryable: true, outcome: "unknown" }],
    ["shuts down", 91, { code: "UNAVAILABLE", retryable: true, outcome: "unknown" }],
    ["was interrupted", 11600, { code: "UNAVAILABLE", retryable: true, outcome: "unknown" }],
    ["met another write", 112, { code: "UNAVAILABLE", retryable: true, outcome: "not-applied" }],
    ["ran out of time", 50, { code: "TIMEOUT", retryable: true, outcome: "unknown" }],
    ["does not allow it", 13, { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" }],
    ["has no room", 14031, { code: "STORAGE_FULL", retryable: false, outcome: "not-applied" }],
    ["finds it too large", 10334, { code: "VALUE_TOO_LARGE", retryable: false, outcome: "not-applied" }],
    ["fails otherwise", 8, { code: "BACKEND_FAILURE", retryable: false, outcome: "unknown" }],
  ])("since it %s", async (_, errorCode, expected) => {
    const { store } = open();
    await store.put("a", 1);
    await failAt("update", { errorCode });
    expect(await rejection(store.put("a", 2))).toMatchObject(expected);
    expect(await store.get("a")).toBe(1);
    await failAt("find", { errorCode });
    const { outcome: _outcome, ...ofRead } = { outcome: "", ...expected };
    expect(await rejection(store.get("a"))).toMatchObject(ofRead);
    await store.put("a", 3);
    expect(await store.get("a")).toBe(3);
  });

  it.each([64, 100, 91])("to say that a majority has it (%s): the write may be there, or not", async (code) => {
    const { store } = open();
    await store.put("a", 1);
    await failAt("update", { writeConcernError: { code, errmsg: "waiting for replication timed out" } });
    const error = await rejection(store.put("a", 2));
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true, outcome: "unknown" });
    expect(await store.get("a")).toBe(2);
    await failAt("findAndModify", { writeConcernError: { code, errmsg: "waiting for replication timed out" } });
    expect(await rejection(store.take("a"))).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
    expect(await store.has("a")).toBe(false);
  });

  it("to show its indexes or to make any: the store works without, and says so where it is no permission", async () => {
    const { store, events } = open();
    await store.ping();
    for (const [command, errorCode, count] of [
      ["listIndexes", 13, 0],
      ["createIndexes", 13, 0],
      ["createIndexes", 85, 1],
    ] as const) {
      await failAt(command, { errorCode });
      const records = store.collection(`without-${command}-${errorCode}`);
      expect(await records.increment("n")).toBe(1);
      expect(await records.take("n")).toBe(1);
      expect(events.filter(({ type }) => type === "background-error")).toHaveLength(count);
    }
    await failAt("createIndexes", { errorCode: 189 });
    const error = await rejection(store.collection("not-now").put("a", 1));
    expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
  });

  it("quotes the command, which goes no further", () => {
    const secret = "s3cret-of-the-caller";
    const message = `not authorized on db to execute command { update: "c", u: { value: "${secret}" } }`;
    const error = refusal(new MongoServerError({ message, code: 13, codeName: "Unauthorized", errInfo: { secret } }));
    expect(error).toMatchObject({ code: "ACCESS_DENIED", cause: { code: 13, codeName: "Unauthorized" } });
    expect(error.cause).toBeInstanceOf(MongoServerError);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
  });
});

describe.skipIf(skipped)("a collection that another program drops", () => {
  it("is there again with the next write, and has its indexes again within a minute", async () => {
    const { store } = open();
    const records = store.collection("dropped");
    const indexes = async () => (await database().collection("dropped").indexes()).map(({ name }) => name).sort();
    await records.put("a", 1);
    const all = ["_id_", "expires_at_1", "key_1_collection_1"];
    expect(await indexes()).toEqual(all);
    await database().collection("dropped").drop();
    expect(await records.get("a")).toBeUndefined();
    expect(await records.take("a")).toBeUndefined();
    await records.put("a", 2);
    expect(await records.get("a")).toBe(2);
    const now = performance.now.bind(performance);
    const later = vi.spyOn(performance, "now").mockImplementation(() => now() + 61_000);
    try {
      await records.put("a", 3);
    } finally {
      later.mockRestore();
    }
    expect(await indexes()).toEqual(all);
    expect(await records.get("a")).toBe(3);
  });

  it("ends an enumeration, no more", async () => {
    const { store } = open();
    const records = store.collection("dropped");
    await records.putMany(Array.from({ length: 1500 }, (_, at) => ({ key: `key-${at}`, value: at })));
    const loop = records.keys();
    await loop.next();
    await database().collection("dropped").drop();
    let rest = 0;
    for await (const _ of loop) rest++;
    expect(rest).toBeLessThan(1500);
    await records.clear();
  });
});

describe.skipIf(skipped)("a value", () => {
  it("is stored up to the limit of a document, and refused beyond it before anything is sent", async () => {
    const { store } = open();
    const { recordBytes = 0 } = store.capabilities.limits ?? {};
    expect(recordBytes).toBe(2 ** 24);
    const error = await rejection(store.put("a", "x".repeat(2 ** 24)));
    expect(error).toMatchObject({ code: "VALUE_TOO_LARGE", limit: recordBytes, outcome: "not-applied" });
    const overhead = Number(Object(error).size) - 2 ** 24;
    for (const value of ["x".repeat(recordBytes - overhead), "é".repeat((recordBytes - overhead) / 2)]) {
      await store.put("a", value);
      expect((await store.get("a")) === value).toBe(true);
      expect(await store.compareAndSwap("a", (await store.getEntry("a"))?.revision as never, value)).toBeDefined();
    }
    const one = "x".repeat(recordBytes - overhead + 1);
    expect(await rejection(store.put("a", one))).toMatchObject({ code: "VALUE_TOO_LARGE", size: recordBytes + 1 });
    const batch = await rejection(
      store.putMany([
        { key: "b", value: one },
        { key: "c", value: 1 },
      ]),
    );
    expect(batch).toMatchObject({ code: "BATCH_FAILED", failures: [{ key: "b", error: { code: "VALUE_TOO_LARGE" } }] });
    expect(await store.getMany(["b", "c"])).toEqual([undefined, 1]);
    const wide = Array.from({ length: 1000 }, () => "\u{10ffff}".repeat(2000));
    await store.put("wide", wide);
    expect(await store.get("wide")).toEqual(wide);
    await store.clearAll();
  });
});

/** A server that was told to stand still may answer a request or two before it does. */
async function firstRejection(request: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      await request();
    } catch (error) {
      return error;
    }
  }
}

describe.skipIf(skipped)("a server that hangs", () => {
  it("ends the request at its deadline, and its connection with it", async () => {
    const { store } = open({ timeout: 400, maxPoolSize: 1 });
    await store.put("a", 1);
    server.pause();
    try {
      const hung = await firstRejection(() => store.put("a", 2));
      expect(hung).toMatchObject({ code: "TIMEOUT", retryable: true, outcome: "unknown" });
      // By now the connection counts as dead. The next write waits for another, and leaves unsent.
      expect(await rejection(store.put("b", 2))).toMatchObject({ retryable: true, outcome: "not-applied" });
    } finally {
      server.resume();
    }
    expect(await store.get("b", { timeout: "20s" })).toBeUndefined();
    await store.put("a", 3, { timeout: "20s" });
    expect(await store.get("a", { timeout: "20s" })).toBe(3);
  });

  it("does not keep a store from closing", async () => {
    const { store } = open({ timeout: 300 });
    await Promise.all(Array.from({ length: 5 }, (_, at) => store.put(`key-${at}`, at)));
    server.pause();
    try {
      const settled = Promise.allSettled(Array.from({ length: 5 }, (_, at) => store.put(`key-${at}`, at)));
      await store.close();
      for (const result of await settled) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ retryable: true });
      }
    } finally {
      server.resume();
    }
  });

  it("is left within the deadline by a store that never was connected, and by one whose server is none", async () => {
    for (const answer of [undefined, Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]) {
      const other = createServer((socket) => {
        socket.on("error", () => {});
        socket.on("data", () => answer && socket.write(answer));
      }).listen(0, "127.0.0.1");
      await once(other, "listening");
      const address = other.address();
      if (typeof address !== "object" || address === null) throw new Error("it listens");
      const { store } = open({ url: `mongodb://127.0.0.1:${address.port}`, timeout: 300 });
      expect(await rejection(store.put("a", 1))).toMatchObject({ outcome: "not-applied" });
      expect(await rejection(store.get("a", { timeout: 100 }))).toBeInstanceOf(Error);
      await store.close();
      other.close();
    }
  });

  it("reports that the connection was lost, and that there is one again", async () => {
    const { store, events } = open({ timeout: "10s" });
    await store.put("a", 1);
    await failAt("find", { closeConnection: true });
    expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(await store.get("a")).toBe(1);
    expect(events.map(({ type }) => type)).toEqual(["connected", "connection-lost", "connected"]);
  });
});

describe.skipIf(skipped)("what is closed", () => {});

endingSuite(vitest, {
  skipped,
  url: () => server.url,
  unreachable: () => ["mongodb://127.0.0.1:1", "mongodb+srv://nowhere.invalid"],
});
