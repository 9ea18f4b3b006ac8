// What is known of a write at its deadline: nothing of it was sent while its connection was still being made.

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { rejection } from "@kv/test-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DynamodbStore, dynamodbStore } from "../src/index.ts";

/** Takes connections, and says nothing. */
let silent: Server;
let port: number;
const sockets = new Set<Socket>();
const stores: DynamodbStore[] = [];

beforeEach(async () => {
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
  }).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  if (typeof address !== "object" || address === null) throw new Error("it listens");
  port = address.port;
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  silent.close();
});

function open(scheme: "http" | "https"): DynamodbStore {
  const store = dynamodbStore({
    table: "any",
    region: "us-east-1",
    endpoint: `${scheme}://127.0.0.1:${port}`,
    credentials: { accessKeyId: "any", secretAccessKey: "any" },
    timeout: 300,
  });
  stores.push(store);
  return store;
}

const writes: readonly [string, (store: DynamodbStore) => Promise<unknown>][] = [
  ["put", (store) => store.put("a", 1)],
  ["delete", (store) => store.delete("a")],
  ["putIfAbsent", (store) => store.putIfAbsent("a", 1)],
  ["take", (store) => store.take("a")],
  ["update", (store) => store.update("a", () => 1)],
];

describe("a deadline", () => {
  it.each(writes)("that passes while a connection is made leaves %s not applied", async (_, write) => {
    // It waits for a greeting of TLS that never comes.
    const error = await rejection(write(open("https")));
    expect(error).toMatchObject({ code: "TIMEOUT", outcome: "not-applied", retryable: true });
    expect(sockets.size).toBe(1);
  });

  it.each(writes.filter(([name]) => name !== "update"))(
    "that passes once the connection is there leaves the outcome of %s unknown",
    async (_, write) => {
      const error = await rejection(write(open("http")));
      expect(error).toMatchObject({ code: "TIMEOUT", outcome: "unknown", retryable: true });
    },
  );
});

describe("a connection", () => {
  it("that is lost under a request leaves its outcome unknown, also where others wait for one", async () => {
    silent.on("connection", (socket) => socket.once("data", () => socket.resetAndDestroy()));
    const store = open("http");
    const keys = Array.from({ length: 300 }, (_, at) => `key-${at}`);
    const errors = await Promise.all(keys.map((key) => rejection(store.put(key, 1, { timeout: "60s" }))));
    for (const error of errors) expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
  });
});
