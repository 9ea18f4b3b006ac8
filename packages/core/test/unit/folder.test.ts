// The names under which stores in folders keep their records, which every later release reads.

import { createHash } from "node:crypto";
import { bytesOf, expiryRow, isInScope, nameOf, parseExpiryRow, parseName, rangeOf } from "@kv/core/driver";
import { describe, expect, test } from "vitest";

const id = (collection: string, key: string) => ({ collection, key });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("golden bytes", () => {
  test("of a name", () => {
    expect(hex(bytesOf(nameOf(id("users", "ada"))))).toBe("757365727300616461");
    expect(hex(bytesOf(nameOf(id("a\0b\x01", "k\0é"))))).toBe("610101620102006b00c3a9");
  });

  test("of a long name: as much as fits, and the hash of all", () => {
    const key = bytesOf(nameOf(id("c", "k".repeat(2000))));
    expect(hex(key)).toBe(`6300${"6b".repeat(1970 - 2 - 33)}ff${hashOf("k".repeat(2000))}`);
    const collection = bytesOf(nameOf(id("c".repeat(961), "k")));
    expect(hex(collection)).toBe(`${"63".repeat(927)}ff${hashOf("c".repeat(961))}006b`);
    expect(bytesOf(nameOf(id("c".repeat(960), "k"))).length).toBe(962);
  });

  test("of a row in the index of expiries", () => {
    const row = expiryRow(1_800_000_000_000, nameOf(id("c", "k")));
    expect(hex(row)).toBe("01a3185c500063006b");
    expect(parseExpiryRow(row)).toEqual({ time: 1_800_000_000_000, name: Buffer.from("c\0k") });
  });
});

describe("names", () => {
  test("are read as they were given, where they are not hashed", () => {
    expect(parseName(bytesOf(nameOf(id("a\0b\x01", "k\0é"))))).toEqual({ collection: "a\0b\x01", key: "k\0é" });
    expect(parseName(bytesOf(nameOf(id("c", "k".repeat(2000)))))).toEqual({ collection: "c", key: undefined });
    expect(parseName(bytesOf(nameOf(id("c".repeat(961), "k"))))).toEqual({ collection: undefined, key: "k" });
  });

  test("are in the order of what they encode, and in the range of every prefix", () => {
    const texts = [
      "\0",
      "\0\0",
      "\x01",
      "\x01\x02",
      "\x02",
      "a",
      "a\0",
      "a\x01",
      "aa",
      "ü",
      "☃",
      "😀",
      "z".repeat(3000),
    ];
    for (const one of texts) {
      for (const other of texts) {
        const [a, b] = [bytesOf(nameOf(id(one, "k"))), bytesOf(nameOf(id(other, "k")))];
        expect(Math.sign(Buffer.compare(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(one), Buffer.from(other))));
        for (const scope of [{ collection: one, keyPrefix: other }, { collectionPrefix: other }]) {
          const inside = id(one, `${other}k`);
          if (!isInScope(inside, scope)) continue;
          const { start, end } = rangeOf(scope);
          const name = bytesOf(nameOf(inside));
          expect([Buffer.compare(start, name) <= 0, Buffer.compare(name, end) < 0]).toEqual([true, true]);
        }
      }
    }
  });
});
