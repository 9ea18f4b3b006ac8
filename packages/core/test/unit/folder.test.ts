// The bytes that stores in folders write, which every later release reads.

import { createHash } from "node:crypto";
import { CorruptRecordError, type Revision, ValueTooLargeError } from "@kv/core";
import {
  bytesOf,
  decodeRecord,
  encodeRecord,
  expiryRow,
  idOf,
  isInScope,
  type Name,
  nameOf,
  parseExpiryRow,
  type RecordId,
  rangeOf,
  type StoredRecord,
} from "@kv/core/driver";
import { describe, expect, test } from "vitest";

const LIMIT = 10_000;

const id = (collection: string, key: string) => ({ collection, key });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");
const revision = (text: string): Revision => text as Revision;
const encode = (id: RecordId, record: StoredRecord, name: Name = nameOf(id)): Buffer =>
  encodeRecord(id, name, record, LIMIT);

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

  test("of a record", () => {
    const ascii = encode(id("c", "k"), {
      value: { a: 1 },
      createdAt: 1_700_000_000_000,
      expiresAt: undefined,
      revision: revision("rev-1"),
    });
    expect(hex(ascii)).toBe("0101018bcfe56800000000000000057265762d317b2261223a317d");
    const unicode = encode(id("c", "k"), {
      value: "ü",
      createdAt: undefined,
      expiresAt: 1_800_000_000_000,
      revision: revision("rev-2"),
    });
    expect(hex(unicode)).toBe("010000000000000001a3185c5000057265762d3222c3bc22");
  });

  test("of a record whose name is hashed", () => {
    const long = id("c", "k".repeat(2000));
    const bytes = encode(long, { value: 1, createdAt: 1, expiresAt: 2, revision: revision("r") });
    expect(hex(bytes)).toBe(`010300000000000100000000000201720000000163000007d0${"6b".repeat(2000)}31`);
    expect(idOf(bytesOf(nameOf(long)), bytes)).toEqual(expect.objectContaining(long));
  });

  test("of a row in the index of expiries", () => {
    const row = expiryRow(1_800_000_000_000, nameOf(id("c", "k")));
    expect(hex(row)).toBe("01a3185c500063006b");
    expect(parseExpiryRow(row)).toEqual({ expiresAt: 1_800_000_000_000, name: Buffer.from("c\0k") });
  });
});

describe("names and records", () => {
  test("a record under the name of another is told, never taken for it", () => {
    const [one, other] = [id("c", "k".repeat(2000)), id("c", "x".repeat(2000))];
    const bytes = encode(one, {
      value: 1,
      createdAt: undefined,
      expiresAt: undefined,
      revision: revision("r"),
    });
    expect(decodeRecord(bytes, one).value).toBe(1);
    expect(() => decodeRecord(bytes, other)).toThrow(CorruptRecordError);
  });

  test("names are in the order of what they encode, and in the range of every prefix", () => {
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

  test("a record over the limit is refused", () => {
    const record = { value: "x".repeat(LIMIT - 18), createdAt: 1, expiresAt: 2, revision: revision("r") };
    expect(encode(id("c", "k"), record).length).toBe(LIMIT);
    expect(() => encode(id("c", "k"), { ...record, value: `${record.value}x` })).toThrow(ValueTooLargeError);
  });
});
