// What servers that speak Redis' protocol fail by: what is the same for each client library.

import { inspect } from "node:util";
import type { KeyValueStore } from "@kv/core";
import type * as vitest from "vitest";
import { rejection } from "../promises.ts";
import type { Server } from "../server.ts";
import type { RedisOptions } from "../servers/redis.ts";
import { startServer } from "../start.ts";
import { storesOf } from "./stores.ts";

type Store = KeyValueStore<"write" | "atomic" | "enumerate" | "clear">;

interface StoreOptions {
  readonly url: string;
  readonly db?: number;
  readonly username?: string;
  readonly password?: string;
}

export interface RedisLikeOptions {
  readonly name: "redis" | "valkey";
  readonly skipped: string | undefined;
  /** The test file's own: it is started anew. */
  server(): Server;
  make(options: StoreOptions): Store;
  /** A plain client, with a connection of its own. */
  connect(server: Server): { ask(...command: readonly string[]): Promise<unknown>; close(): unknown };
}

/** Registers the tests. `runner` is vitest itself: `import * as vitest from "vitest"`. */
export function redisLikeSuite(runner: typeof vitest, options: RedisLikeOptions): void {
  const { describe, it, expect } = runner;
  const { name, skipped, server, make } = options;
  const { open, later } = storesOf(runner, make);
  const own = () => open({ url: server().url });

  /** Another server of the test, with settings of its own. */
  async function start(settings: RedisOptions): Promise<Server> {
    const started = await startServer(name, settings);
    if (!started.server) throw new Error(started.skipped);
    later(() => started.server.stop());
    return started.server;
  }

  function connect(to = server()) {
    const client = options.connect(to);
    later(() => client.close());
    return client;
  }

  describe.skipIf(skipped)("a server that is started anew", () => {
    it("in the middle of an enumeration: no record is left out, none comes twice", { timeout: 60_000 }, async () => {
      const store = own();
      await store.clearAll();
      const keys = Array.from({ length: 3000 }, (_, at) => `key-${at}`);
      await store.putMany(keys.map((key) => ({ key, value: 1 })));
      const found: string[] = [];
      for await (const key of store.collection().keys()) {
        // What its cursors mean, another process does not know.
        if (found.push(key) === 1) await server().restart();
      }
      expect(found).toHaveLength(keys.length);
      expect(new Set(found)).toEqual(new Set(keys));
    });
  });

  describe.skipIf(skipped)("a server that refuses", () => {
    it("is full: what was refused did not happen, what frees memory does", async () => {
      const store = open({ url: (await start({ maxmemory: "3mb" })).url });
      const filler = "x".repeat(100_000);
      let error: unknown;
      let stored = 0;
      for (; error === undefined && stored < 100; stored++) {
        error = await store.put(`k${stored}`, filler).then(
          () => undefined,
          (reason: unknown) => reason,
        );
      }
      const told = { code: "STORAGE_FULL", retryable: false, outcome: "not-applied" };
      expect(error).toMatchObject(told);
      expect(await store.get(`k${stored - 1}`)).toBeUndefined();
      expect(await rejection(store.putIfAbsent("new", filler))).toMatchObject(told);
      expect(await rejection(store.update("k0", () => `${filler}.`))).toMatchObject(told);
      expect(await rejection(store.putMany([{ key: "m", value: filler }]))).toMatchObject({
        failures: [{ key: "m", error: told }],
      });
      expect(await store.get("k0")).toBe(filler);
      expect(await store.take("k0")).toBe(filler);
      expect(await store.delete("k1")).toBe(true);
      await store.collection().clear();
      await store.put("k0", filler);
    });

    it("is a replica", async () => {
      await own().put("a", 1);
      const store = open({ url: (await start({ replicaOf: server().url })).url });
      expect(await store.get("a")).toBe(1);
      for (const write of [() => store.put("a", 1), () => store.delete("a"), () => store.increment("n")]) {
        expect(await rejection(write())).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
      }
    });

    it("is busy with a script", async () => {
      const store = own();
      const [blocked, other] = [connect(), connect()];
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
      const error = await rejection(open({ url: server().url, db: 99 }).put("a", 1));
      expect(error).toMatchObject({ code: "BACKEND_FAILURE", outcome: "not-applied" });
      await open({ url: `${server().url}/1` }).put("only here", 1);
      expect(await own().get("only here")).toBeUndefined();
    });
  });

  describe.skipIf(skipped)("what leaves a store", () => {
    it("is no value and no secret", async () => {
      const secret = "s3cret-of-the-caller";
      const denied = await rejection(
        open({ url: server().url, username: "nobody", password: secret }).put("a", secret),
      );
      expect(denied).toMatchObject({ code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" });
      const client = connect();
      await client.ask("DEL", "default_collection::list");
      await client.ask("RPUSH", "default_collection::list", "x");
      const wrongType = await rejection(own().update("list", () => secret));
      // Renamed commands are unknown, and what is unknown is quoted with its arguments.
      const odd = await start({ args: ["--rename-command", "SET", ""] });
      const unknown = await rejection(open({ url: odd.url }).put("a", secret));
      expect(unknown).toMatchObject({ code: "BACKEND_FAILURE", outcome: "not-applied" });
      for (const error of [denied, wrongType, unknown]) {
        expect(error).toHaveProperty("cause");
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
      }
    });
  });
}
