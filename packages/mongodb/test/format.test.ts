// What lies in the database: Python's golden records as they are read and worked on, ours as they are written.

import { readFile } from "node:fs/promises";
import { CorruptRecordError, InexactNumberError } from "@kv/core";
import { listed, rejection, serverFor } from "@kv/test-servers";
import { BSON, type Document, ObjectId } from "mongodb";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { decode, found } from "../src/documents.ts";
import { mongodbStore } from "../src/index.ts";
import { clientOf, DATABASE, documents, empty } from "./helpers.ts";

interface Golden {
  readonly names: "python" | "python-v1";
  readonly place: string;
  /** For the eye: extended JSON. */
  readonly document: Document;
  /** The same, byte by byte. */
  readonly bson: string;
}

const golden: readonly Golden[] = JSON.parse(await readFile(new URL("golden/records.json", import.meta.url), "utf8"));
const ofKey = (key: string): Golden => {
  const one = golden.find(({ document }) => document.key === key);
  if (!one) throw new Error("there is none of that name");
  return one;
};
const bytesOf = (key: string): Buffer => Buffer.from(ofKey(key).bson, "base64");

/** Those that the driver, which has meanings of its own for some names, can bring to a server. */
const insertable = golden.filter(({ document }) => !["names", "a reference"].includes(document.key));

describe("a document of Python's", () => {
  it("is read whatever its values are called", () => {
    const names = '{"a.b": 1, "": 2, "10": 3, "9": 4, "__proto__": {"x": 1}, "_bsontype": "Long"}';
    const { value } = decode(found(bytesOf("names")), "error");
    expect(value).toStrictEqual(JSON.parse(names));
    expect(Object.keys(Object(value))).toEqual(Object.keys(JSON.parse(names)));
    expect(decode(found(bytesOf("a reference")), "error").value).toStrictEqual({
      $id: "b",
      z: 1,
      $ref: "a",
      in: { $ref: "a", $id: 1 },
    });
  });

  it("has a revision that each other way of storing it changes", () => {
    const { revision } = decode(found(bytesOf("floats")), "error");
    expect(revision).toMatch(/^[0-9a-f]{40}$/);
    expect(decode(found(bytesOf("floats")), "error").revision).toBe(revision);
    const later = bytesOf("floats");
    const at = later.indexOf("created_at") + 11;
    later.writeUInt8(later.readUInt8(at) ^ 1, at);
    expect(decode(found(later), "error").revision).not.toBe(revision);
  });

  it("that is cut off is an error, wherever that is", () => {
    const bytes = bytesOf("nested");
    for (let length = 0; length < bytes.length; length++) {
      const cut = Buffer.from(bytes.subarray(0, length));
      expect(() => decode(found(cut), "error"), `${length} bytes`).toThrow(CorruptRecordError);
    }
  });
});

const { server, skipped } = await serverFor(vitest, "mongodb", { own: true });

describe.skipIf(skipped)("the stored format", () => {
  const client = skipped ? undefined : clientOf(server);
  const store = mongodbStore(skipped ? {} : { url: server.url });
  const users = store.collection("users");
  const inDatabase = (name: string) => {
    if (!client) throw new Error("there is a server");
    return client.db(DATABASE).collection(name);
  };

  beforeEach(async () => {
    if (client) await empty(client.db(DATABASE));
  });
  afterAll(async () => {
    await store.close();
    await client?.close();
  });

  describe("records that Python wrote", () => {
    beforeEach(async () => {
      for (const { place, document } of insertable) {
        await inDatabase(place).insertOne(BSON.EJSON.deserialize(document, { relaxed: false }));
      }
    });

    it("are read", async () => {
      expect(await store.get("plain")).toEqual({ name: "Ada", age: 36 });
      expect(await users.get("nested")).toEqual({ a: [1, { b: [null, true, { c: "d" }] }], empty: {}, none: [] });
      expect(await users.get("unicode é😀")).toEqual({ text: '日本 😀 \0 " \\ / \u2028' });
      expect(await users.get("floats")).toEqual({ one: 1, tenth: 0.1, huge: 1e308, small: 5e-324, zero: 0 });
      expect(await users.get("integers")).toEqual({ small: -1, long: 2 ** 40, exact: 2 ** 60, negative: -(2 ** 53) });
      expect(await users.get("items")).toEqual({ items: [1, 2, 3] });
      expect(await users.get("like ours")).toEqual({ object: {}, revision: "r", wrapped: "items" });
      expect(await store.collection("with spaces, d.ts & é").get("key with :: inside")).toEqual({ v: 1 });
      const sanitized = mongodbStore({ url: server.url, names: "python-v1" });
      expect(await sanitized.collection("my-coll!").get("a")).toEqual({ v: 2 });
      expect(await sanitized.collection("users").get("b")).toEqual({ v: 3 });
      await sanitized.close();
    });

    it("have their times", async () => {
      const entry = await users.getEntry("with ttl");
      const stored = BSON.EJSON.deserialize(ofKey("with ttl").document);
      expect(entry).toMatchObject({ createdAt: stored.created_at, expiresAt: stored.expires_at });
      expect(entry?.revision).toMatch(/^[0-9a-f]{40}$/);
    });

    it("are refused where JavaScript would round, or read as told", async () => {
      expect(await rejection(users.get("big"))).toBeInstanceOf(InexactNumberError);
      expect(await rejection(users.get("nan"))).toBeInstanceOf(InexactNumberError);
      const nearest = mongodbStore({ url: server.url, numbers: "nearest" });
      expect(await nearest.collection("users").get("big")).toEqual({ id: 2 ** 53 });
      expect(await nearest.collection("users").get("nan")).toEqual({ values: [null, null, null], text: "NaN" });
      await nearest.close();
    });

    it("are enumerated, with an error in the place of what cannot be read", async () => {
      const ours = insertable.filter(({ place }) => place === "users").map(({ document }) => document.key);
      expect((await listed(users.keys())).sort()).toEqual(ours.sort());
      expect((await listed(store.collections())).sort()).toEqual([
        "default_collection",
        "users",
        "with spaces, d.ts & é",
      ]);
      const error = await rejection(listed(users.entries({ prefix: "big" })));
      expect(error).toBeInstanceOf(InexactNumberError);
      expect(error).toMatchObject({ operation: "entries", collection: "users", key: "big" });
    });

    it("are cleared", async () => {
      await users.clear();
      expect(await documents(inDatabase("users"))).toEqual([]);
      expect(await inDatabase("default_collection").countDocuments()).toBe(1);
      await store.clearAll();
      expect(await inDatabase("default_collection").countDocuments()).toBe(0);
    });

    it("are absent once they have expired, though the server still holds them", async () => {
      const old = { key: "old", collection: "users", version: 1, value: { object: {} } };
      const put = () => inDatabase("users").insertOne({ ...old, created_at: new Date(0), expires_at: new Date(1) });
      await put();
      expect(await users.get("old")).toBeUndefined();
      expect(await users.getMany(["old", "items"])).toEqual([undefined, { items: [1, 2, 3] }]);
      expect(await listed(users.keys({ prefix: "old" }))).toEqual([]);
      expect(await users.take("old")).toBeUndefined();
      expect(await users.touch("old", "1h")).toBe(false);
      expect(await users.delete("old")).toBe(false);
      expect(await users.deleteMany(["old", "items"])).toBe(1);
      expect(await users.increment("old", 3)).toBe(3);
      await inDatabase("users").deleteMany({ key: "old" });
      await put();
      expect(await users.putIfAbsent("old", "new")).toBeDefined();
      expect(await users.get("old")).toBe("new");
      expect(await inDatabase("users").countDocuments({ key: "old" })).toBe(1);
    });

    it("are taken, swapped and counted on as any other", async () => {
      expect(await users.take("items")).toEqual({ items: [1, 2, 3] });
      expect(await users.has("items")).toBe(false);
      const entry = await users.getEntry("nested");
      if (!entry) throw new Error("it is there");
      await users.put("other", 1);
      expect(await users.compareAndSwap("nested", entry.revision, "mine")).toBeDefined();
      expect(await users.compareAndSwap("nested", entry.revision, "theirs")).toBeUndefined();
      expect(await users.get("nested")).toBe("mine");
      const floats = await users.getEntry("floats");
      expect(floats && (await users.compareAndDelete("floats", floats.revision))).toBe(true);
      expect(await users.get("floats")).toBeUndefined();
    });

    it("are swapped whatever their values are called, and though numbers of JavaScript cannot tell them apart", async () => {
      const map = (value: object) => new Map(Object.entries(value));
      const object = map({
        n: new BSON.Double(1),
        list: [map({ z: 1, $id: "b", $ref: "a" }), 2n ** 60n, null, "", true],
      });
      object.set("odd", map({ _bsontype: "Long", "": {}, "0": new BSON.Int32(0) }));
      const document = { collection: "users", value: map({ object }), created_at: new Date() };
      for (const key of ["a", "b"]) await inDatabase("users").insertOne({ ...document, key });
      const entry = await users.getEntry("a");
      expect(entry?.value).toMatchObject({
        odd: { _bsontype: "Long" },
        list: [{ $ref: "a" }, 2 ** 60, null, "", true],
      });
      expect(entry && (await users.compareAndSwap("a", entry.revision, 1))).toBeDefined();
      expect(await users.take("b")).toEqual(entry?.value);
    });

    it("are swapped by their whole value, also where a request cannot hold that and the next one", async () => {
      const [theirs, ours] = ["t", "o"].map((letter) => ({ text: letter.repeat(9 * 2 ** 20) }));
      await inDatabase("users").insertOne({ collection: "users", key: "large", value: { object: theirs } });
      const entry = await users.getEntry("large");
      expect(entry?.value).toEqual(theirs);
      const next = entry && (await users.compareAndSwap("large", entry.revision, ours));
      expect(next).toBeDefined();
      expect((await users.getEntry("large"))?.revision).toBe(next);
      expect(await users.get("large")).toEqual(ours);
      expect(entry && (await users.compareAndSwap("large", entry.revision, 1))).toBeUndefined();

      await inDatabase("users").updateOne({ key: "large" }, { $set: { value: { object: theirs } } });
      expect(await users.update("large", (value) => ({ ...Object(value), more: 1 }))).toEqual({ ...theirs, more: 1 });
      await inDatabase("users").updateOne({ key: "large" }, { $set: { value: { object: theirs } } });
      expect(await users.take("large")).toEqual(theirs);
    });

    it("stay where they are when a take cannot read them", async () => {
      expect(await rejection(users.take("big"))).toMatchObject({ code: "INEXACT_NUMBER", outcome: "not-applied" });
      expect(await inDatabase("users").countDocuments({ key: "big" })).toBe(1);
    });
  });

  it("is what Python reads, with fields of ours inside the value", async () => {
    const before = Date.now();
    await users.put("ada", { name: "Ada", n: undefined, id: 2 ** 40 }, { ttl: "90s" });
    const after = Date.now();
    const [stored = {}] = await documents(inDatabase("users"));
    expect(Object.keys(stored).sort()).toEqual(["collection", "created_at", "expires_at", "key", "value", "version"]);
    expect(stored).toMatchObject({ collection: "users", key: "ada", version: 1 });
    const { object, revision, ...others } = stored.value;
    expect(object).toEqual({ name: "Ada", id: BSON.Long.fromNumber(2 ** 40) });
    expect([revision, others]).toEqual([expect.any(String), {}]);
    expect(stored.expires_at.getTime()).toBeGreaterThanOrEqual(before + 90_000);
    expect(stored.expires_at.getTime()).toBeLessThanOrEqual(after + 90_000);
    expect(stored.expires_at.getTime() - stored.created_at.getTime()).toBe(90_000);
  });

  it("keeps as text what BSON or a server would change, and what is no object as Python's adapters do", async () => {
    const deep = JSON.parse(`${"[".repeat(300)}1${"]".repeat(300)}`);
    const cases: (readonly [value: object | string | null, object: object, wrapped?: string])[] = [
      [
        { "a.b": 1, "": { c: [] } },
        { "a.b": 1, "": { c: [] } },
      ],
      [{ items: [1] }, { items: [1] }],
      [{ json: "1" }, { json: "1" }],
      [null, { items: null }, "items"],
      ["text", { items: "text" }, "items"],
      [[1, { a: 2 }], { items: [1, { a: 2 }] }, "items"],
      [{ $set: 1 }, { json: '{"$set":1}' }, "json"],
      [{ a: [{ "b\0": 1 }] }, { json: '{"a":[{"b\\u0000":1}]}' }, "json"],
      [{ _bsontype: "Long" }, { json: '{"_bsontype":"Long"}' }, "json"],
      [deep, { json: JSON.stringify(deep) }, "json"],
    ];
    for (const [value, object, wrapped] of cases) {
      await users.put("a", value);
      const [stored] = await documents(inDatabase("users"));
      expect(stored?.value).toEqual({ object, revision: expect.any(String), ...(wrapped && { wrapped }) });
      expect(await users.get("a")).toStrictEqual(value);
    }
    await users.put("a", JSON.parse('{"__proto__": {"polluted": true}, "2": "b", "1": "a"}'));
    const entry = await users.get("a");
    expect(JSON.stringify(entry)).toBe('{"1":"a","2":"b","__proto__":{"polluted":true}}');
  });

  it("is copied when the call is made", async () => {
    const value = { list: [1], text: "before" };
    const put = users.put("a", value);
    value.list.push(2);
    value.text = "after";
    await put;
    expect(await users.get("a")).toEqual({ list: [1], text: "before" });
  });

  it("loses its time to live when it is overwritten without one", async () => {
    for (const overwrite of [
      () => users.put("a", 2),
      () => users.putMany([{ key: "a", value: 2 }]),
      () => users.update("a", () => 2),
    ]) {
      await users.put("a", 1, { ttl: "1h" });
      await overwrite();
      const [stored] = await documents(inDatabase("users"));
      expect(stored).not.toHaveProperty("expires_at");
    }
  });

  it("leaves fields of other programs in the document, but not in the value", async () => {
    await users.put("a", 1);
    await inDatabase("users").updateOne({ key: "a" }, { $set: { tags: ["x"], "value.mine": 1 } });
    await users.put("a", 2);
    const [stored] = await documents(inDatabase("users"));
    expect(stored).toMatchObject({ tags: ["x"], value: { object: { items: 2 } } });
    expect(stored?.value).not.toHaveProperty("mine");
  });

  it("keeps names that MongoDB refuses, under a hash, with their own names inside", async () => {
    const names = ["$", "a$b", "\0", "system.x", ".a", "a.", "a..b", "x".repeat(10_000), `H_${"0".repeat(64)}`];
    for (const name of names) await store.collection(name).put("a", name);
    for (const name of names) expect(await store.collection(name).get("a")).toBe(name);
    const places = (await client?.db(DATABASE).listCollections().toArray())?.map(({ name }) => name) ?? [];
    for (const place of places) expect(place).toMatch(/^H_[0-9a-f]{64}$/);
    expect(places).toHaveLength(names.length);
    expect((await listed(store.collections())).sort()).toEqual(names.sort());
    const [first = ""] = places;
    const [stored] = await documents(inDatabase(first));
    // Another program's, or Python's of that very name.
    await inDatabase(first).insertOne({ ...stored, collection: first, key: "b" });
    expect((await listed(store.collections())).sort()).toEqual(names.sort());
    await store.clearAll();
    expect(await documents(inDatabase(first))).toMatchObject([{ key: "b" }]);
  });

  it("has no record in what is none", async () => {
    const others: Document[] = [
      { text: "another program's" },
      { key: "text", collection: "users", value: "x" },
      { key: "null", collection: "users", value: null },
      { key: "no object", collection: "users", value: { text: 1 } },
      { key: "list", collection: "users", value: { object: [1] } },
      { key: "number", collection: "users", value: { object: 1 } },
      { key: "nothing", collection: "users" },
      { key: 5, collection: "users", value: { object: {} } },
      { key: "elsewhere", collection: "people", value: { object: {} } },
      { key: "nowhere", value: { object: {} } },
    ];
    await inDatabase("users").insertMany(others);
    const corrupt = ["text", "null", "no object", "list", "number", "nothing"];
    for (const key of corrupt) {
      expect(await rejection(users.get(key)), key).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.take(key)), key).toBeInstanceOf(CorruptRecordError);
      expect(await rejection(users.increment(key)), key).toMatchObject({ outcome: "not-applied" });
      expect(await rejection(users.putIfAbsent(key, 1)), key).toMatchObject({ code: "CORRUPT_RECORD" });
    }
    for (const key of ["5", "elsewhere", "nowhere"]) expect(await users.get(key)).toBeUndefined();
    await users.put("mine", 1);
    const error = await rejection(users.getMany(["mine", "missing", "list", "text"]));
    expect(error).toMatchObject({ code: "BATCH_FAILED", results: [1, undefined, undefined, undefined] });
    expect(await listed(users.keys())).toEqual(["mine"]);
    expect(await listed(store.collections())).toEqual(["users"]);
    await users.clear();
    await store.clearAll();
    await store.cull();
    expect(await inDatabase("users").countDocuments()).toBe(others.length);
    for (const key of corrupt) expect(await users.delete(key), key).toBe(true);
    await users.put("elsewhere", "mine");
    expect(await store.collection("people").get("elsewhere")).toBeUndefined();
    expect(await users.get("elsewhere")).toBe("mine");
  });

  it("has no record in values of types that are no JSON, nor with times that are none", async () => {
    const types = { date: new Date(), id: new ObjectId(), bytes: Buffer.from("a"), decimal: new BSON.Decimal128("1") };
    for (const [key, value] of Object.entries(types)) {
      await inDatabase("users").insertOne({ key, collection: "users", value: { object: { a: [value] } } });
      expect(await rejection(users.get(key)), key).toBeInstanceOf(CorruptRecordError);
    }
    for (const field of ["created_at", "expires_at"]) {
      await inDatabase("users").insertOne({ key: field, collection: "users", value: { object: {} }, [field]: "soon" });
      expect(await rejection(users.get(field)), field).toBeInstanceOf(CorruptRecordError);
    }
    const others = { reg: /a/i, code: new BSON.Code("a"), max: new BSON.MaxKey(), time: new BSON.Timestamp(1n) };
    await inDatabase("users").insertOne({ ...others, key: "a", collection: "users", value: { object: {} }, z: types });
    expect(await users.get("a")).toEqual({});
  });

  it("touches nothing in the collections of other programs, not even by an index", async () => {
    const theirs = inDatabase("theirs");
    await theirs.insertOne({ expires_at: new Date(1), name: "kept" });
    await store.collection("theirs").put("a", 1);
    await store.collection("theirs").clear();
    await store.clearAll();
    await store.cull();
    expect(await theirs.find({}, { projection: { _id: 0 } }).toArray()).toEqual([
      { expires_at: new Date(1), name: "kept" },
    ]);
    expect((await theirs.indexes()).map(({ name }) => name)).toEqual(["_id_"]);
    expect(await listed(store.collections())).toEqual([]);
  });

  it("culls what has expired, and nothing else", async () => {
    await users.putMany([
      { key: "brief", value: 1, ttl: "1ms" },
      { key: "long", value: 1, ttl: "1h" },
      { key: "ever", value: 1 },
    ]);
    const odd = store.collection("$odd");
    await odd.put("brief", 1, { ttl: "1ms" });
    await expect.poll(() => users.has("brief")).toBe(false);
    await expect.poll(() => odd.has("brief")).toBe(false);
    await store.cull();
    expect((await documents(inDatabase("users"))).map(({ key }) => key)).toEqual(["ever", "long"]);
    expect(await odd.has("brief")).toBe(false);
  });

  it("lies in the database that the option names, else in the one of the URL", async () => {
    await store.put("a", "default");
    const byOption = mongodbStore({ url: `${server.url}from_url`, database: "other" });
    const byUrl = mongodbStore({ url: `${server.url}from_url` });
    expect([await byOption.get("a"), await byUrl.get("a")]).toEqual([undefined, undefined]);
    await byOption.put("a", "other");
    await byUrl.put("a", "from the URL");
    const names = [DATABASE, "other", "from_url"];
    const counts = names.map((name) => client?.db(name).collection("default_collection").countDocuments());
    expect(await Promise.all(counts)).toEqual([1, 1, 1]);
    for (const other of [byOption, byUrl]) {
      await other.clearAll();
      await other.close();
    }
    expect(await store.get("a")).toBe("default");
  });
});
