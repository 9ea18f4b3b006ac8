// Enumeration and clearing of a large database that others use and write to meanwhile.

import { listed, serverFor } from "@kv/test-servers";
import { Redis } from "ioredis";
import * as vitest from "vitest";
import { afterAll, describe, expect, it } from "vitest";
import { RedisDriver, redisStore } from "../src/index.ts";
import { groupClient } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "redis", { own: true });

describe.skipIf(skipped)("a database that others use", { timeout: 120_000 }, () => {
  const client = groupClient(server, skipped);
  const store = redisStore({ ...(!skipped && { url: server.url }), timeout: "20s" });
  const users = store.collection("us*rs");
  const keys = Array.from({ length: 20_000 }, (_, at) => `user-${at}`);

  afterAll(() => store.close());

  it("gives each of 20,000 records exactly once while others write and delete, and nothing of anyone else", async () => {
    await users.putMany(keys.map((key, at) => ({ key, value: at })));
    await client.mset(Object.fromEntries(keys.slice(0, 5000).map((key) => [`us*rs::not ours ${key}`, "x"])));
    await client.rpush("us*rs::a list", "x");
    await store.collection("users").put("of another collection", 1);

    let writing = true;
    let written = 0;
    const writer = (async () => {
      // Grows the database until the server moves it to a larger table, then shrinks it: SCAN repeats names meanwhile.
      const other = redisStore({ url: server.url, timeout: "20s" });
      const crowd = other.collection("crowd");
      while (writing) {
        const names = Array.from({ length: 500 }, () => `${written++}`);
        await crowd.putMany(names.map((key) => ({ key, value: key })));
        if (written % 5000 === 0) await crowd.clear();
        else if (written % 1500 === 0) await crowd.deleteMany(names);
      }
      await other.close();
    })();

    const seen = new Map<string, number>();
    for await (const { key, value } of users.entries()) {
      expect(value).toBe(Number(key.slice(5)));
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    const names = await listed(users.keys());
    writing = false;
    await writer;
    expect(seen.size).toBe(keys.length);
    expect(Math.max(...seen.values())).toBe(1);
    expect(new Set(names)).toEqual(new Set(keys));
    expect(names).toHaveLength(keys.length);
    expect(written).toBeGreaterThan(0);
  });

  it("gives a page again that failed, and leaves none out", async () => {
    const { driver } = store;
    if (!(driver instanceof RedisDriver)) throw new Error("a Redis store has a RedisDriver");
    const scope = { collection: "us*rs", keyPrefix: "" };
    const call = {
      operation: "keys",
      signal: new AbortController().signal,
      deadline: performance.now() + 20_000,
      markSent: () => {},
    };
    const found: string[] = [];
    let cursor: NonNullable<unknown> | undefined;
    do {
      const options = { values: false, cursor };
      // A page that nobody waits for any more: it may go as far as it likes, and counts for nothing.
      await driver.list(scope, options, { ...call, ended: true }).catch(() => {});
      const page = await driver.list(scope, options, { ...call, ended: false });
      found.push(...page.items.map(({ key }) => key));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(found).toHaveLength(keys.length);
    expect(new Set(found)).toEqual(new Set(keys));
  });

  it("gives each record once where the server gives a name twice", async () => {
    // As SCAN does when the server moves to a smaller table meanwhile: here each page comes twice.
    const client = new Redis(server.url, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
    const send = client.sendCommand.bind(client);
    const asked = new Set<string>();
    client.sendCommand = (command) => {
      send(command);
      const cursor = String(command.args[0]);
      if (command.name === "scan" && cursor !== "0" && !asked.has(cursor)) {
        asked.add(cursor);
        command.promise = command.promise.then((reply) => (Array.isArray(reply) ? [cursor, reply[1]] : reply));
      }
      return command.promise;
    };
    const repeating = redisStore({ client });
    const names = await listed(repeating.collection("us*rs").keys());
    expect(asked.size).toBeGreaterThan(10);
    expect(names).toHaveLength(keys.length);
    expect((await listed(repeating.collections())).length).toBe(new Set(await listed(store.collections())).size);
    await repeating.close();
    client.disconnect();
  });

  it("loses our records by clear, those of all collections by clearAll, and nothing else", async () => {
    const before = await client.dbsize();
    await users.clear();
    expect(await client.dbsize()).toBe(before - keys.length);
    expect(await store.collection("users").get("of another collection")).toBe(1);
    await store.clearAll();
    expect(await listed(store.collections())).toEqual([]);
    expect(await client.exists("us*rs::a list", "us*rs::not ours user-0")).toBe(2);
    expect(await client.dbsize()).toBe(5001);
  });

  it("is another one than the neighbour's", async () => {
    const other = redisStore({ url: server.url, db: 3 });
    await other.put("a", 1);
    await store.put("a", 2);
    await other.clearAll();
    expect(await store.get("a")).toBe(2);
    const direct = new Redis(server.url, { db: 3 });
    expect(await direct.dbsize()).toBe(0);
    direct.disconnect();
    await other.close();
  });
});
