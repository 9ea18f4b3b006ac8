// Rotation: everything under an old key or in plaintext comes under the new one, and nothing else changes.

import { createStore, InvalidArgumentError, type JsonValue, type KeyValueStore } from "@kv/core";
import { defineLayer, forward, type Layer } from "@kv/core/driver";
import {
  compression,
  encryption,
  fernetEncryption,
  prefixCollections,
  prefixKeys,
  type ReencryptOptions,
  type ReencryptProgress,
  reencrypt,
  retry,
} from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { collect } from "../../src/conformance/support.ts";
import { rejection } from "./held-driver.ts";

type Store = KeyValueStore<"write" | "atomic" | "enumerate">;

const bytes = (byte: number) => new Uint8Array(32).fill(byte);
const fernet = (byte: number) => Buffer.alloc(32, byte).toString("base64url").padEnd(44, "=");
const kinds = [
  {
    name: "encryption",
    layer: (...keys: number[]): Layer =>
      encryption({ keys: keys.map((byte) => ({ id: `k${byte}`, key: bytes(byte) })), acceptPlaintext: true }),
  },
  {
    name: "fernetEncryption",
    layer: (...keys: number[]): Layer => fernetEncryption({ keys: keys.map(fernet), acceptPlaintext: true }),
  },
];

/** Records in three collections: under the new key 2, under the old key 1, in plaintext. */
async function fill(plain: Store, layer: (...keys: number[]) => Layer): Promise<void> {
  const layers = { new: [layer(2)], old: [layer(1)], plain: [] };
  for (const collection of ["c", "a", "b"]) {
    for (const [key, under] of Object.entries(layers)) {
      let store = plain;
      for (const one of under) store = store.with(one);
      const entries = Array.from({ length: 50 }, (_, at) => ({
        key: `${key} ${at}`,
        value: { at },
        ttl: 600 as const,
      }));
      await store.collection(collection).putMany(entries);
    }
  }
}

async function total(walk: AsyncIterable<ReencryptProgress>) {
  const all = await collect(walk);
  const done = all.filter((one) => one.done);
  return {
    collections: done.map(({ collection }) => collection),
    current: done.reduce((sum, one) => sum + one.current, 0),
    rewritten: done.reduce((sum, one) => sum + one.rewritten, 0),
    failures: all.flatMap(({ failures }) => failures),
  };
}

describe.each(kinds)("reencrypt of $name", ({ layer }) => {
  it("brings all under the first key, keeps values and times, and finds nothing to do afterwards", async () => {
    const plain: Store = createStore(new CompleteDriver());
    await fill(plain, layer);
    const store = plain.with(layer(2, 1));
    const before = await collect(store.collection("a").entries());
    const untouched = await plain.collection("a").getEntry("new 7");
    expect(await total(reencrypt(store))).toEqual({
      collections: ["a", "b", "c"],
      current: 150,
      rewritten: 300,
      failures: [],
    });
    expect(await plain.collection("a").getEntry("new 7")).toMatchObject({
      value: untouched?.value,
      revision: untouched?.revision,
    });
    const known = ({ key, value, createdAt, expiresAt }: (typeof before)[number]) => ({
      key,
      value,
      createdAt,
      expiresAt,
    });
    const after = await collect(plain.with(layer(2)).collection("a").entries());
    expect(after.map(known)).toEqual(before.map(known));
    for await (const { value } of plain.collection("a").entries()) {
      expect(Object.keys(value as object).length).toBeGreaterThan(1);
    }
    expect(await total(reencrypt(store))).toMatchObject({ current: 450, rewritten: 0 });
  });

  it("goes through any stack of wrappers around it, and inside of it", async () => {
    const plain: Store = createStore(new CompleteDriver());
    const stacked = (...keys: number[]): Store =>
      plain
        .with(prefixKeys("inside"))
        .with(layer(...keys))
        .with(compression({ threshold: 1 }))
        .with(prefixCollections("app"))
        .with(retry());
    const text = "text ".repeat(100);
    await stacked(1).put("a", text, { ttl: "1h" });
    expect(await total(reencrypt(stacked(2, 1)))).toMatchObject({ rewritten: 1, failures: [] });
    expect(await stacked(2).get("a")).toBe(text);
  });

  it("loses no write that comes between, and does not bring back what was deleted", async () => {
    const plain: Store = createStore(new CompleteDriver());
    const old = plain.with(layer(1));
    await old.putMany(["changed", "deleted", "kept"].map((key) => ({ key, value: 1 })));
    const other = plain.with(layer(2, 1));
    let raced = false;
    const racing = defineLayer("racing", (inner) => {
      const { swap } = forward(inner, {});
      return forward(inner, {
        swap:
          swap &&
          (async (...given) => {
            // After the read, before the swap: each of them once.
            if (!raced) {
              raced = true;
              await other.update("changed", () => 2);
              await other.delete("deleted");
            }
            return swap(...given);
          }),
      });
    });
    const store = plain.with(racing).with(layer(2, 1));
    expect(await total(reencrypt(store, { concurrency: 3 }))).toMatchObject({ failures: [] });
    expect(await plain.with(layer(2)).getMany(["changed", "deleted", "kept"])).toEqual([2, undefined, 1]);
  });

  it("may be ended and begun again, also behind what is done", async () => {
    const plain: Store = createStore(new CompleteDriver());
    await fill(plain, layer);
    const store = plain.with(layer(2, 1));
    for await (const { collection, done, rewritten } of reencrypt(store, { concurrency: 5 })) {
      expect(rewritten % 5).toBe(0);
      if (collection === "b" && rewritten >= 20) break;
      if (collection === "a" && done) expect(rewritten).toBe(100);
    }
    expect(await total(reencrypt(store, { after: "a" }))).toEqual({
      collections: ["b", "c"],
      current: 120,
      rewritten: 180,
      failures: [],
    });
  });

  it("tells of what cannot be read, leaves it, and goes on", async () => {
    const plain: Store = createStore(new CompleteDriver());
    await plain.with(layer(3)).put("lost", 1);
    await plain.with(layer(1)).putMany(["a", "z"].map((key) => ({ key, value: 1 })));
    const stored = await plain.getEntry("lost");
    const { rewritten, failures } = await total(reencrypt(plain.with(layer(2, 1))));
    expect(rewritten).toBe(2);
    expect(failures).toMatchObject([{ key: "lost", error: { code: "DECRYPTION_FAILED" } }]);
    expect(await plain.getEntry("lost")).toEqual(stored);
  });

  it("tells of what cannot be written, and goes on", async () => {
    const plain: Store = createStore(new CompleteDriver());
    await plain.with(layer(1)).putMany(["a", "b", "c"].map((key) => ({ key, value: 1 })));
    const failing = defineLayer("failing", (inner) => {
      const { swap } = forward(inner, {});
      return forward(inner, {
        swap: swap && ((...given) => (given[0].key === "b" ? Promise.reject(new Error("no")) : swap(...given))),
      });
    });
    const { rewritten, failures } = await total(reencrypt(plain.with(failing).with(layer(2, 1))));
    expect([rewritten, failures]).toMatchObject([2, [{ key: "b", error: { code: "BACKEND_FAILURE" } }]]);
  });

  it("refuses plaintext, by record, where that was not asked for", async () => {
    const plain: Store = createStore(new CompleteDriver());
    await plain.put("a", "plaintext");
    const strict =
      layer(1).name === "encryption"
        ? encryption({ keys: [{ id: "a", key: bytes(1) }] })
        : fernetEncryption({ keys: [fernet(1)] });
    expect((await total(reencrypt(plain.with(strict)))).failures).toMatchObject([{ key: "a" }]);
    expect(await plain.get("a")).toBe("plaintext");
  });

  it("ends by the caller's signal", async () => {
    const plain: Store = createStore(new CompleteDriver());
    await fill(plain, layer);
    const controller = new AbortController();
    const walk = reencrypt(plain.with(layer(2, 1)), { signal: controller.signal });
    await walk.next();
    controller.abort();
    expect(await rejection(walk.next())).toMatchObject({ code: "ABORTED" });
  });
});

it("needs a store that encrypts, and good options", () => {
  const plain = createStore(new CompleteDriver());
  const store = plain.with(encryption({ keys: [{ id: "a", key: bytes(1) }] }));
  expect(() => reencrypt(plain)).toThrow(InvalidArgumentError);
  for (const options of [{ concurrency: 0 }, { concurrency: 1.5 }, { timeout: -1 }, { timeout: "soon" }]) {
    expect(() => reencrypt(store, options as ReencryptOptions)).toThrow(InvalidArgumentError);
  }
});

it("is not needed by anything else: entries look the same as without it", async () => {
  const plain = createStore(new CompleteDriver());
  const store = plain.with(encryption({ keys: [{ id: "a", key: bytes(1) }] }));
  await store.put("a", 1 satisfies JsonValue);
  for await (const entry of store.collection().entries()) {
    expect(Object.keys(entry).sort()).toEqual(["createdAt", "key", "revision", "value"]);
  }
});
