// Read-only: what is refused, before anything is sent, and what goes through.

import { createStore, UnsupportedOperationError } from "@kv/core";
import { around, defineLayer, type Operation } from "@kv/core/driver";
import { encryption, prefixCollections, readOnly, retry } from "@kv/core/wrappers";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { rejection } from "./held-driver.ts";

async function watched() {
  const sent: Operation[] = [];
  const inner = new CompleteDriver();
  const plain = createStore(inner);
  await plain.put("a", { n: 1 }, { ttl: "1h" });
  const driver = around(inner, ({ operation }, call, exchange) => {
    sent.push(operation);
    return exchange(call);
  });
  const base = createStore({ ...driver, capabilities: inner.capabilities });
  return { plain, base, sent, store: base.with(readOnly()) };
}

it("lets every read through", async () => {
  const { store } = await watched();
  expect(store.capabilities).toEqual({ write: false, atomic: false, enumerate: true, clear: false, durable: true });
  expect(await store.get("a")).toEqual({ n: 1 });
  expect(await store.getMany(["a", "b"])).toEqual([{ n: 1 }, undefined]);
  expect((await store.getEntry("a"))?.ttl).toBeGreaterThan(0);
  for await (const key of store.collection().keys()) expect(key).toBe("a");
  for await (const name of store.collections()) expect(name).toBe("default_collection");
});

it("refuses every write before anything is sent, never silently (in Python by option)", async () => {
  const { base, plain, sent, store } = await watched();
  // Past the compiler.
  const forced = store as unknown as typeof base;
  for (const call of [
    forced.put("a", 2),
    forced.putMany([{ key: "a", value: 2 }]),
    forced.delete("a"),
    forced.deleteMany(["a"]),
    forced.putIfAbsent("b", 2),
    forced.take("a"),
    forced.increment("n"),
    forced.touch("a", 1),
    forced.update("a", () => 2),
    forced.collection().clear(),
    forced.clearAll(),
    forced.cull(),
  ]) {
    const error = await rejection(call);
    expect(error).toBeInstanceOf(UnsupportedOperationError);
    expect(error).toMatchObject({ outcome: "not-applied", retryable: false });
  }
  expect(sent).toEqual([]);
  expect(await plain.get("a")).toEqual({ n: 1 });
});

it("refuses also what a layer around it would write by itself", async () => {
  const { base, plain } = await watched();
  const touching = defineLayer("touching", (inner) =>
    around(inner, ({ operation, id }, call, exchange) => {
      if (operation !== "get" || id === undefined) return exchange(call);
      const record = { value: 2, createdAt: 0, expiresAt: undefined, revision: "r" as never };
      return Promise.resolve(inner.put(id, record, call)).then(() => exchange(call));
    }),
  );
  expect(await rejection(base.with(readOnly()).with(touching).get("a"))).toMatchObject({ code: "UNSUPPORTED" });
  expect(await plain.get("a")).toEqual({ n: 1 });
  const { swap, take, putMany, deleteMany, clear, cull } = readOnly().apply(new CompleteDriver());
  expect([swap, take, putMany, deleteMany, clear, cull]).toEqual(new Array(6).fill(undefined));
});

it("does not lie under a layer that needs to write, and its absence of capabilities passes through others", async () => {
  const { store } = await watched();
  const leases = defineLayer("leases", (inner) => inner, { needs: ["atomic"] });
  // @ts-expect-error
  expect(() => store.with(leases)).toThrow(UnsupportedOperationError);
  const keys = [{ id: "a", key: new Uint8Array(32) }];
  const stacked = store.with(encryption({ keys })).with(prefixCollections("p")).with(retry());
  expect([stacked.can("write"), stacked.can("enumerate")]).toEqual([false, true]);
});
