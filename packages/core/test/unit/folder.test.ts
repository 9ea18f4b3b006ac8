// What stores in folders have in common: the names of records, which every later release reads, what is listed, and room on the disk.

import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import {
  bytesOf,
  CollectionWalk,
  expiryRow,
  FreeSpace,
  goesWith,
  isInScope,
  nameOf,
  parseExpiryRow,
  parseName,
  rangeOf,
} from "@kv/core/driver";
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

describe("a walk over collections", () => {
  /** Passes those of the sorted names that it asks for, all of them live records but those of `dead`. */
  function walked(walk: CollectionWalk, names: readonly Buffer[], dead: readonly string[] = []): number {
    for (let steps = 0; ; steps++) {
      const name = names.find((one) => Buffer.compare(one, walk.start) >= 0 && Buffer.compare(one, walk.end) < 0);
      if (!name) return steps;
      const { collection = "", key = "" } = parseName(name);
      walk.pass(name, dead.includes(collection) ? undefined : id(collection, key));
    }
  }
  const names = ["a", "app", "app2", "apq"].flatMap((collection) =>
    ["1", "2", "3"].map((key) => bytesOf(nameOf(id(collection, key)))),
  );

  test("looks at one record of each, and at all that are not live", () => {
    const walk = new CollectionWalk("", undefined);
    expect(walked(walk, names, ["app"])).toBe(6);
    expect(walk.items).toEqual(["a", "app2", "apq"]);
  });

  test("stays below its prefix, and goes on where another one stood", () => {
    const first = new CollectionWalk("app", undefined);
    first.pass(bytesOf(nameOf(id("app", "1"))), id("app", "1"));
    const second = new CollectionWalk("app", first.start);
    expect(walked(second, names)).toBe(1);
    expect([first.items, second.items]).toEqual([["app"], ["app2"]]);
  });
});

test("a record that does not tell its name goes only with all others", () => {
  const broken = () => {
    throw new Error("no name");
  };
  const scopes = [{ collection: "c", keyPrefix: "" }, { collectionPrefix: "c" }, { collectionPrefix: "" }];
  expect(scopes.map((scope) => goesWith(scope, broken))).toEqual([false, false, true]);
  expect(scopes.map((scope) => goesWith(scope, () => id("d", "k")))).toEqual([false, false, true]);
  expect(scopes.map((scope) => goesWith(scope, () => id("c", "k")))).toEqual([true, true, true]);
});

describe("free space", () => {
  test("is taken as long as the disk has more than the reserve", () => {
    const space = new FreeSpace(tmpdir(), 0);
    space.take(1, () => {
      throw new Error("the disk was to be asked alone");
    });
    expect(space.left).toBeGreaterThan(0);
  });

  test("that the disk has not may be had elsewhere", () => {
    const space = new FreeSpace(tmpdir(), 2 ** 60);
    const full = expect.objectContaining({ code: "STORAGE_FULL", outcome: "not-applied" });
    expect(() => space.take(1)).toThrow(full);
    expect(() => space.take(2, () => 1)).toThrow(full);
    space.take(2, () => 2);
    expect(space.left).toBeLessThan(0);
  });
});
