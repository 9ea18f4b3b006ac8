// Fernet: Python's bytes, both ways, rotation, and everything that must be refused, without a word of the secret.

import { createStore, InvalidArgumentError, type JsonValue } from "@kv/core";
import { type FernetEncryptionOptions, fernetEncryption, fernetKeyFromPassphrase } from "@kv/core/wrappers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { fernetKey, fernetOpen, fernetSeal } from "../../src/wrappers/fernet-encryption.ts";
import { golden } from "../golden/wrappers.ts";
import { damage, expectUndecrypted } from "./damage.ts";
import { rejection } from "./held-driver.ts";

const [A, B] = golden.keys;
const SECRET = "correct horse battery staple";

type Sealed = { readonly __encrypted_data__: string; readonly __encryption_version__: number };

/** A store under Fernet, with the backend below. */
function encrypted(options: Partial<FernetEncryptionOptions> = {}, plain = createStore(new CompleteDriver())) {
  return { plain, store: plain.with(fernetEncryption({ keys: [A], ...options })) };
}

const tokenOf = (stored: JsonValue | undefined): string =>
  Buffer.from((stored as Sealed).__encrypted_data__, "base64").toString();
const plaintextOf = (stored: JsonValue | undefined, key = A): string =>
  fernetOpen([fernetKey(key)], Buffer.from(tokenOf(stored), "base64url"));

describe("Python's bytes", () => {
  const iv = Uint8Array.from({ length: 16 }, (_, at) => at);
  const plaintext = '{"b":1,"a":"\\u00e9"}';

  it.each([
    [A, golden.token.token],
    [
      "znx7rVYt4roVgu3ymt5sIYFmfMNGEPbm8AShXQv6CY4=",
      "gAAAAABndIWAAAECAwQFBgcICQoLDA0OD7E_vveEsr-U_-rrIXZw-ufx-bg9ojuMI5zRgA_V7hsqh5F7svcI-xyQdDmOuRU95rwpI19wohVcueqF1LmBUHk=",
    ],
  ])("are those of its token, with the key %s", (key, token) => {
    expect(fernetSeal(fernetKey(key), plaintext, 1_735_689_600, iv)).toBe(token);
    expect(fernetOpen([fernetKey(key)], Buffer.from(token, "base64url"))).toBe(plaintext);
  });

  it.each(golden.records)("are read: $name", async ({ name, json, fernet, old }) => {
    const { plain, store } = encrypted({ keys: [A, B] });
    await plain.putMany([
      { key: "new", value: fernet },
      { key: "old", value: old },
    ]);
    if (name === "inexact" || name === "not a number") {
      for (const key of ["new", "old"])
        expect(await rejection(store.get(key))).toMatchObject({ code: "INEXACT_NUMBER" });
      const nearest = encrypted({ keys: [A, B], numbers: "nearest" }, plain).store;
      const expected = name === "inexact" ? { id: 2 ** 53 } : { values: [null, null] };
      expect(await nearest.getMany(["new", "old"])).toEqual([expected, expected]);
    } else {
      expect(await store.getMany(["new", "old"])).toEqual([JSON.parse(json), JSON.parse(json)]);
    }
  });

  it.each(golden.records.filter(({ name }) => !["floats", "inexact", "exact", "not a number"].includes(name)))(
    "are what we encrypt: $name",
    async ({ json, fernet }) => {
      const { plain, store } = encrypted();
      await store.put("key", JSON.parse(json));
      const stored = (await plain.get("key")) as Sealed;
      expect(Object.keys(stored)).toEqual(Object.keys(fernet as Sealed));
      expect(stored.__encryption_version__).toBe(1);
      expect(plaintextOf(stored)).toBe(json);
      // Base64 of base64, both with padding.
      expect(tokenOf(stored)).toMatch(/^gAAAAA[\w-]+={0,2}$/);
      expect(stored.__encrypted_data__.length % 4).toBe(0);
      expect(tokenOf(stored).length % 4).toBe(0);
    },
  );

  it("hold what is no object as Python's adapters have it, and an object that looks so is not taken for it", async () => {
    const { plain, store } = encrypted();
    for (const value of [[1, 2], null, "é", 7, true, { items: [1] }, { items: { items: null } }]) {
      await store.put("key", value);
      expect(await store.get("key")).toEqual(value);
      const text = plaintextOf(await plain.get("key"));
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      // What Python reads.
      expect(JSON.parse(text)).toEqual(isObject ? value : { items: value });
    }
  });

  it("hold long integers exactly, so that Python reads the number that we have", async () => {
    const { plain, store } = encrypted();
    const value = {
      a: 2 ** 64,
      b: -(2 ** 60),
      c: [1e21, 1e20, 123456789012345680000],
      d: "18446744073709552000",
      e: 0.12345678901234568,
    };
    await store.put("key", value);
    const text = plaintextOf(await plain.get("key"));
    expect(text).toBe(
      '{"a":18446744073709551616,"b":-1152921504606846976,"c":[1e+21,100000000000000000000,123456789012345683968],"d":"18446744073709552000","e":0.12345678901234568}',
    );
    expect(await store.get("key")).toEqual(value);
  });

  it("come back as they were, whatever the value", async () => {
    const { store } = encrypted();
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        await store.put("key", value as JsonValue);
        expect(JSON.stringify(await store.get("key"))).toBe(JSON.stringify(value));
      }),
      { numRuns: 200 },
    );
  });
});

describe("keys", () => {
  it.each(golden.derived)("come from the passphrase $passphrase and the salt $salt as in Python", async (one) => {
    const key = await fernetKeyFromPassphrase(one.passphrase, one.salt);
    expect(key).toBe(one.key);
    const { store } = encrypted({ keys: [key] });
    await store.put("key", 1);
    expect(await store.get("key")).toBe(1);
  });

  // Python derives them in the constructor, on the event loop.
  it("are derived off the event loop", async () => {
    let turns = 0;
    let done = false;
    const key = fernetKeyFromPassphrase(SECRET, "salt").then(() => {
      done = true;
    });
    while (!done) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await key;
    expect(turns).toBeGreaterThan(10);
  });

  it.each([
    ["", "salt"],
    ["  \t", "salt"],
    [SECRET, ""],
    [SECRET, " "],
    [undefined, "salt"],
    [SECRET, undefined],
    ["\ud800", "salt"],
    [12345678, "salt"],
  ])("do not come from %j and %j", async (passphrase, salt) => {
    const error = await rejection(fernetKeyFromPassphrase(passphrase as string, salt as string));
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect((error as Error).message).not.toContain(SECRET);
  });

  it("are rotated: the first encrypts, all decrypt", async () => {
    const { plain, store } = encrypted({ keys: [B] });
    await store.put("old", 1);
    const rotated = encrypted({ keys: [A, B] }, plain).store;
    await rotated.put("new", 2);
    expect(await rotated.getMany(["old", "new"])).toEqual([1, 2]);
    expect(await rejection(store.get("new"))).toMatchObject({ code: "DECRYPTION_FAILED", key: "new" });
    expect(await encrypted({ keys: [A] }, plain).store.get("new")).toBe(2);
  });

  it.each<[string, unknown]>([
    ["none", []],
    ["no list", A],
    ["nothing", undefined],
    ["31 bytes", [Buffer.alloc(31).toString("base64url")]],
    ["33 bytes", [Buffer.alloc(33).toString("base64")]],
    ["no padding", [A.slice(0, -1)]],
    ["standard base64", [Buffer.alloc(32, 0xff).toString("base64")]],
    ["bytes", [Buffer.alloc(32)]],
    ["a good one and a bad one", [A, "secret"]],
  ])("are refused when the wrapper is made: %s", (_, keys) => {
    expect(() => fernetEncryption({ keys: keys as [] })).toThrow(InvalidArgumentError);
    expect(() => fernetEncryption({ keys: keys as [] })).not.toThrow(/secret/);
  });

  it.each([{ acceptPlaintext: "yes" }, { numbers: "round" }])("so are the options %j", (options) => {
    expect(() => fernetEncryption({ keys: [A], ...(options as object) })).toThrow(InvalidArgumentError);
  });
});

// Python's wrapper returns plaintext as it is, and a value whose key is unknown as nothing at all, if told to.
describe("refused", () => {
  async function tampered(change: (stored: Sealed) => unknown, options?: Partial<FernetEncryptionOptions>) {
    const { plain, store } = encrypted(options);
    await store.put("key", { secret: SECRET });
    const { __encrypted_data__, __encryption_version__ } = (await plain.get("key")) as Sealed;
    await plain.put("key", change({ __encrypted_data__, __encryption_version__ }) as JsonValue);
    return store;
  }
  /** With the bytes of the token changed. */
  const withBytes = (change: (bytes: Buffer) => Buffer) => (stored: Sealed) => ({
    ...stored,
    __encrypted_data__: Buffer.from(change(Buffer.from(tokenOf(stored), "base64url")).toString("base64url")).toString(
      "base64",
    ),
  });
  const sealed = (plaintext: string): Sealed => ({
    __encrypted_data__: Buffer.from(fernetSeal(fernetKey(A), plaintext, 1, Buffer.alloc(16))).toString("base64"),
    __encryption_version__: 1,
  });

  it.each<[string, (stored: Sealed) => unknown]>([
    ["plaintext", () => ({ secret: SECRET })],
    ["a plaintext text", () => SECRET],
    ["null", () => null],
    ["no version", ({ __encrypted_data__ }) => ({ __encrypted_data__ })],
    ["a version of another kind", (stored) => ({ ...stored, __encryption_version__: "1" })],
    ["a later version", (stored) => ({ ...stored, __encryption_version__: 2 })],
    ["an earlier version", (stored) => ({ ...stored, __encryption_version__: 0 })],
    ["no data", ({ __encryption_version__ }) => ({ __encryption_version__ })],
    ["data of another kind", (stored) => ({ ...stored, __encrypted_data__: 1 })],
    ["empty data", (stored) => ({ ...stored, __encrypted_data__: "" })],
    ["a token of another version", withBytes((bytes) => bytes.fill(0x81, 0, 1))],
    ["a token cut short", withBytes((bytes) => bytes.subarray(0, -1))],
    ["a token cut by a block", withBytes((bytes) => bytes.subarray(0, -16))],
    ["a token without a block", withBytes((bytes) => Buffer.concat([bytes.subarray(0, 25), bytes.subarray(-32)]))],
    ["a token with more after it", withBytes((bytes) => Buffer.concat([bytes, Buffer.alloc(16)]))],
    ["a token of another time", withBytes((bytes) => bytes.fill(1, 8, 9))],
  ])("%s, by every operation that reads, and nothing is destroyed", async (_, change) => {
    const store = await tampered(change);
    const errors = [
      await rejection(store.get("key")),
      await rejection(store.getEntry("key")),
      await rejection(store.take("key")),
      await rejection(store.update("key", () => 1)),
      await rejection(store.collection().entries().next()),
    ];
    expectUndecrypted(errors, "key", SECRET);
    expect(await rejection(store.getMany(["key", "none"]))).toMatchObject({ results: [undefined, undefined] });
    await store.put("key", 1);
    expect(await store.get("key")).toBe(1);
  });

  it.each(["no JSON", '{"n": 1} {', "[1]\n", '{"secret": 1}\n'])(
    "what somebody with the key encrypted and is no value: %j",
    async (plaintext) => {
      const store = await tampered(() => sealed(plaintext));
      expect(await rejection(store.get("key"))).toMatchObject({ code: "CORRUPT_RECORD" });
    },
  );

  it("plaintext is read as it is where that is asked for, and written encrypted", async () => {
    const { plain, store } = encrypted({ acceptPlaintext: true });
    for (const value of [{ n: 1 }, [1], null, "text", { encrypted: "kv1" }]) {
      await plain.put("key", value);
      expect(await store.get("key")).toEqual(value);
    }
    await store.update("key", () => "new");
    expect(await plain.get("key")).toHaveProperty("__encrypted_data__");
    const half = await tampered(({ __encryption_version__ }) => ({ __encryption_version__ }), {
      acceptPlaintext: true,
    });
    expect(await rejection(half.get("key"))).toMatchObject({ code: "DECRYPTION_FAILED" });
  });

  it.each([false, true])("damage, wherever it is; with acceptPlaintext: %s", async (acceptPlaintext) => {
    const { plain, store } = encrypted({ acceptPlaintext });
    const codes = await damage(plain, store, { secret: SECRET, n: [1, null] });
    expect([...codes]).toEqual(["DECRYPTION_FAILED"]);
  });
});
