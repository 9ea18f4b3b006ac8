// What fails in Valkey's and glide's own way: a full server, a replica, a busy one, lost connections, a client that prints.

import { createServer, type Socket } from "node:net";
import { inspect } from "node:util";
import type { StoreEvent } from "@kv/core";
import { endingSuite, rejection, type Server, serverFor, startServer } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterEach, describe, expect, it } from "vitest";
import { type ValkeyStoreOptions, valkeyStore } from "../src/index.ts";
import { Asker } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "valkey", {
  own: true,
  appendonly: true,
  args: ["--appendfsync", "always"],
});

const closing: (() => unknown)[] = [];

/** A store of the test, closed after it. */
function open(options: ValkeyStoreOptions = {}) {
  const events: StoreEvent[] = [];
  const store = valkeyStore({
    ...(options.host === undefined && { url: server.url }),
    onEvent: (event) => events.push(event),
    ...options,
  });
  closing.push(() => store.close());
  return { store, types: () => events.map(({ type }) => type) };
}

/** Another server of the test, with settings of its own. */
async function start(options: Parameters<typeof startServer<"valkey">>[1]): Promise<Server> {
  const started = await startServer("valkey", options);
  if (!started.server) throw new Error(started.skipped);
  closing.push(() => started.server.stop());
  return started.server;
}

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe.skipIf(skipped)("a connection", () => {
  it("that is lost while nothing is under way is mended, and the next call does not notice", async () => {
    const { store } = open();
    await store.put("a", 1);
    await server.kill();
    await server.restart();
    expect(await store.get("a")).toBe(1);
    expect(await store.increment("a")).toBe(2);
  });

  it("to a server that is down is refused at once, as is each call after the first that noticed", async () => {
    const { store, types } = open({ timeout: 400 });
    await store.put("a", 1);
    await server.kill();
    expect(await rejection(store.put("a", 2))).toMatchObject({ retryable: true, outcome: "unknown" });
    const { store: patient } = open({ timeout: "60s" });
    for (let attempt = 0; attempt < 3; attempt++) {
      const error = await rejection(patient.put("a", 2));
      expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
      expect(String(error)).toMatch(/127\.0\.0\.1:\d+: ECONNREFUSED/);
    }
    await server.restart();
    expect(await patient.get("a")).toBe(1);
    await store.put("a", 3, { timeout: "10s" });
    expect(types()).toEqual(["connected", "connection-lost", "connected"]);
  });

  it("to what is no Valkey is told as such", async () => {
    const replies = ["HTTP/1.1 400 Bad Request\r\n\r\n", "\0\xff\x21\r\n", "+PONG\r\n+unasked\r\n"];
    const listener = createServer((socket: Socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.write(replies[0] ?? ""));
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    closing.push(() => listener.close());
    const address = listener.address();
    if (typeof address !== "object" || address === null) throw new Error("it listens");
    const { store } = open({ host: "127.0.0.1", port: address.port, timeout: 1000 });
    for (; replies.length > 1; replies.shift()) {
      const error = await rejection(store.put("a", 1));
      expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
      expect(String(error)).toContain("what answers there is no Valkey");
    }
    // It says the right thing, and then does not understand glide.
    expect(await rejection(store.put("a", 1))).toMatchObject({ retryable: true, outcome: "not-applied" });
  });

  it("is given up where answers are out of step", async () => {
    // Each request is answered as if it were another one, but for those with which glide and the store connect.
    const known = /^\*\d+\r\n\$\d+\r\n(ping|hello|client)\r\n/i;
    const listener = createServer((socket: Socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        const commands = bytes.toString().split(/(?=\*\d+\r\n)/);
        for (const command of commands) {
          const [, name = ""] = known.exec(command) ?? [];
          const reply = { ping: "+PONG\r\n", hello: "%1\r\n+proto\r\n:3\r\n", client: "+OK\r\n" }[name.toLowerCase()];
          socket.write(reply ?? ":1\r\n");
        }
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    closing.push(() => listener.close());
    const address = listener.address();
    if (typeof address !== "object" || address === null) throw new Error("it listens");
    const { store, types } = open({ host: "127.0.0.1", port: address.port });
    expect(await rejection(store.get("a"))).toMatchObject({ code: "BACKEND_FAILURE" });
    expect(await rejection(store.put("a", 1))).toMatchObject({ code: "BACKEND_FAILURE", outcome: "unknown" });
    expect(types()).toEqual(["connected", "connection-lost", "connected"]);
  });
});

describe.skipIf(skipped)("a server that is started anew", () => {
  it("in the middle of an enumeration: no record is left out, none comes twice", { timeout: 60_000 }, async () => {
    const { store } = open();
    await store.clearAll();
    const keys = Array.from({ length: 3000 }, (_, at) => `key-${at}`);
    await store.putMany(keys.map((key) => ({ key, value: 1 })));
    const found: string[] = [];
    for await (const key of store.collection().keys()) {
      // What its cursors mean, another process does not know.
      if (found.push(key) === 1) await server.restart();
    }
    expect(found).toHaveLength(keys.length);
    expect(new Set(found)).toEqual(new Set(keys));
  });
});

describe.skipIf(skipped)("a server that refuses", () => {
  it("is full: what was refused did not happen, what frees memory does", async () => {
    const full = await start({ maxmemory: "3mb" });
    const { store } = open({ url: full.url });
    const filler = "x".repeat(100_000);
    let error: unknown;
    let stored = 0;
    for (; error === undefined && stored < 100; stored++) {
      error = await store.put(`k${stored}`, filler).then(
        () => undefined,
        (reason: unknown) => reason,
      );
    }
    const told = { code: "STORAGE_FULL", outcome: "not-applied" };
    expect(error).toMatchObject({ ...told, retryable: false });
    expect(await store.get(`k${stored - 1}`)).toBeUndefined();
    expect(await rejection(store.putIfAbsent("new", filler))).toMatchObject(told);
    expect(await rejection(store.update("k0", () => `${filler}.`))).toMatchObject(told);
    expect(await rejection(store.putMany([{ key: "m", value: filler }]))).toMatchObject({
      failures: [{ key: "m", error: told }],
    });
    expect(await store.take("k0")).toBe(filler);
    expect(await store.delete("k1")).toBe(true);
    await store.collection().clear();
    await store.put("k0", filler);
  });

  it("is a replica", async () => {
    await open().store.put("a", 1);
    const replica = await start({ replicaOf: server.url });
    const { store } = open({ url: replica.url });
    expect(await store.get("a")).toBe(1);
    for (const write of [() => store.put("a", 1), () => store.delete("a"), () => store.increment("n")]) {
      expect(await rejection(write())).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    }
  });

  it("is busy with a script", async () => {
    const { store } = open();
    const [blocked, other] = [new Asker(() => server), new Asker(() => server)];
    closing.push(
      () => blocked.close(),
      () => other.close(),
    );
    await other.ask("CONFIG", "SET", "busy-reply-threshold", "1");
    await store.put("a", 1);
    const script = blocked.ask("EVAL", "while true do end", "0").catch(() => {});
    const error = await rejection(
      (async () => {
        for (;;) await store.put("a", 2);
      })(),
    );
    await other.ask("SCRIPT", "KILL");
    await script;
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true, outcome: "not-applied" });
    await other.ask("CONFIG", "SET", "busy-reply-threshold", "5000");
    await store.put("a", 3);
  });

  it("does not have the database", async () => {
    const { store } = open({ db: 99 });
    expect(await rejection(store.put("a", 1))).toMatchObject({ code: "BACKEND_FAILURE", outcome: "not-applied" });
  });

  it("lets no more clients in", async () => {
    const small = await start({ args: ["--maxclients", "1"] });
    const { store } = open({ url: small.url });
    const asker = new Asker(() => small);
    closing.push(() => asker.close());
    await asker.ask("PING");
    const error = await rejection(store.put("a", 1));
    expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    expect(String(error)).toMatch(/max number of clients/);
  });
});

describe.skipIf(skipped)("what leaves a store", () => {
  it("is no value and no secret", async () => {
    const secret = "s3cret-of-the-caller";
    const denied = await rejection(open({ username: "nobody", password: secret }).store.put("a", secret));
    expect(denied).toMatchObject({ code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" });
    const asker = new Asker(() => server);
    closing.push(() => asker.close());
    await asker.ask("DEL", "default_collection::list");
    await asker.ask("RPUSH", "default_collection::list", "x");
    const wrongType = await rejection(open().store.update("list", () => secret));
    // Renamed commands are unknown, and what is unknown is quoted with its arguments.
    const odd = await start({ args: ["--rename-command", "SET", ""] });
    const unknown = await rejection(open({ url: odd.url }).store.put("a", secret));
    expect(unknown).toMatchObject({ code: "BACKEND_FAILURE", outcome: "not-applied" });
    for (const error of [denied, wrongType, unknown]) {
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
    }
  });
});

// glide would say much about some of them.
endingSuite(vitest, {
  skipped,
  url: () => server.url,
  unreachable: () => ["valkey://127.0.0.1:1", `valkey://nobody:wrong@127.0.0.1:${server.port}`],
});
