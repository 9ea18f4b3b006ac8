// One server shared with py-key-value-aio's MongoDBStore, live and both ways.

import { listed, PythonStore, pythonFor, pythonSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { mongodbStore } from "../src/index.ts";
import { clientOf, DATABASE, empty } from "./helpers.ts";

const { server, skipped: noServer } = await serverFor(vitest, "mongodb", { own: true });
const { python, skipped: noPython } = await pythonFor();
const skipped = noServer ?? noPython;
const client = skipped ? undefined : clientOf(server);

const theirs = (strategy = "") =>
  new PythonStore(python, {
    imports: "from key_value.aio.stores.mongodb.store import MongoDBStore, MongoDBV1CollectionSanitizationStrategy",
    store: `MongoDBStore(url=server${strategy})`,
    server: () => server.url,
  });
const emptied = async (): Promise<void> => {
  if (client) await empty(client.db(DATABASE));
};

afterAll(() => client?.close());

pythonSuite(vitest, {
  name: "MongoDBStore",
  skipped,
  python: () => theirs(),
  open: (options) => mongodbStore({ url: server.url, ...options }),
  empty: emptied,
  // Its update leaves the expiry that was there.
  overwritingEndsTtl: false,
  // BSON has none beyond 64 bits.
  hugeIntegers: false,
  names: [
    { collection: "default_collection", key: "user:1" },
    { collection: "a collection", key: "with :: inside" },
    { collection: "odd *?[x]\\", key: "%3A %" },
    { collection: "with.dots", key: "$set" },
    { collection: "日本", key: "é😀" },
    { collection: "c".repeat(200), key: "k".repeat(1000) },
  ],
});

describe.skipIf(skipped)("a database shared with Python", () => {
  const v1 = ", collection_sanitization_strategy=MongoDBV1CollectionSanitizationStrategy()";
  const store = mongodbStore(skipped ? {} : { url: server.url });
  const sanitized = mongodbStore(skipped ? {} : { url: server.url, names: "python-v1" });
  const users = store.collection("users");
  const inUsers = { collection: "users" };

  beforeEach(emptied);
  afterAll(() => Promise.all([store.close(), sanitized.close()]));

  it("has the same names by Python's second way", async () => {
    const names = [
      "users",
      "_",
      "__",
      "a__b",
      "!",
      "my-coll!",
      "user:1",
      "日本",
      "x".repeat(201),
      `${"y".repeat(200)}!`,
    ];
    for (const collection of names) await sanitized.collection(collection).put("ours", { at: collection });
    const steps = names.flatMap((collection) => [
      ["get", ["ours"], { collection }] as const,
      ["put", ["theirs", { at: collection }], { collection }] as const,
    ]);
    expect(await theirs(v1).run(...steps)).toEqual(names.flatMap((collection) => [{ at: collection }, null]));
    for (const collection of names) {
      expect(await sanitized.collection(collection).getMany(["ours", "theirs"])).toEqual([
        { at: collection },
        { at: collection },
      ]);
    }
    expect((await listed(sanitized.collections())).sort()).toEqual(names.sort());
  });

  it("has apart in ours what Python's second way confuses", async () => {
    // Equal in the first 198 of their characters, of which it keeps no more.
    const [one, other] = [`${"x".repeat(210)}a`, `${"x".repeat(210)}b`];
    await sanitized.collection(one).put("a", { by: "ours", at: "one" });
    await sanitized.collection(other).put("a", { by: "ours", at: "other" });
    expect(await sanitized.collection(one).get("a")).toEqual({ by: "ours", at: "one" });
    expect((await listed(sanitized.collections({ prefix: "x" }))).sort()).toEqual([one, other]);
    await sanitized.collection(other).clear();
    expect(await sanitized.collection(one).get("a")).toEqual({ by: "ours", at: "one" });
    expect(await sanitized.collection(other).get("a")).toBeUndefined();
    // Python finds the one when it looks for the other, and makes it that when it writes.
    await theirs(v1).run(["put", ["a", { by: "python" }], { collection: other }]);
    expect(await sanitized.collection(other).get("a")).toEqual({ by: "python" });
    expect(await sanitized.collection(one).get("a")).toBeUndefined();
    await sanitized.collection(one).put("a", { by: "ours again" });
    await sanitized.collection(one).put("a", { by: "ours once more" });
    expect(await sanitized.collection(one).get("a")).toEqual({ by: "ours once more" });
    expect(await sanitized.collection(other).get("a")).toEqual({ by: "python" });
  });

  it("keeps the old expiry where Python overwrites without one, and says so", async () => {
    await users.put("a", { n: 1 }, { expiresAt: Date.now() + 3_600_000 });
    const before = await users.getEntry("a");
    await theirs().run(["put", ["a", { n: 2 }], inUsers]);
    const entry = await users.getEntry("a");
    expect(entry?.value).toEqual({ n: 2 });
    expect(entry?.expiresAt).toEqual(before?.expiresAt);
    await users.put("a", { n: 3 });
    expect((await users.getEntry("a"))?.expiresAt).toBeUndefined();
  });

  it("shows Python what BSON cannot keep as text", async () => {
    const values = {
      dollar: { $ref: "a", $id: 1, plain: true },
      nul: { "a\0b": 1 },
      list: [{ $set: 1 }],
    };
    for (const [key, value] of Object.entries(values)) await users.put(key, value);
    const texts = Object.values(values).map((value) => ({ json: JSON.stringify(value) }));
    expect(await theirs().run(["get_many", [Object.keys(values)], inUsers])).toEqual([texts]);
    for (const [key, value] of Object.entries(values)) expect(await users.get(key)).toEqual(value);
    // Dots are nothing special, and integers stay integers.
    await users.put("dots", { "a.b": 2 ** 40, c: 1.5 });
    const script = ["get", ["dots"], inUsers] as const;
    expect(await theirs().run(script)).toEqual([{ "a.b": 2 ** 40, c: 1.5 }]);
  });

  it("reads what only Python can store natively", async () => {
    const value = { $ref: "a", $id: { $oid: "b" }, z: 1, a: { $schema: "s" }, 7: "x", "": "empty", _bsontype: "Long" };
    await theirs().run(["put", ["a", value], inUsers]);
    expect(await users.get("a")).toEqual(value);
    const entry = await users.getEntry("a");
    expect(entry && (await users.compareAndSwap("a", entry.revision, 1))).toBeDefined();
  });

  it("works in a collection of Python's, with its indexes, and Python in one of ours", async () => {
    const database = client?.db(DATABASE);
    await theirs().run(["put", ["a", { by: "python" }], inUsers]);
    expect(await users.putIfAbsent("a", 1)).toBeUndefined();
    expect(await users.putIfAbsent("b", 1)).toBeDefined();
    const theirIndexes = await database?.collection("users").indexes();
    expect(theirIndexes?.map(({ name }) => name).sort()).toEqual(["_id_", "expires_at_1", "key_1"]);
    await store.collection("ours").put("a", 1);
    const ours = await database?.collection("ours").indexes();
    expect(ours).toContainEqual(expect.objectContaining({ key: { key: 1, collection: 1 }, unique: true }));
    expect(ours).toContainEqual(expect.objectContaining({ key: { expires_at: 1 }, expireAfterSeconds: 0 }));
    const inOurs = { collection: "ours" };
    const answers = await theirs().run(
      [
        "put_many",
        [
          ["a", "b"],
          [{ n: 1 }, { n: 2 }],
        ],
        { ...inOurs, ttl: 1000 },
      ],
      ["delete", ["a"], inOurs],
      ["destroy_collection", ["ours"]],
    );
    expect(answers).toEqual([null, true, true]);
    expect(await store.collection("ours").get("b")).toBeUndefined();
    await store.collection("ours").put("c", 1);
    expect(await store.collection("ours").get("c")).toBe(1);
  });
});
