// Compression: what is stored, that everything comes back as it was, what is refused, and Python's bytes, both ways.

import * as zlib from "node:zlib";
import { CorruptRecordError, createStore, InvalidArgumentError, type JsonValue, type KeyValueStore } from "@kv/core";
import {
  type CompressionAlgorithm,
  type CompressionOptions,
  compression,
  encryption,
  fernetEncryption,
} from "@kv/core/wrappers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { golden } from "../golden/wrappers.ts";
import { damage } from "./damage.ts";
import { rejection } from "./held-driver.ts";

const hasZstd = "zstdCompressSync" in zlib;
const algorithms: CompressionAlgorithm[] = hasZstd ? ["zstd", "brotli", "gzip"] : ["brotli", "gzip"];
const LONG = { text: "all work and no play ".repeat(100), é: [1, null, { a: "😀" }] };

function stores(options?: CompressionOptions, plain = createStore(new CompleteDriver())) {
  return { plain, store: plain.with(compression(options)) };
}

type Compressed = { readonly compressed: string; readonly algorithm: string; readonly data: string };
const storedUnder = async (plain: KeyValueStore<never>, key = "key") => (await plain.get(key)) as unknown as Compressed;

describe.each(algorithms)("with %s", (algorithm) => {
  it("a value comes back as it was, and takes less room", async () => {
    const { plain, store } = stores({ algorithm });
    await store.put("key", LONG);
    const stored = await storedUnder(plain);
    expect(Object.keys(stored)).toEqual(["compressed", "algorithm", "data"]);
    expect(stored).toMatchObject({ compressed: "kv1", algorithm, data: expect.stringMatching(/^kv1:[\w+/]+={0,2}$/) });
    expect(JSON.stringify(stored).length).toBeLessThan(JSON.stringify(LONG).length / 5);
    expect(await store.get("key")).toEqual(LONG);
  });

  it.each([1000, 16_384, 16_385, 65_536, 65_537, 500_000])(
    "a value of %d bytes does, by whichever thread",
    async (size) => {
      const { plain, store } = stores({ algorithm, threshold: 1 });
      const repeating = "x".repeat(size - 2);
      const noise = Array.from({ length: size / 4 }, (_, at) => (Math.imul(at + 1, 2654435761) >>> 0) % 4096);
      for (const value of [repeating, noise]) {
        await store.put("key", value);
        expect(await storedUnder(plain)).toHaveProperty("compressed", "kv1");
        expect(await store.get("key")).toEqual(value);
      }
    },
  );

  it("any value does", async () => {
    const { store } = stores({ algorithm, threshold: 0 });
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        await store.put("key", value as JsonValue);
        expect(JSON.stringify(await store.get("key"))).toBe(JSON.stringify(value));
      }),
      { numRuns: 100 },
    );
  });

  it("damage is told of, wherever it is", async () => {
    const { plain, store } = stores({ algorithm, threshold: 1 });
    const codes = await damage(plain, store, { text: "ab".repeat(200), n: [1, null, 2.5] });
    const known: string[] = [...codes].filter((code) => code !== "CORRUPT_RECORD" && code !== "INCOMPATIBLE_FORMAT");
    expect(known).toEqual([]);
    expect(codes.has("CORRUPT_RECORD")).toBe(true);
  });

  // Python's wrapper inflates whatever it is given, to whatever size.
  it.each([100, 100_000])("what inflates to more than %d bytes is refused, unread", async (maxInflatedBytes) => {
    const { plain, store } = stores({ algorithm });
    const small = stores({ algorithm, maxInflatedBytes, threshold: 50 }, plain).store;
    const at = "x".repeat(maxInflatedBytes - 2);
    await small.put("at", at);
    expect(await small.get("at")).toBe(at);
    expect(await rejection(small.put("over", `${at}x`))).toMatchObject({
      code: "VALUE_TOO_LARGE",
      outcome: "not-applied",
      size: maxInflatedBytes + 1,
      limit: maxInflatedBytes,
    });
    // A bomb: a thousandth of what it inflates to.
    await store.put("bomb", "x".repeat(2_000_000));
    expect((await storedUnder(plain, "bomb")).data.length).toBeLessThan(5000);
    expect(await rejection(small.get("bomb"))).toMatchObject({
      code: "CORRUPT_RECORD",
      message: `the record inflates to more than ${maxInflatedBytes} bytes`,
    });
    expect(await store.get("bomb")).toHaveLength(2_000_000);
  });

  it("what others compressed is read", async () => {
    const { plain, store } = stores({ algorithm });
    for (const other of algorithms) {
      await stores({ algorithm: other }, plain).store.put("key", LONG);
      expect((await storedUnder(plain)).algorithm).toBe(other);
      expect(await store.get("key")).toEqual(LONG);
    }
  });
});

describe("stored as it is", () => {
  it("is what is below the threshold", async () => {
    const { plain, store } = stores({ threshold: 100 });
    for (const [value, compressed] of [
      ["x".repeat(97), false],
      ["x".repeat(98), true],
      // Bytes of UTF-8, not characters.
      ["é".repeat(48), false],
      ["é".repeat(49), true],
      [null, false],
      [{ a: 1 }, false],
    ] as const) {
      await store.put("key", value);
      const stored = await plain.get("key");
      if (compressed) expect(stored).toHaveProperty("compressed");
      else expect(stored).toEqual(value);
      expect(await store.get("key")).toEqual(value);
    }
  });

  it("is what would not become smaller", async () => {
    const { plain, store } = stores({ threshold: 1 });
    await store.put("key", "short");
    expect(await plain.get("key")).toBe("short");
    const noise = Buffer.from(Array.from({ length: 3000 }, (_, at) => Math.imul(at + 1, 2654435761) >>> 24)).toString(
      "base64",
    );
    await store.put("key", noise);
    expect(await store.get("key")).toBe(noise);
  });

  it("and read so: what was put before the wrapper was", async () => {
    const { plain, store } = stores();
    for (const value of [LONG, null, [1], { compressed: true, data: "kv" }, { compressed: "kv2" }]) {
      await plain.put("key", value);
      expect(await store.get("key")).toEqual(value);
    }
  });
});

// Python's wrapper does not compress such a value, and "decompresses" it when it is read.
it.each<[string, JsonValue]>([
  ["a compressed record", { compressed: "kv1", algorithm: "gzip", data: "kv1:AAAA" }],
  ["half of one", { compressed: "kv1" }],
  ["the other half", { data: "kv1:" }],
  ["one with more in it", { compressed: "kv1", algorithm: "gzip", data: "kv1:AAAA", more: 1 }],
  ["Python's", { __compressed_data__: "AAAA", __compression_algorithm__: "gzip", __compression_version__: 1 }],
  ["a text with its mark", "kv1:AAAA"],
])("a value that looks like %s comes back as it was, also twice wrapped", async (_, value) => {
  for (const threshold of [0, 1_000_000]) {
    for (const format of ["kv", "python"] as const) {
      const { plain, store } = stores({ threshold, format });
      const twice = store.with(compression({ threshold, format }));
      for (const [one, key] of [
        [store, "once"],
        [twice, "twice"],
      ] as const) {
        await one.put(key, value);
        expect(await one.get(key)).toEqual(value);
        await one.update(key, (current) => [current as JsonValue]);
        expect(await one.get(key)).toEqual([value]);
      }
      await store.put("key", value);
      // What is compressed on the way in is read through both wrappers.
      await plain.put("copy", (await plain.get("key")) as JsonValue);
      expect(await store.get("copy")).toEqual(value);
    }
  }
});

describe("refused", () => {
  const crc = (text: string): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(zlib.crc32(text));
    return bytes;
  };
  const record = (text: string, algorithm = "gzip", bytes: Buffer = zlib.gzipSync(text)): JsonValue => ({
    compressed: "kv1",
    algorithm,
    data: `kv1:${Buffer.concat([crc(text), bytes]).toString("base64")}`,
  });

  it("reads what is as documented, and is what the other cases are measured by", async () => {
    const { plain, store } = stores();
    await plain.put("key", record('{"secret":1}'));
    expect(await store.get("key")).toEqual({ secret: 1 });
  });

  // Python's wrapper gives back the compressed record itself in place of an error.
  it.each<[string, JsonValue]>([
    ["no JSON", record("secret")],
    ["another algorithm's bytes", record('{"secret":1}', "brotli")],
    ["an unknown algorithm", record('{"secret":1}', "lzma")],
    ["no algorithm", { compressed: "kv1", data: "kv1:AAAAAAAA" }],
    ["an algorithm named as a Map's own", record('{"secret":1}', "constructor")],
    ["no data", { compressed: "kv1", algorithm: "gzip" }],
    ["data of another kind", { compressed: "kv1", algorithm: "gzip", data: 1 }],
    ["data of another version", { compressed: "kv1", algorithm: "gzip", data: "kv2:AAAAAAAA" }],
    ["data without a checksum", { compressed: "kv1", algorithm: "gzip", data: "kv1:AAA=" }],
    ["data of another text's checksum", record("1", "gzip", zlib.gzipSync('{"secret":1}'))],
    ["data cut short", record('{"secret":1}', "gzip", zlib.gzipSync('{"secret":1}').subarray(0, -9))],
    ["no mark but that of the data", { data: "kv1:AAAAAAAA" }],
  ])("%s", async (_, stored) => {
    const { plain, store } = stores();
    await plain.put("key", stored);
    for (const error of [
      await rejection(store.get("key")),
      await rejection(store.take("key")),
      await rejection(store.increment("key")),
      await rejection(store.collection().entries().next()),
    ]) {
      expect(error).toBeInstanceOf(CorruptRecordError);
      expect(error).toMatchObject({ code: "CORRUPT_RECORD", key: "key" });
      expect(`${(error as Error).stack} ${String((error as Error).cause)}`).not.toContain("secret");
    }
    expect(await rejection(store.getMany(["key", "none"]))).toMatchObject({ failures: [{ key: "key" }] });
    expect(await plain.get("key")).toEqual(stored);
  });

  it.skipIf(hasZstd)("zstd on a Node.js that has none, which is no corruption", async () => {
    const { plain, store } = stores();
    await plain.put("key", record("1", "zstd", Buffer.alloc(10)));
    expect(await rejection(store.get("key"))).toMatchObject({ code: "INCOMPATIBLE_FORMAT" });
    expect(await rejection(store.take("key"))).toMatchObject({ code: "INCOMPATIBLE_FORMAT", outcome: "not-applied" });
    expect(() => compression({ algorithm: "zstd" })).toThrow(InvalidArgumentError);
  });

  it.each<object>([
    { algorithm: "lzma" },
    { algorithm: "" },
    { level: 0, algorithm: "gzip" },
    { level: 10, algorithm: "gzip" },
    { level: 12 },
    { level: 1.5 },
    { level: "3" },
    { threshold: -1 },
    { threshold: 1.5 },
    { threshold: Number.NaN },
    { threshold: "1kb" },
    { threshold: null },
    { maxInflatedBytes: 0 },
    { maxInflatedBytes: 2 ** 28 + 1 },
    { maxInflatedBytes: Number.POSITIVE_INFINITY },
    { format: "java" },
    { format: "python", algorithm: "brotli" },
    { format: "python", numbers: "round" },
  ])("the options %j, when the wrapper is made", (options) => {
    expect(() => compression(options as CompressionOptions)).toThrow(InvalidArgumentError);
  });
});

// Python's wrapper compresses on the event loop, whatever the size.
it("is done on another thread where a value is large: others are served meanwhile", async () => {
  const { store } = stores({ level: 9 });
  const value = Array.from({ length: 100_000 }, (_, at) => (Math.imul(at + 1, 2654435761) >>> 0) % 65_536);
  let turns = 0;
  let done = false;
  const put = store.put("key", value).then(() => {
    done = true;
  });
  while (!done) {
    turns++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await put;
  expect(turns).toBeGreaterThan(10);
});

describe("Python's format", () => {
  type Pythons = { readonly __compressed_data__: string };
  const isInexact = (name: string): boolean => name === "inexact" || name === "not a number";
  const textOf = (stored: JsonValue | undefined): string =>
    zlib.gunzipSync(Buffer.from((stored as Pythons).__compressed_data__, "base64")).toString();

  it("reads the documented record", async () => {
    const { plain, store } = stores({ format: "python" });
    await plain.put("key", {
      __compressed_data__: "H4sIAJMDA2sE/6tWSlKyMtRRSlSyUoopNTBItVSqBQB/Iob1FAAAAA==",
      __compression_algorithm__: "gzip",
      __compression_version__: 1,
    });
    expect(await store.get("key")).toEqual({ b: 1, a: "é" });
  });

  describe.each(golden.records)("$name", ({ name, json, compressed, both }) => {
    it("is read as Python stored it, also encrypted", async () => {
      const { plain, store } = stores({ format: "python" });
      const inside = plain.with(fernetEncryption({ keys: golden.keys })).with(compression({ format: "python" }));
      await plain.putMany([
        { key: "compressed", value: compressed },
        { key: "both", value: both },
      ]);
      if (isInexact(name)) {
        expect(await rejection(store.get("compressed"))).toMatchObject({ code: "INEXACT_NUMBER" });
        expect(await rejection(inside.get("both"))).toMatchObject({ code: "INEXACT_NUMBER" });
        const nearest = stores({ format: "python", numbers: "nearest" }, plain).store;
        expect(await nearest.get("compressed")).toEqual(
          name === "inexact" ? { id: 2 ** 53 } : { values: [null, null] },
        );
      } else {
        expect(await store.get("compressed")).toEqual(JSON.parse(json));
        expect(await inside.get("both")).toEqual(JSON.parse(json));
      }
    });

    it.skipIf(["exact", "floats", "inexact", "not a number"].includes(name))(
      "is stored as Python stores it",
      async () => {
        const { plain, store } = stores({ format: "python", threshold: 1 });
        await store.put("key", JSON.parse(json));
        const stored = await plain.get("key");
        expect(Object.keys(stored as Pythons)).toEqual(Object.keys(compressed as unknown as Pythons));
        expect(stored).toMatchObject({ __compression_algorithm__: "gzip", __compression_version__: 1 });
        expect(textOf(stored)).toBe(json);
        // gzip at its quickest level.
        expect(Buffer.from((stored as Pythons).__compressed_data__, "base64")[8]).toBe(4);
      },
    );
  });

  it("holds what is no object as Python's adapters have it", async () => {
    const { plain, store } = stores({ format: "python", threshold: 1 });
    for (const value of [[1, 2], null, "é", { items: [1] }]) {
      await store.put("key", value);
      expect(await store.get("key")).toEqual(value);
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      expect(JSON.parse(textOf(await plain.get("key")))).toEqual(isObject ? value : { items: value });
    }
  });

  it("tells of damage, wherever it is", async () => {
    const { plain, store } = stores({ format: "python", threshold: 1 });
    const codes = await damage(plain, store, { text: "ab".repeat(200), n: [1, null, 2.5] });
    expect([...codes]).toEqual(["CORRUPT_RECORD"]);
  });

  it("leaves to Python what it takes for a value", async () => {
    const { plain, store } = stores({ format: "python" });
    for (const value of [{ __compressed_data__: 5 }, { __compression_version__: 1 }]) {
      await plain.put("key", value);
      expect(await store.get("key")).toEqual(value);
    }
  });
});

it("belongs outside of encryption, where it still finds something to compress", async () => {
  const plain = createStore(new CompleteDriver());
  const keys = [{ id: "a", key: new Uint8Array(32) }];
  const store = plain.with(encryption({ keys })).with(compression());
  await store.put("key", LONG);
  expect(JSON.stringify(await plain.get("key")).length).toBeLessThan(JSON.stringify(LONG).length / 4);
  expect(await store.get("key")).toEqual(LONG);
});
