// Encryption: the specification's vectors, rotation, and everything that must be refused, without a word of the secret.

import { createStore, DecryptionError, InvalidArgumentError, type JsonValue, type Revision } from "@kv/core";
import { type EncryptionKey, encryption, keyFromPassphrase } from "@kv/core/wrappers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { until } from "../../src/conformance/support.ts";
import { xaesKey, xaesOpen, xaesSeal } from "../../src/wrappers/xaes.ts";
import { TakingDriver } from "../support/taking-driver.ts";
import { damage, expectUndecrypted } from "./damage.ts";
import { rejection } from "./held-driver.ts";

const A = { id: "a", key: new Uint8Array(32).fill(1) };
const B = { id: "b", key: new Uint8Array(32).fill(2) };
const SECRET = "correct horse battery staple";
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

interface Sealed {
  encrypted: string;
  key_id: string;
  data: string;
}

/** A store under encryption, with the backend below. */
function encrypted(keys: readonly EncryptionKey[] = [A], driver = new CompleteDriver()) {
  const plain = createStore(driver);
  return { driver, plain, store: plain.with(encryption({ keys })) };
}

async function sealed(store: { get(key: string): Promise<JsonValue | undefined> }, key: string): Promise<Sealed> {
  return (await store.get(key)) as unknown as Sealed;
}

describe("XAES-256-GCM", () => {
  // The vectors of the C2SP specification.
  it.each([
    [1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"],
    [3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"],
  ])("with a key of bytes %d and the associated data %j gives what the specification has", (byte, aad, expected) => {
    const key = xaesKey(new Uint8Array(32).fill(byte));
    const nonce = text("ABCDEFGHIJKLMNOPQRSTUVWX");
    const result = xaesSeal(key, nonce, "XAES-256-GCM", text(aad));
    expect(result.toString("hex")).toBe(expected);
    expect(xaesSeal(key, nonce, text("XAES-256-GCM"), text(aad))).toEqual(result);
    expect(xaesOpen(key, nonce, result, text(aad)).toString()).toBe("XAES-256-GCM");
    expect(() => xaesOpen(key, nonce, result, text(`${aad}.`))).toThrow();
  });

  // The subkey is made in one of two ways, depending on the key's first bit under AES.
  it("is tested on both kinds of subkey", () => {
    const odd = [1, 3].map((byte) => xaesKey(new Uint8Array(32).fill(byte)).subkey[15] ?? 0);
    expect(odd.map((last) => last % 2)).toContain(1);
    expect(odd.map((last) => last % 2)).toContain(0);
  });
});

describe("values", () => {
  it("come back as they were, and lie sealed in the backend", async () => {
    const { plain, store } = encrypted();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1 }), fc.jsonValue(), async (key, value) => {
        await store.put(key, value as JsonValue);
        expect(JSON.stringify(await store.get(key))).toBe(JSON.stringify(value));
        const { encrypted, key_id, data, ...rest } = await sealed(plain, key);
        expect([encrypted, key_id, rest]).toEqual(["kv1", "a", {}]);
        // Nonce, ciphertext and tag, nothing else.
        expect(Buffer.from(data, "base64")).toHaveLength(24 + Buffer.byteLength(JSON.stringify(value)) + 16);
      }),
      { numRuns: 50 },
    );
  });

  it("never give the same ciphertext twice, and show nothing of the plaintext", async () => {
    const { plain, store } = encrypted();
    const seen = new Set<string>();
    for (let round = 0; round < 100; round++) {
      await store.put("key", SECRET);
      const { data } = await sealed(plain, "key");
      expect(Buffer.from(data, "base64").includes(SECRET)).toBe(false);
      seen.add(data.slice(0, 32));
    }
    expect(seen.size).toBe(100);
  });

  it("go through every operation", async () => {
    const { plain, store } = encrypted();
    const c = store.collection("c");
    await c.putMany([
      { key: "a", value: 1 },
      { key: "b", value: null },
    ]);
    expect(await c.getMany(["a", "b", "x"])).toEqual([1, null, undefined]);
    expect(await c.increment("a", 2)).toBe(3);
    expect(await c.putIfAbsent("a", 0)).toBeUndefined();
    const entry = await c.getEntry("a");
    expect(await c.compareAndSwap("a", entry?.revision as Revision, { n: 4 })).toBeDefined();
    expect(await c.update("a", (value) => [value as JsonValue])).toEqual([{ n: 4 }]);
    expect(await c.touch("a", "1h")).toBe(true);
    const listed: unknown[] = [];
    for await (const { key, value } of c.entries()) listed.push([key, value]);
    expect(listed).toEqual([
      ["a", [{ n: 4 }]],
      ["b", null],
    ]);
    expect(await plain.collection("c").get("b")).toMatchObject({ encrypted: "kv1" });
    expect(await c.take("a")).toEqual([{ n: 4 }]);
    expect(await c.has("a")).toBe(false);
  });
});

describe("keys", () => {
  it("are rotated: the first encrypts, all decrypt", async () => {
    const { driver, plain, store } = encrypted([A]);
    await store.put("old", 1);
    const rotated = encrypted([B, A], driver).store;
    await rotated.put("new", 2);
    expect(await rotated.getMany(["old", "new"])).toEqual([1, 2]);
    expect([(await sealed(plain, "old")).key_id, (await sealed(plain, "new")).key_id]).toEqual(["a", "b"]);
    await rotated.update("old", (value) => value as number);
    const after = encrypted([B], driver).store;
    expect(await after.getMany(["old", "new"])).toEqual([1, 2]);
    expect(await rejection(store.get("new"))).toMatchObject({
      code: "DECRYPTION_FAILED",
      message: "the key that the record was encrypted with is not in the ring",
      key: "new",
    });
  });

  it("of one id but other bytes are refused", async () => {
    const { driver, store } = encrypted([A]);
    await store.put("key", 1);
    const other = encrypted([{ id: "a", key: B.key }], driver).store;
    expect(await rejection(other.get("key"))).toBeInstanceOf(DecryptionError);
  });

  it("are copied: who wipes theirs afterwards changes nothing", async () => {
    const key = new Uint8Array(32).fill(7);
    const { store } = encrypted([{ id: "a", key }]);
    await store.put("key", 1);
    key.fill(0);
    expect(await store.get("key")).toBe(1);
  });

  it.each<[string, unknown]>([
    ["none", []],
    ["31 bytes", [{ id: "a", key: new Uint8Array(31) }]],
    ["33 bytes", [{ id: "a", key: new Uint8Array(33) }]],
    ["a text", [{ id: "a", key: "0123456789abcdef0123456789abcdef" }]],
    ["an array", [{ id: "a", key: new Array(32).fill(1) }]],
    ["no id", [{ key: A.key }]],
    ["an empty id", [{ id: "", key: A.key }]],
    ["one id twice", [A, { id: "a", key: B.key }]],
    ["an id that cannot be stored", [{ id: "\ud800", key: A.key }]],
    ["a hole", [undefined]],
    ["nothing", undefined],
    ["no list", A],
  ])("are refused: %s", (_, keys) => {
    expect(() => encryption({ keys: keys as [] })).toThrow(InvalidArgumentError);
    expect(() => encryption({ keys: keys as [] })).not.toThrow(/0123456789abcdef/);
  });

  it("come from a passphrase: always the same, another with another salt or passphrase", async () => {
    const [key, same, salted, other] = await Promise.all([
      keyFromPassphrase(SECRET, "app"),
      keyFromPassphrase(SECRET, "app"),
      keyFromPassphrase(SECRET, "App"),
      keyFromPassphrase(`${SECRET} `, "app"),
    ]);
    // Made once by Python's hashlib.scrypt with n=2**17, r=8, p=1.
    expect(Buffer.from(key).toString("hex")).toBe("9780486b6257f91267a68a569144809457248e17ac12e5e78cb5ad144930feb1");
    expect(same).toEqual(key);
    expect(new Set([key, salted, other].map((one) => Buffer.from(one).toString("hex"))).size).toBe(3);
    const { store } = encrypted([{ id: "a", key }]);
    await store.put("key", 1);
    expect(await store.get("key")).toBe(1);
  });

  it("come from a passphrase in whatever form its letters are typed", async () => {
    expect(await keyFromPassphrase("caf\u00e9", "app")).toEqual(await keyFromPassphrase("cafe\u0301", "app"));
  });

  it.each([
    ["", "salt"],
    ["  \t", "salt"],
    [SECRET, ""],
    [SECRET, " "],
    [undefined, "salt"],
    [SECRET, undefined],
    [12345678, "salt"],
  ])("do not come from %j and %j", async (passphrase, salt) => {
    const error = await rejection(keyFromPassphrase(passphrase as string, salt as string));
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect((error as Error).message).not.toContain(SECRET);
  });
});

describe("refused", () => {
  /** A store with one good record, whose stored form a test changes. */
  async function tampered(change: (stored: Sealed) => unknown) {
    const { driver, plain, store } = encrypted([A, B]);
    await store.put("key", { secret: SECRET });
    await plain.put("key", change(await sealed(plain, "key")) as JsonValue);
    return { driver, plain, store };
  }
  const withBytes = (change: (bytes: Buffer) => Buffer) => (stored: Sealed) => ({
    ...stored,
    data: change(Buffer.from(stored.data, "base64")).toString("base64"),
  });
  const flipped = (bytes: Buffer, at: number, bit = 1): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ bit;
    return copy;
  };

  it.each<[string, (stored: Sealed) => unknown]>([
    ["plaintext", () => ({ secret: SECRET })],
    ["a plaintext text", () => SECRET],
    ["null", () => null],
    ["another format", (stored) => ({ ...stored, encrypted: "kv2" })],
    ["no format", ({ data, key_id }) => ({ data, key_id })],
    ["data that is no text", (stored) => ({ ...stored, data: 1 })],
    ["no data", (stored) => ({ ...stored, data: "" })],
    ["an unknown key", (stored) => ({ ...stored, key_id: "c" })],
    ["another key of the ring", (stored) => ({ ...stored, key_id: "b" })],
    ["a key named as an object's own", (stored) => ({ ...stored, key_id: "__proto__" })],
    ["data cut to nonce and tag", withBytes((bytes) => bytes.subarray(0, 40))],
    ["data cut below nonce and tag", withBytes((bytes) => bytes.subarray(0, 39))],
    ["data without its last byte", withBytes((bytes) => bytes.subarray(0, -1))],
    ["data without its first byte", withBytes((bytes) => bytes.subarray(1))],
    ["data with a byte more", withBytes((bytes) => Buffer.concat([bytes, Buffer.alloc(1)]))],
  ])("%s, by every operation that reads", async (_, change) => {
    const { plain, store } = await tampered(change);
    const before = await plain.getEntry("key");
    const errors = [
      await rejection(store.get("key")),
      await rejection(store.has("key")),
      await rejection(store.getEntry("key")),
      await rejection(store.take("key")),
      await rejection(store.increment("key")),
      await rejection(store.touch("key", 1)),
      await rejection(store.update("key", () => 1)),
      await rejection(store.collection().entries().next()),
    ];
    expectUndecrypted(errors, "key", SECRET);
    expect(await rejection(store.getMany(["key", "none"]))).toMatchObject({
      failures: [{ error: { code: "DECRYPTION_FAILED" } }],
    });
    // Nothing that failed to decrypt is destroyed.
    expect(await plain.getEntry("key")).toEqual(before);
    // It can be replaced and deleted.
    await store.put("key", 1);
    expect(await store.get("key")).toBe(1);
  });

  it("any flipped bit", async () => {
    const { plain, store } = encrypted();
    await store.put("key", [SECRET]);
    const good = await sealed(plain, "key");
    const bytes = Buffer.from(good.data, "base64");
    for (let at = 0; at < bytes.length; at++) {
      await plain.put("key", { ...good, data: flipped(bytes, at, 1 << (at % 8)).toString("base64") });
      expect(await rejection(store.get("key")), `byte ${at}`).toBeInstanceOf(DecryptionError);
    }
    await plain.put("key", { ...good });
    expect(await store.get("key")).toEqual([SECRET]);
  });

  // Python's wrapper decrypts it there: neither the key nor the collection is authenticated.
  it("a record moved to another key or another collection", async () => {
    const { plain, store } = encrypted();
    await store.collection("users").put("ada", "value");
    const record = await plain.collection("users").get("ada");
    const places: [string, string][] = [
      ["users", "bob"],
      ["admins", "ada"],
      ["usersa", "da"],
      ["user", "sada"],
      ["ada", "users"],
    ];
    for (const [collection, key] of places) {
      await plain.collection(collection).put(key, record as JsonValue);
      expect(await rejection(store.collection(collection).get(key))).toBeInstanceOf(DecryptionError);
    }
  });

  it("a native take, which would destroy the record before it is checked", async () => {
    const driver = new TakingDriver();
    const { plain, store } = encrypted([A], driver);
    await plain.put("key", "not encrypted");
    expect(await rejection(store.take("key"))).toBeInstanceOf(DecryptionError);
    expect(await plain.has("key")).toBe(true);
    expect(driver.takes).toBe(0);
    expect(await plain.take("key")).toBe("not encrypted");
    expect(driver.takes).toBe(1);
  });

  it("but what has expired, which is absent, whatever became of its key", async () => {
    const { driver, store } = encrypted([A]);
    await encrypted([B], driver).store.put("key", 1, { ttl: "1ms" });
    await until(Date.now() + 1);
    expect(await store.get("key")).toBeUndefined();
    expect(await store.getMany(["key"])).toEqual([undefined]);
    expect(await store.putIfAbsent("key", 2)).toBeDefined();
  });

  it.each([false, true])("damage, wherever it is; with acceptPlaintext: %s", async (acceptPlaintext) => {
    const plain = createStore(new CompleteDriver());
    const store = plain.with(encryption({ keys: [A], acceptPlaintext }));
    expect([...(await damage(plain, store, { secret: SECRET, n: [1, null] }))]).toEqual(["DECRYPTION_FAILED"]);
  });

  // In Python one bad record fails the whole batch.
  it("one record of a batch alone", async () => {
    const { plain, store } = encrypted();
    await store.putMany([
      { key: "a", value: 1 },
      { key: "b", value: 2 },
    ]);
    await plain.put("b", "not encrypted");
    expect(await rejection(store.getMany(["a", "b"]))).toMatchObject({
      results: [1, undefined],
      failures: [{ index: 1, key: "b" }],
    });
  });
});

describe("acceptPlaintext", () => {
  const open = () => {
    const plain = createStore(new CompleteDriver());
    return { plain, store: plain.with(encryption({ keys: [A], acceptPlaintext: true })) };
  };

  it("reads what is not encrypted as it is, and writes nothing so", async () => {
    const { plain, store } = open();
    for (const value of [{ n: 1 }, [1], null, "text", { encrypted: true, data: "x" }]) {
      await plain.put("key", value);
      expect(await store.get("key")).toEqual(value);
    }
    await store.update("key", () => SECRET);
    expect(JSON.stringify(await plain.get("key"))).not.toContain(SECRET);
    expect(await store.get("key")).toBe(SECRET);
  });

  it("does not take for plaintext what was encrypted", async () => {
    const { plain, store } = open();
    await store.put("key", SECRET);
    const { encrypted, key_id, data } = await sealed(plain, "key");
    const broken: JsonValue[] = [
      { encrypted, key_id },
      { encrypted, data },
      { key_id, data },
      { encrypted: "kv2", key_id, data },
      { encrypted, key_id: "b", data },
      { encrypted, key_id, data: data.slice(4) },
    ];
    for (const value of broken) {
      await plain.put("key", value);
      expect(await rejection(store.get("key"))).toBeInstanceOf(DecryptionError);
    }
  });

  it("must be a boolean", () => {
    expect(() => encryption({ keys: [A], acceptPlaintext: 1 as never })).toThrow(InvalidArgumentError);
  });
});
