// Layers: what each shape forwards, changes and takes away, and that no exchange passes unseen.

import {
  type Capability,
  CorruptRecordError,
  createStore,
  InvalidArgumentError,
  InvalidNameError,
  type JsonValue,
  type Revision,
  UnsupportedOperationError,
  ValueTooLargeError,
} from "@kv/core";
import {
  around,
  type Call,
  type Driver,
  defineLayer,
  forward,
  names,
  type Operation,
  type RecordId,
  type StoredRecord,
  type Subject,
  values,
  type WriteRequest,
} from "@kv/core/driver";
import { compression, defaultValue, encryption, fernetEncryption, prefixCollections, retry } from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { allCapabilities } from "../../src/capabilities.ts";
import { rejection } from "./held-driver.ts";

/** A driver with every method there is. */
class FullDriver extends CompleteDriver implements Driver {
  ping(): void {}
  getMany(ids: readonly RecordId[]): readonly (StoredRecord | undefined)[] {
    return ids.map((id) => this.get(id));
  }
  putMany(requests: readonly WriteRequest[]): readonly undefined[] {
    return requests.map(({ id, record }) => {
      this.put(id, record);
      return undefined;
    });
  }
  deleteMany(ids: readonly RecordId[]): readonly boolean[] {
    return ids.map((id) => this.delete(id));
  }
  take(id: RecordId): StoredRecord | undefined {
    const record = this.get(id);
    this.delete(id);
    return record;
  }
}

const METHODS: readonly Operation[] = [
  "ping",
  "get",
  "put",
  "delete",
  "getMany",
  "putMany",
  "deleteMany",
  "swap",
  "take",
  "list",
  "collections",
  "clear",
  "cull",
];

async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe("forward", () => {
  it("passes on every method, bound to the driver, and its capabilities", async () => {
    const inner = new FullDriver();
    const outer = forward(inner, {});
    for (const method of METHODS) expect(outer[method], method).toBeTypeOf("function");
    expect(outer.capabilities).toBe(inner.capabilities);
    expect([outer.name, outer.keepsReferences]).toEqual(["complete", true]);
    expect([outer.open, outer.close]).toEqual([undefined, undefined]);
    expect(await createStore(outer).get("a")).toBeUndefined();
  });

  it("has no method that the driver has not, and none that is taken away", () => {
    const outer = forward(new CompleteDriver(), { list: undefined });
    expect([outer.getMany, outer.ping, outer.take, outer.list]).toEqual([undefined, undefined, undefined, undefined]);
    expect(outer.swap).toBeTypeOf("function");
  });
});

describe("around", () => {
  it("sees each exchange once, with what it is about", async () => {
    const seen: Subject[] = [];
    const calls = new Set<Call>();
    const inner = new FullDriver();
    const driver = around(inner, (subject, call, exchange) => {
      seen.push(subject);
      calls.add(call);
      return exchange(call);
    });
    const store = createStore({ ...driver, capabilities: inner.capabilities });
    const c = store.collection("c");
    const id = { collection: "c", key: "a" };
    const entry = { collection: "c", keyPrefix: "" };
    const all = { collectionPrefix: "" };
    const expected: [() => Promise<unknown>, ...object[]][] = [
      [() => store.ping(), { operation: "ping" }],
      [() => c.put("a", 1), { operation: "put", id }],
      [() => c.get("a"), { operation: "get", id }],
      [() => c.has("a"), { operation: "get", id }],
      [() => c.getMany(["a", "a"]), { operation: "getMany", ids: [id] }],
      [() => c.putMany([{ key: "a", value: 2 }]), { operation: "putMany", ids: [id] }],
      [() => c.increment("a"), { operation: "get", id }, { operation: "swap", id }],
      [() => c.putIfAbsent("a", 1), { operation: "swap", id }],
      [() => listed(c.keys({ prefix: "a" })), { operation: "list", scope: { collection: "c", keyPrefix: "a" } }],
      [() => listed(c.entries()), { operation: "list", scope: entry }],
      [
        () => listed(store.collections({ prefix: "c" })),
        { operation: "collections", scope: { collectionPrefix: "c" } },
      ],
      [() => c.take("a"), { operation: "take", id }],
      [() => c.delete("a"), { operation: "delete", id }],
      [() => c.deleteMany(["a"]), { operation: "deleteMany", ids: [id] }],
      [() => c.clear(), { operation: "clear", scope: entry }],
      [() => store.clearAll(), { operation: "clear", scope: all }],
      [() => store.cull(), { operation: "cull", scope: all }],
    ];
    for (const [call, ...subjects] of expected) {
      seen.length = 0;
      await call();
      expect(seen, String(call)).toMatchObject(subjects);
      expect(seen).toHaveLength(subjects.length);
    }
    // A call of the user is one object through all that is done for it.
    expect(calls.size).toBe(expected.length);
  });

  it("may answer in the driver's place, or ask it twice", async () => {
    const inner = new FullDriver();
    const cached: StoredRecord = { value: "cached", createdAt: 0, expiresAt: undefined, revision: "r" as never };
    let gets = 0;
    const driver = around(inner, (subject, call, exchange) => {
      if (subject.operation === "get") gets++;
      if (subject.id?.key === "cached") return cached as never;
      exchange(call);
      return exchange(call);
    });
    const store = createStore(driver);
    expect(await store.get("cached")).toBe("cached");
    expect(await store.get("a")).toBeUndefined();
    expect(gets).toBe(2);
  });
});

describe("values", () => {
  const reversed = defineLayer("reversed", (inner) =>
    values(inner, {
      encode: async (value) => [...JSON.stringify(value)].reverse().join(""),
      decode: (stored) => JSON.parse([...String(stored)].reverse().join("")) as JsonValue,
    }),
  );

  it("encodes and decodes wherever a value goes, waits for the codec, and takes away a native take", async () => {
    const inner = new FullDriver();
    const plain = createStore(inner);
    const store = plain.with(reversed);
    expect(reversed.apply(inner).take).toBeUndefined();
    await store.put("a", { n: 1 });
    expect(await plain.get("a")).toBe('}1:"n"{');
    await store.putMany([
      { key: "b", value: [2] },
      { key: "c", value: null },
    ]);
    expect(await store.getMany(["a", "b", "x", "c"])).toEqual([{ n: 1 }, [2], undefined, null]);
    expect(await store.getEntry("b")).toMatchObject({ value: [2], createdAt: expect.any(Date) });
    expect((await listed(store.collection().entries())).map(({ value }) => value)).toEqual([{ n: 1 }, [2], null]);
    expect(await listed(store.collection().keys())).toEqual(["a", "b", "c"]);
    await store.put("n", 1);
    expect(await store.increment("n")).toBe(2);
    expect(await plain.get("n")).toBe("2");
    // The current record, which a swap that lost gives back, is decoded too.
    let other = true;
    expect(
      await store.update("n", async (n) => {
        if (other) await store.put("n", 10);
        other = false;
        return Number(n) + 1;
      }),
    ).toBe(11);
    expect(await store.take("n")).toBe(11);
    expect(await store.compareAndDelete("a", (await store.getEntry("a"))?.revision as never)).toBe(true);
  });

  it("lets one record of a batch that the codec refuses fail alone, and sends the others", async () => {
    const picky = defineLayer("picky", (inner) =>
      values(inner, {
        encode(value) {
          if (value === "no") throw new ValueTooLargeError(2, 1);
          return value;
        },
        decode: (stored) => stored,
      }),
    );
    const store = createStore(new FullDriver()).with(picky);
    const put = (...all: JsonValue[]) => store.putMany(all.map((value, at) => ({ key: `k${at}`, value })));
    expect(await rejection(put(1, "no", 3, "no"))).toMatchObject({
      code: "BATCH_FAILED",
      outcome: "not-applied",
      failures: [
        { index: 1, key: "k1", error: { code: "VALUE_TOO_LARGE", outcome: "not-applied" } },
        { index: 3, key: "k3" },
      ],
    });
    expect(await store.getMany(["k0", "k1", "k2", "k3"])).toEqual([1, undefined, 3, undefined]);
    expect(await rejection(put("no"))).toMatchObject({ failures: [{ key: "k0" }] });
  });

  it("takes what has expired for absent before it is decoded", async () => {
    const locked = defineLayer("locked", (inner) =>
      values(inner, {
        encode: (value) => value,
        decode() {
          throw new CorruptRecordError("the key is lost");
        },
      }),
    );
    const inner = new FullDriver();
    const store = createStore(inner).with(locked);
    const record = { value: 1, createdAt: 1, expiresAt: 2, revision: "r" as Revision };
    inner.put({ collection: "default_collection", key: "a" }, record);
    expect(await store.get("a")).toBeUndefined();
    expect(await store.has("a")).toBe(false);
    expect(await store.getMany(["a"])).toEqual([undefined]);
    expect(await store.take("a")).toBeUndefined();
  });

  it("sends nothing once the call has ended while its value was encoded", async () => {
    let finish = (): void => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const slow = defineLayer("slow", (inner) =>
      values(inner, { encode: (value) => held.then(() => value), decode: (stored) => stored }),
    );
    const plain = createStore(new FullDriver());
    const store = plain.with(slow);
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [
      store.put("a", 1, { signal }),
      store.putMany([{ key: "b", value: 1 }], { signal }),
      store.putIfAbsent("c", 1, { signal }),
    ].map(rejection);
    await Promise.resolve();
    controller.abort();
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: "ABORTED" });
    finish();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await plain.getMany(["a", "b", "c"])).toEqual([undefined, undefined, undefined]);
  });

  it("keeps expiry, creation and revision", async () => {
    const plain = createStore(new FullDriver());
    const store = plain.with(reversed);
    await store.put("a", 1, { ttl: "1h" });
    const { value, ttl, ...inside } = (await plain.getEntry("a")) ?? {};
    expect([value, typeof ttl]).toEqual(["1", "number"]);
    expect(await store.getEntry("a")).toMatchObject(inside);
  });
});

describe("names", () => {
  const upper = defineLayer("upper", (inner) =>
    names(inner, {
      to: ({ collection, key }) => ({ collection: `C-${collection}`, key: `K-${key}` }),
      toScope: (scope) =>
        "collection" in scope
          ? { collection: `C-${scope.collection}`, keyPrefix: `K-${scope.keyPrefix}` }
          : { collectionPrefix: `C-${scope.collectionPrefix}` },
      fromCollection: (stored) => stored.slice(2),
      fromKey: (stored) => stored.slice(2),
    }),
  );

  it("maps the name wherever one goes, and back", async () => {
    const plain = createStore(new FullDriver());
    const store = plain.with(upper);
    const [c, stored] = [store.collection("c"), plain.collection("C-c")];
    await c.put("a", 1);
    await c.putMany([{ key: "b", value: 2 }]);
    await stored.put("outside", 0);
    await plain.collection("outside").put("K-a", 0);
    expect(await stored.getMany(["K-a", "K-b"])).toEqual([1, 2]);
    expect(await c.getMany(["b", "a", "outside"])).toEqual([2, 1, undefined]);
    expect((await c.getEntry("a"))?.key).toBe("a");
    expect(await c.increment("a")).toBe(2);
    expect(await listed(c.keys())).toEqual(["a", "b"]);
    expect(await listed(c.keys({ prefix: "b" }))).toEqual(["b"]);
    expect((await listed(c.entries())).map(({ key, value }) => [key, value])).toEqual([
      ["a", 2],
      ["b", 2],
    ]);
    expect(await listed(store.collections())).toEqual(["c"]);
    expect(await c.take("a")).toBe(2);
    expect(await c.deleteMany(["b", "outside"])).toBe(1);
    await c.put("a", 1);
    await c.clear();
    expect(await listed(stored.keys())).toEqual(["outside"]);
    await store.clearAll();
    expect(await listed(plain.collections())).toEqual(["outside"]);
    await store.cull();
  });

  it("lists no key without a name, should another program have one that is the prefix alone", async () => {
    const plain = createStore(new FullDriver());
    await plain.collection("C-c").put("K-", 1);
    await plain.collection("C-c").put("K-a", 1);
    expect(await listed(plain.with(upper).collection("c").keys())).toEqual(["a"]);
  });

  it("errors name the record as the caller does", async () => {
    const failing = around(new FullDriver(), () => Promise.reject(new Error("broken")));
    const error = await rejection(
      createStore({ ...failing })
        .with(upper)
        .collection("c")
        .get("a"),
    );
    expect(error).toMatchObject({ collection: "c", key: "a" });
  });
});

describe("a layer", () => {
  /** Withdraws these, as a wrapper that could not keep their promise. */
  function without<W extends Capability>(...withdraws: W[]) {
    return defineLayer("without", (inner) => forward(inner, {}), { withdraws });
  }

  it("withdraws capabilities: they are false, and their operations reject", async () => {
    const inner = new FullDriver();
    const store = createStore(inner).with(without("write", "atomic", "enumerate", "clear"));
    expect(store.capabilities).toEqual({
      ...inner.capabilities,
      write: false,
      atomic: false,
      enumerate: false,
      clear: false,
    });
    expect(Object.isFrozen(store.capabilities)).toBe(true);
    expect([store.can("write"), store.can("durable"), store.can("durable", "atomic")]).toEqual([false, true, false]);
    // Past the compiler.
    const forced = store as unknown as ReturnType<typeof createStore<FullDriver>>;
    const calls: [string, Promise<unknown>][] = [
      ["write", forced.put("a", 1)],
      ["write", forced.putMany([])],
      ["write", forced.delete("a")],
      ["write", forced.deleteMany(["a"])],
      ["atomic", forced.putIfAbsent("a", 1)],
      ["atomic", forced.take("a")],
      ["atomic", forced.compareAndSwap("a", "r" as never, 1)],
      ["atomic", forced.compareAndDelete("a", "r" as never)],
      ["atomic", forced.increment("a")],
      ["atomic", forced.touch("a", 1)],
      ["atomic", forced.update("a", () => 1)],
      ["enumerate", forced.collection("c").keys().next()],
      ["enumerate", forced.collection("c").entries().next()],
      ["enumerate", forced.collections().next()],
      ["clear", forced.collection("c").clear()],
      ["clear", forced.clearAll()],
      ["clear", forced.cull()],
    ];
    for (const [capability, call] of calls) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(UnsupportedOperationError);
      expect((error as Error).message).toMatch(
        new RegExp(`needs the capability "${capability}", which this store lacks$`),
      );
    }
    expect(await store.get("a")).toBeUndefined();
    expect(inner.capabilities.write).toBe(true);
  });

  it("that needs what the store lacks is refused when it is put on, by name", () => {
    const store = createStore(new FullDriver()).with(without("atomic", "clear"));
    const leases = defineLayer("leases", (inner) => inner, { needs: ["atomic", "clear", "write"] });
    const put = () => (store as unknown as ReturnType<typeof createStore<FullDriver>>).with(leases);
    expect(put).toThrow(UnsupportedOperationError);
    expect(put).toThrow('leases needs the capabilities "atomic", "clear", which this store lacks');
  });

  it("leaves the store that it is put on as it was, and is listed innermost first", async () => {
    const plain = createStore(new FullDriver());
    const store = plain.with(prefixCollections("p")).with(retry());
    expect([plain.layers, store.layers]).toEqual([[], ["prefixCollections", "retry"]]);
    await store.put("a", 1);
    expect(await plain.get("a")).toBeUndefined();
    expect(store.driver).toBe(plain.driver);
    expect(store.driver).toBeInstanceOf(FullDriver);
  });

  it("keeps every capability and method of the driver below, through all three wrappers", () => {
    const inner = new FullDriver();
    const layers = [encryption({ keys: [{ id: "a", key: new Uint8Array(32) }] }), prefixCollections("p"), retry()];
    let driver: Driver = inner;
    for (const layer of layers) driver = layer.apply(driver);
    for (const capability of allCapabilities) expect(driver.capabilities[capability]).toBe(true);
    for (const method of METHODS) {
      // Encryption must see a record before it is destroyed.
      expect(driver[method] !== undefined, method).toBe(method !== "take");
    }
  });
});

describe("the order of layers", () => {
  const plain = createStore(new FullDriver());
  const named = (name: string, notOutside?: Readonly<Record<string, string>>) =>
    defineLayer(name, (inner) => forward(inner, {}), notOutside && { notOutside });

  it("is checked through the whole stack, and the error tells the right one", () => {
    const sealing = () => named("sealing", { squeezing: "which would get nothing smaller any more" });
    const put = () => plain.with(named("squeezing")).with(prefixCollections("p")).with(retry()).with(sealing());
    expect(put).toThrow(InvalidArgumentError);
    expect(put).toThrow(
      "sealing must not lie outside squeezing, which would get nothing smaller any more: put sealing on first, then squeezing",
    );
    const right = plain.with(sealing()).with(retry()).with(named("squeezing"));
    expect(right.layers).toEqual(["sealing", "retry", "squeezing"]);
  });

  it("does not matter to layers that say nothing of it, whatever their names", () => {
    const handwritten = { name: "own", needs: [], withdraws: [], apply: (inner: Driver) => forward(inner, {}) };
    expect(plain.with(named("constructor")).with(handwritten).with(named("own", {})).layers).toHaveLength(3);
    expect(() => plain.with(named("toString")).with(named("own", { other: "never" }))).not.toThrow();
  });

  it.each([
    ["encryption", () => encryption({ keys: [{ id: "a", key: new Uint8Array(32) }] })],
    ["fernetEncryption", () => fernetEncryption({ keys: [`${"A".repeat(43)}=`] })],
  ])("has %s inside of compression and of defaultValue", (name, sealing) => {
    for (const layer of [compression(), defaultValue(0)]) {
      const put = () => plain.with(layer).with(prefixCollections("p")).with(sealing());
      expect(put).toThrow(InvalidArgumentError);
      expect(put).toThrow(`put ${name} on first, then ${layer.name}`);
      expect(plain.with(sealing()).with(layer).layers).toEqual([name, layer.name]);
    }
  });

  it("has no layer twice, but may have two of one kind", () => {
    const layer = named("one");
    expect(() => plain.with(layer).with(retry()).with(layer)).toThrow("this very one is on the store already");
    expect(plain.with(layer).layers).toEqual(["one"]);
    expect(plain.with(retry()).with(retry()).layers).toEqual(["retry", "retry"]);
  });
});

it("a driver that claims what it has not is told so, not trusted", async () => {
  const driver = forward(new CompleteDriver(), {
    swap: undefined,
    list: undefined,
    clear: undefined,
    collections: undefined,
  });
  const store = createStore({ ...driver, capabilities: new CompleteDriver().capabilities });
  for (const call of [
    store.increment("a"),
    store.collection().keys().next(),
    store.collections().next(),
    store.collection().clear(),
  ]) {
    expect(await rejection(call)).toBeInstanceOf(UnsupportedOperationError);
  }
  await store.cull();
});

it("a store refuses a default collection without a name", () => {
  expect(() => createStore(new CompleteDriver(), { defaultCollection: "" })).toThrow(InvalidNameError);
  expect(() => createStore(new CompleteDriver()).collection("\ud800")).toThrow(InvalidNameError);
});
