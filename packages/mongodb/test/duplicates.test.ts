// Two documents that are one record: ours never make any, and where Python's first write has raced with ours, the newest
// counts and the other one goes.

import type { Revision } from "@kv/core";
import { listed, serverFor } from "@kv/test-servers";
import type { Document } from "mongodb";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { mongodbStore } from "../src/index.ts";
import { clientOf, DATABASE, empty } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "mongodb", { own: true });

describe.skipIf(skipped)("in a collection that Python has made, without a unique index,", () => {
  const client = skipped ? undefined : clientOf(server);
  // Hundreds of calls at once take their time on a busy machine.
  const stores = [0, 1, 2, 3].map(() => mongodbStore({ timeout: "60s", ...(!skipped && { url: server.url }) }));
  const collections = stores.map((store) => store.collection("users"));
  const [users] = collections;
  if (!users) throw new Error("there are four");

  const database = () => {
    if (!client) throw new Error("there is a server");
    return client.db(DATABASE);
  };
  const inUsers = () => database().collection("users");
  const count = (key: string) => inUsers().countDocuments({ key });

  beforeEach(async () => {
    await empty(database());
    await database().createCollection("users");
    await inUsers().createIndex("key");
    // None that deletes what has expired: it could do so in the middle of a test.
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await client?.close();
  });

  const python = (key: string, by: string, time: number, more: Document = {}): Document => ({
    key,
    collection: "users",
    version: 1,
    value: { object: { by } },
    created_at: new Date(time),
    ...more,
  });

  it("writers that race make one document of each record", async () => {
    const keys = Array.from({ length: 20 }, (_, at) => `key-${at}`);
    await Promise.all(
      keys.flatMap((key) =>
        collections.flatMap((one, at) => [
          one.put(key, at),
          one.putMany([{ key, value: at }]),
          one.increment(`n-${key}`),
          one.putIfAbsent(key, at),
        ]),
      ),
    );
    for (const key of keys) {
      expect(await count(key)).toBe(1);
      expect(await count(`n-${key}`)).toBe(1);
      expect(await users.get(`n-${key}`)).toBe(4);
    }
    for (let round = 0; round < 10; round++) {
      const made = await Promise.all(collections.map((one) => one.putIfAbsent(`one-${round}`, 1)));
      expect(made.filter((revision) => revision !== undefined)).toHaveLength(1);
      const told = await Promise.all(collections.map((one) => one.delete(`one-${round}`)));
      expect(told.filter(Boolean)).toHaveLength(1);
    }
  });

  it("each way to insert a record gives its document the same _id, so that the second is refused", async () => {
    const ids = new Set<string>();
    for (const insert of [
      () => users.put("a", 1),
      () => collections[1]?.put("a", { n: 1 }, { ttl: "1h" }),
      () => users.putMany([{ key: "a", value: 1 }]),
      () => users.putIfAbsent("a", 1),
      () => users.increment("a"),
    ]) {
      await insert();
      for (const { _id } of await inUsers().find().toArray()) ids.add(String(_id));
      await users.delete("a");
    }
    expect(ids.size).toBe(1);
    await users.put("b", 1);
    for (const { _id } of await inUsers().find().toArray()) ids.add(String(_id));
    expect(ids.size).toBe(2);
  });

  it("writers that race with Python's leave at most one document besides, and every answer is one's", async () => {
    for (let round = 0; round < 20; round++) {
      const key = `key-${round}`;
      const theirs = inUsers().updateOne({ key }, { $set: python(key, "python", Date.now()) }, { upsert: true });
      await Promise.all([...collections.map((one) => one.put(key, { by: "ours" })), theirs]);
      expect(await count(key)).toBeLessThanOrEqual(2);
      expect(["python", "ours"]).toContain(Object(await users.get(key)).by);
      await users.put(key, { by: "last" });
      expect(await count(key)).toBe(1);
      expect(await users.get(key)).toEqual({ by: "last" });
    }
  });

  describe.each(["ours", "python's"])("where of two documents the newer one is %s,", (newer) => {
    const now = Date.now();
    const mine = newer === "ours";
    const wanted = { by: newer };
    /** Of the document that does not count. */
    let stale: Revision | undefined;
    let current: Revision | undefined;

    beforeEach(async () => {
      await users.put("a", { by: "ours" });
      const ours = (await users.getEntry("a"))?.revision;
      await inUsers().updateOne({ key: "a" }, { $set: { created_at: new Date(now) } });
      await inUsers().insertOne(python("a", "python's", mine ? now - 1000 : now + 1000));
      await users.put("b", 1);
      current = (await users.getEntry("a"))?.revision;
      stale = mine ? undefined : ours;
    });

    it("it is read", async () => {
      expect(await users.get("a")).toEqual(wanted);
      expect(await users.getMany(["b", "a"])).toEqual([1, wanted]);
      expect((await listed(users.keys())).sort()).toEqual(["a", "b"]);
      const entries = await listed(users.entries());
      expect(new Map(entries.map(({ key, value }) => [key, value]))).toEqual(
        new Map<string, unknown>([
          ["a", wanted],
          ["b", 1],
        ]),
      );
      expect(await count("a")).toBe(2);
    });

    it("both are replaced", async () => {
      await users.put("a", { by: "another" });
      expect(await users.get("a")).toEqual({ by: "another" });
      expect(await count("a")).toBe(1);
    });

    it("both are replaced by a batch", async () => {
      await users.putMany(["a", "b", "c"].map((key) => ({ key, value: { by: "another" } })));
      expect(await users.getMany(["a", "b", "c"])).toEqual(Array(3).fill({ by: "another" }));
      expect([await count("a"), await count("b"), await count("c")]).toEqual([1, 1, 1]);
    });

    it("both are deleted, as one record", async () => {
      expect(await users.delete("a")).toBe(true);
      expect(await count("a")).toBe(0);
    });

    it("both are deleted by a batch, as one record", async () => {
      expect(await users.deleteMany(["c", "a"])).toBe(1);
      expect(await count("a")).toBe(0);
    });

    it("it is taken, and both go", async () => {
      expect(await users.take("a")).toEqual(wanted);
      expect(await users.take("a")).toBeUndefined();
      expect(await count("a")).toBe(0);
    });

    it("its revision counts, and the other one's does not", async () => {
      if (!current) throw new Error("it is there");
      if (stale) {
        expect(await users.compareAndSwap("a", stale, 1)).toBeUndefined();
        expect(await users.compareAndDelete("a", stale)).toBe(false);
      }
      expect(await users.putIfAbsent("a", 1)).toBeUndefined();
      expect(await users.compareAndSwap("a", current, { by: "swap" })).toBeDefined();
      expect(await users.get("a")).toEqual({ by: "swap" });
      expect(await count("a")).toBe(1);
    });

    it("it is counted on and touched", async () => {
      expect(await users.update("a", (value) => ({ ...Object(value), more: 1 }))).toEqual({ ...wanted, more: 1 });
      expect(await count("a")).toBe(1);
      expect(await users.touch("a", "1h")).toBe(true);
      expect((await users.getEntry("a"))?.ttl).toBeGreaterThan(3000);
    });

    it("and has expired, there is none", async () => {
      const newest = mine ? { "value.revision": { $exists: true } } : { "value.revision": { $exists: false } };
      await inUsers().updateOne({ key: "a", ...newest }, { $set: { expires_at: new Date(1) } });
      expect([await users.get("a"), await users.has("a")]).toEqual([undefined, false]);
      expect([await users.delete("a"), await users.deleteMany(["a"])]).toEqual([false, 0]);
      expect(await users.putIfAbsent("a", 1)).toBeDefined();
      expect([await users.get("a"), await count("a")]).toEqual([1, 1]);
    });

    it("both are cleared", async () => {
      await users.clear();
      expect(await count("a")).toBe(0);
    });
  });

  it("a page of an enumeration may end between two documents of one record", async () => {
    const keys = Array.from({ length: 1500 }, (_, at) => `key-${String(at).padStart(5, "0")}`);
    await users.putMany(keys.map((key) => ({ key, value: { by: "ours" } })));
    const newer = Date.now() + 60_000;
    await inUsers().insertMany(keys.map((key) => python(key, "python", newer)));
    expect((await listed(users.keys())).sort()).toEqual(keys);
    const values = (await listed(users.entries())).map(({ value }) => value);
    expect(values).toHaveLength(keys.length);
    expect(values.every((value) => Object(value).by === "python")).toBe(true);
  });
});
