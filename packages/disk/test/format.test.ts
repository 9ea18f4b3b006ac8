// The bytes on the disk, which every later release reads.

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CorruptRecordError, type Revision } from "@kv/core";
import { bytesOf, nameOf } from "@kv/core/driver";
import { diskStore } from "@kv/disk";
import { listed, longNamesSuite, rejection } from "@kv/test-servers";
import { open } from "lmdb";
import * as vitest from "vitest";
import { describe, expect, test } from "vitest";
import { decodeRecord, encodeRecord, idOf } from "../src/format.ts";
import { newFolder } from "./helpers.ts";

const id = (collection: string, key: string) => ({ collection, key });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const revision = (text: string): Revision => text as Revision;

describe("golden bytes", () => {
  test("of a record", () => {
    const ascii = encodeRecord(id("c", "k"), nameOf(id("c", "k")), {
      value: { a: 1 },
      createdAt: 1_700_000_000_000,
      expiresAt: undefined,
      revision: revision("rev-1"),
    });
    expect(hex(ascii)).toBe("0101018bcfe56800000000000000057265762d317b2261223a317d");
    const unicode = encodeRecord(id("c", "k"), nameOf(id("c", "k")), {
      value: "ü",
      createdAt: undefined,
      expiresAt: 1_800_000_000_000,
      revision: revision("rev-2"),
    });
    expect(hex(unicode)).toBe("010000000000000001a3185c5000057265762d3222c3bc22");
  });

  test("of a record whose name is hashed", () => {
    const long = id("c", "k".repeat(2000));
    const bytes = encodeRecord(long, nameOf(long), { value: 1, createdAt: 1, expiresAt: 2, revision: revision("r") });
    expect(hex(bytes)).toBe(`010300000000000100000000000201720000000163000007d0${"6b".repeat(2000)}31`);
    expect(idOf(bytesOf(nameOf(long)), bytes)).toEqual(expect.objectContaining(long));
  });
});

test("a folder of format 1 is read", async () => {
  const path = newFolder();
  mkdirSync(path);
  copyFileSync(fileURLToPath(new URL("golden/format-1.mdb", import.meta.url)), join(path, "data.mdb"));
  const store = diskStore({ path });
  expect(await store.get("ada")).toEqual({ name: "Ada", tags: ["a", 1, true, null] });
  expect(await store.get("empty")).toBe("");
  expect(await store.get("k".repeat(3000))).toEqual(["long key"]);
  expect(await store.getEntry("expiring")).toMatchObject({ value: 42, expiresAt: new Date("9999-01-01T00:00:00Z") });
  expect(await store.collection("Größe \0\x01 ✓").get("schlüssel/☃")).toBe("Lång text ✓ 😀");
  expect((await listed(store.collections())).sort()).toEqual(
    ["default_collection", "Größe \0\x01 ✓", "c".repeat(1500)].sort(),
  );
  await store.close();
});

longNamesSuite(vitest, { scheme: "disk", open: diskStore, newFolder });

test("a record under the name of another is told, never taken for it", () => {
  const [one, other] = [id("c", "k".repeat(2000)), id("c", "x".repeat(2000))];
  const bytes = encodeRecord(one, nameOf(one), {
    value: 1,
    createdAt: undefined,
    expiresAt: undefined,
    revision: revision("r"),
  });
  expect(decodeRecord(bytes, one).value).toBe(1);
  expect(() => decodeRecord(bytes, other)).toThrow(CorruptRecordError);
});

describe("a record that cannot be read", () => {
  test.each([
    ["an unknown layout", Buffer.from("09000000000000000000000000000072", "hex")],
    ["too short", Buffer.from("0100", "hex")],
    ["broken JSON", Buffer.from("0101000000000000000000000000017b7b", "hex")],
  ])("is an error, not a miss, and can be overwritten and deleted: %s", async (_, bytes) => {
    const path = newFolder();
    const store = diskStore({ path });
    await store.putMany(["a", "b", "fine"].map((key) => ({ key, value: 1 })));
    await store.close();
    const root = open({ path, noSubdir: false, overlappingSync: false, encoding: "binary", keyEncoding: "binary" });
    const records = root.openDB({ name: "records", encoding: "binary", keyEncoding: "binary", useVersions: true });
    for (const key of ["a", "b"]) await records.put(bytesOf(nameOf(id("default_collection", key))), bytes, 1);
    await root.close();

    const again = diskStore({ path });
    for (const read of [again.get("a"), again.take("a"), again.update("a", () => 1)]) {
      expect(await rejection(read)).toBeInstanceOf(CorruptRecordError);
    }
    expect((await listed(again.collection().keys())).sort()).toEqual(["a", "b", "fine"]);
    expect(await rejection(listed(again.collection().entries()))).toBeInstanceOf(CorruptRecordError);
    await again.put("a", 2);
    expect(await again.get("a")).toBe(2);
    expect(await again.delete("b")).toBe(true);
    expect(await again.get("b")).toBeUndefined();
    await again.close();
  });
});
