// A default for what is not there: given by get and getMany, known to no other operation, and never stored.

import { createStore, InvalidArgumentError } from "@kv/core";
import { defineLayer, forward, isLive } from "@kv/core/driver";
import { defaultValue, encryption } from "@kv/core/wrappers";
import { expect, it } from "vitest";
import * as z from "zod";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { collect, until } from "../../src/conformance/support.ts";
import { rejection } from "./held-driver.ts";

const THEME = { theme: "light", sizes: [1, 2] };

function stores(driver = new CompleteDriver()) {
  const plain = createStore(driver);
  return { plain, store: plain.with(defaultValue(THEME)) };
}

it("is what get and getMany give where there is no record", async () => {
  const { store } = stores();
  await store.put("ada", { theme: "dark" });
  await store.put("nothing", null);
  expect(await store.get("bob")).toEqual(THEME);
  expect(await store.collection("c").get("bob")).toEqual(THEME);
  expect(await store.getMany(["ada", "bob", "nothing", "bob"])).toEqual([{ theme: "dark" }, THEME, null, THEME]);
});

it("is a copy each time, and its own from the beginning", async () => {
  const given = { list: [1] };
  const store = createStore(new CompleteDriver()).with(defaultValue(given));
  given.list.push(2);
  const [first, second] = (await store.getMany(["a", "b"])) as unknown as [{ list: number[] }, unknown];
  first.list.push(3);
  expect(second).toEqual({ list: [1] });
  expect(await store.get("a")).toEqual({ list: [1] });
});

it("is never stored, and no other operation knows of it", async () => {
  const { plain, store } = stores();
  expect(await store.get("a")).toEqual(THEME);
  expect(await store.has("a")).toBe(false);
  expect(await store.getEntry("a")).toBeUndefined();
  expect(await store.getEntries(["a"])).toEqual([undefined]);
  expect(await store.delete("a")).toBe(false);
  expect(await store.deleteMany(["a"])).toBe(0);
  expect(await store.take("a")).toBeUndefined();
  expect(await store.touch("a", "1h")).toBe(false);
  expect(await collect(store.collection().keys())).toEqual([]);
  expect(await collect(store.collection().entries())).toEqual([]);
  expect(await collect(store.collections())).toEqual([]);
  expect(await plain.has("a")).toBe(false);
  const seen: unknown[] = [];
  await store.update("updated", (current) => {
    seen.push(current);
    return 1;
  });
  expect(seen).toEqual([undefined]);
  expect(await store.increment("counted")).toBe(1);
  expect(await store.putIfAbsent("absent", 1)).toBeDefined();
  expect(await store.putIfAbsent("absent", 2)).toBeUndefined();
});

it("is given at once where a record has expired, by this process' clock or the backend's", async () => {
  const expired = { value: 1, createdAt: 1, expiresAt: 2, revision: "r" as never };
  const id = { collection: "default_collection", key: "a" };
  const driver = new CompleteDriver();
  driver.put(id, expired);
  expect(await createStore(driver).with(defaultValue(THEME)).get("a")).toEqual(THEME);
  const native = forward(driver, {
    capabilities: Object.freeze({ ...driver.capabilities, nativeExpiry: true }),
    get: (one) => {
      const record = driver.get(one);
      return record && isLive(record) ? record : undefined;
    },
  });
  expect(await createStore(native).with(defaultValue(THEME)).getMany(["a"])).toEqual([THEME]);
});

it("or what was there is given, never neither, where a record expires while it is read", async () => {
  const slow = defineLayer("slow", (inner) =>
    forward(inner, {
      async get(id, call) {
        const record = await inner.get(id, call);
        await until(record?.expiresAt ?? 0);
        return record;
      },
    }),
  );
  const { store } = stores();
  await store.put("a", 1, { ttl: "200ms" });
  expect([1, THEME]).toContainEqual(await store.with(slow).get("a"));
});

it("is no answer for what cannot be read", async () => {
  const { plain } = stores();
  const store = plain.with(encryption({ keys: [{ id: "a", key: new Uint8Array(32) }] })).with(defaultValue(THEME));
  await plain.put("a", "not encrypted");
  expect(await rejection(store.get("a"))).toMatchObject({ code: "DECRYPTION_FAILED" });
  expect(await rejection(store.getMany(["a", "b"]))).toMatchObject({ results: [undefined, THEME] });
});

it("goes through the collection's schema, as what is stored does", async () => {
  const { store } = stores();
  const fits = store.collection("c", { schema: z.object({ theme: z.string(), more: z.number().default(7) }) });
  expect(await fits.get("a")).toEqual({ theme: "light", more: 7 });
  const misfits = store.collection("c", { schema: z.object({ name: z.string() }) });
  expect(await rejection(misfits.get("a"))).toMatchObject({ code: "SCHEMA_MISMATCH" });
});

it.each([[undefined], [Number.NaN], [{ at: new Date() }], [[undefined]], [() => 1]])(
  "%j is refused when the wrapper is made",
  (value) => {
    expect(() => defaultValue(value as never)).toThrow(InvalidArgumentError);
  },
);
