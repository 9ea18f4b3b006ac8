// What fails in Valkey's and glide's own way: a full server, a replica, a busy one, lost connections, a client that prints.

import { createServer, type Socket } from "node:net";
import type { StoreEvent } from "@kv/core";
import { endingSuite, redisLikeSuite, rejection, type Server, serverFor, startServer } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterEach, describe, expect, it } from "vitest";
import { type ValkeyStoreOptions, valkeyStore } from "../src/index.ts";
import { Asker } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "valkey", { own: true, appendonly: true });

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

describe.skipIf(skipped)("a server that refuses", () => {
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

redisLikeSuite(vitest, {
  name: "valkey",
  skipped,
  server: () => server,
  make: (options) => valkeyStore(options),
  connect: (to) => new Asker(() => to),
});

// glide would say much about some of them.
endingSuite(vitest, {
  skipped,
  url: () => server.url,
  unreachable: () => ["valkey://127.0.0.1:1", `valkey://nobody:wrong@127.0.0.1:${server.port}`],
});
