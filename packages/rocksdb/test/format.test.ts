// The bytes on the disk, which every later release reads.
import { cpSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CorruptRecordError, type Revision } from "@kv/core";
import { nameOf, type RecordId, type StoredRecord } from "@kv/core/driver";
import { RocksdbDriver, rocksdbStore } from "@kv/rocksdb";
import { listed, longNamesSuite, rejection } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, test } from "vitest";
import { dueOf, recordKey, recordKeyOf, rowKey } from "../src/format.ts";
import { write } from "../src/native.ts";
import { decodeRecord, encodeRecord, expiryOfText, idOf } from "../src/records.ts";
import { newFolder } from "./helpers.ts";

const id = (collection: string, key: string): RecordId => ({ collection, key });
const revision = (text: string): Revision => text as Revision;
const encode = (of: RecordId, record: StoredRecord): string => encodeRecord(of, nameOf(of), record).text;

describe("golden texts", () => {
  test("of a record", () => {
    const record = { value: { a: 1 }, createdAt: 1_700_000_000_000, expiresAt: undefined, revision: revision("rev-1") };
    const text = '1018bcfe56800000000000000rev-1 {"a":1}';
    expect(encode(id("c", "k"), record)).toBe(text);
    expect(decodeRecord(text, id("c", "k"))).toEqual(record);
    expect(expiryOfText(text)).toBeUndefined();
  });

  test("of a record that expires", () => {
    const record = { value: "ü 😀", createdAt: undefined, expiresAt: 1_800_000_000_000, revision: revision("rev_2") };
    const text = '100000000000001a3185c5000rev_2 "ü 😀"';
    expect(encode(id("c", "k"), record)).toBe(text);
    expect(decodeRecord(text, id("c", "k"))).toEqual(record);
    expect(expiryOfText(text)).toBe(1_800_000_000_000);
  });

  test("of a record whose name is hashed", () => {
    const long = id("c", `${"k".repeat(2000)} "\n`);
    const record = { value: [1], createdAt: 1, expiresAt: 2, revision: revision("r") };
    const text = `2000000000001000000000002r ["c","${"k".repeat(2000)} \\"\\n"]\n[1]`;
    expect(encode(long, record)).toBe(text);
    expect(decodeRecord(text, long)).toEqual(record);
    const key = recordKey(nameOf(long));
    if (typeof key === "string") throw new Error("the name is not hashed");
    expect(idOf(key.subarray(1), text)).toMatchObject(long);
  });

  test("of keys", () => {
    expect(recordKey(nameOf(id("users", "ada")))).toBe("rusers\0ada");
    expect(recordKeyOf(Buffer.from("users\0ada"))).toBe("rusers\0ada");
    expect(rowKey(1_800_000_000_000, nameOf(id("c", "k"))).toString("hex")).toBe("7801a3185c500063006b");
    const long = nameOf(id("c", "k".repeat(3000)));
    expect(Buffer.isBuffer(long) && recordKeyOf(long)).toEqual(recordKey(long));
  });
});

test("a record is looked at before it expires, but never in the first 15 sixteenths of its time", () => {
  const now = 1_800_000_000_123;
  for (const left of [1, 2, 15, 16, 17, 31, 32, 33, 100, 1000, 12_345, 3_600_000, 86_400_000 * 365]) {
    const due = dueOf(now + left, now);
    expect([left, due <= now + left, due > now + Math.floor((left * 15) / 16) - 1]).toEqual([left, true, true]);
  }
});

test("a folder of format 1 is read", async () => {
  const path = newFolder();
  cpSync(fileURLToPath(new URL("golden/format-1", import.meta.url)), path, { recursive: true });
  const data = join(path, "data");
  for (const name of readdirSync(data)) {
    if (name.endsWith(".bin")) renameSync(join(data, name), join(data, name.slice(0, -4)));
  }
  const store = rocksdbStore({ path });
  expect(await store.get("ada")).toEqual({ name: "Ada", tags: ["a", 1, true, null] });
  expect(await store.get("empty")).toBe("");
  expect(await store.get("k".repeat(3000))).toEqual(["long key"]);
  expect(await store.getEntry("expiring")).toMatchObject({ value: 42, expiresAt: new Date("9999-01-01T00:00:00Z") });
  expect(await store.collection("Größe \0\x01 ✓").get("schlüssel/☃")).toBe("Lång text ✓ 😀");
  expect(await store.collection("c".repeat(1500)).get("k")).toBe("long collection");
  expect((await listed(store.collections())).sort()).toEqual(
    ["default_collection", "Größe \0\x01 ✓", "c".repeat(1500)].sort(),
  );
  expect((await listed(store.collection().keys())).sort()).toEqual(["ada", "empty", "expiring", "k".repeat(3000)]);
  await store.close();
});

longNamesSuite(vitest, { scheme: "rocksdb", open: rocksdbStore, newFolder });

test("a record under the name of another is told, never taken for it", () => {
  const [one, other] = [id("c", "k".repeat(2000)), id("c", "x".repeat(2000))];
  const text = encode(one, { value: 1, createdAt: undefined, expiresAt: undefined, revision: revision("r") });
  expect(decodeRecord(text, one).value).toBe(1);
  expect(() => decodeRecord(text, other)).toThrow(CorruptRecordError);
});

describe("a record that cannot be read", () => {
  test.each([
    ["an unknown layout", "9000000000000000000000000r 1"],
    ["too short", "1000"],
    ["no revision's end", "1000000000000000000000000rev"],
    ["broken JSON", "1000000000000000000000000r {{"],
    ["a name where none is kept", "2000000000000000000000000r 1"],
  ])("is an error, not a miss, and can be overwritten and deleted: %s", async (_, text) => {
    const store = rocksdbStore({ path: newFolder() });
    await store.putMany(["a", "b", "fine"].map((key) => ({ key, value: 1 })));
    const { driver } = store;
    const database = driver instanceof RocksdbDriver ? driver.database : undefined;
    if (!database) throw new Error("not an open rocksdb store");
    for (const key of ["a", "b"]) {
      const name = nameOf(id("default_collection", key));
      await write(database, [{ type: "put", key: recordKey(name), value: text }], false);
    }
    for (const read of [() => store.get("a"), () => store.take("a"), () => store.update("a", () => 1)]) {
      expect(await rejection(read())).toBeInstanceOf(CorruptRecordError);
    }
    expect((await listed(store.collection().keys())).sort()).toEqual(["a", "b", "fine"]);
    expect(await rejection(listed(store.collection().entries()))).toBeInstanceOf(CorruptRecordError);
    await store.put("a", 2);
    expect(await store.get("a")).toBe(2);
    expect(await store.delete("b")).toBe(true);
    expect(await store.get("b")).toBeUndefined();
    await store.close();
  });
});
