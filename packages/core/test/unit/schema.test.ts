// Typed collections by three schema libraries: refused on the way in and out by the place, changed on the way out.

import { BatchError, createStore, type KeyValueError, SchemaError } from "@kv/core";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { TakingDriver } from "../support/taking-driver.ts";
import { rejection } from "./held-driver.ts";

const User = {
  zod: z.object({ name: z.string(), tags: z.array(z.string()), age: z.number().default(18) }),
  valibot: v.object({ name: v.string(), tags: v.array(v.string()), age: v.optional(v.number(), 18) }),
  arktype: type({ name: "string", tags: "string[]", age: "number = 18" }),
};
const good = { name: "Ada", tags: ["a"] };
const wrong = { name: "Ada", tags: ["a", 1] };

describe.each(["zod", "valibot", "arktype"] as const)("with %s", (library) => {
  function open() {
    const plain = createStore(new CompleteDriver());
    const schema = User[library] as typeof User.zod;
    return { raw: plain.collection("users"), users: plain.collection("users", { schema }) };
  }

  it("stores what was given, and reads the schema's output", async () => {
    const { raw, users } = open();
    await users.put("ada", good);
    expect(await raw.get("ada")).toEqual(good);
    expect(await users.get("ada")).toEqual({ ...good, age: 18 });
    expect(await users.getEntry("ada")).toMatchObject({ value: { ...good, age: 18 } });
    expect(await users.getMany(["ada", "none"])).toEqual([{ ...good, age: 18 }, undefined]);
    for await (const { value } of users.entries()) expect(value.age).toBe(18);
    expect(await users.take("ada")).toEqual({ ...good, age: 18 });
  });

  it("refuses what does not fit before anything is stored, and names the place", async () => {
    const { raw, users } = open();
    const calls = [
      users.put("ada", wrong as never),
      users.putIfAbsent("ada", wrong as never),
      users.putMany([
        { key: "bob", value: good },
        { key: "ada", value: wrong as never },
      ]),
      users.update("ada", () => wrong as never),
      users.increment("ada"),
    ];
    for (const [index, call] of calls.entries()) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(SchemaError);
      expect(error).toMatchObject({ code: "SCHEMA_MISMATCH", outcome: "not-applied", key: "ada", collection: "users" });
      if (index === 4) continue;
      expect(error).toMatchObject({
        path: ["tags", 1],
        message: "the value does not fit the collection's schema at tags[1]",
      });
      expect((error as SchemaError).issues.length).toBeGreaterThan(0);
    }
    expect(await raw.getMany(["ada", "bob"])).toEqual([undefined, undefined]);
  });

  it("refuses what is stored and does not fit, by every operation that reads, and destroys nothing", async () => {
    const { raw, users } = open();
    await raw.put("ada", wrong);
    await users.put("bob", good);
    const calls = [
      users.get("ada"),
      users.getEntry("ada"),
      users.take("ada"),
      users.update("ada", () => good),
      users.entries().next(),
    ];
    for (const call of calls)
      expect(await rejection(call)).toMatchObject({ code: "SCHEMA_MISMATCH", path: ["tags", 1], key: "ada" });
    const batch = await rejection(users.getMany(["bob", "ada"]));
    expect(batch).toBeInstanceOf(BatchError);
    expect(batch).toMatchObject({
      results: [{ name: "Ada" }, undefined],
      failures: [{ key: "ada", error: { path: ["tags", 1] } }],
    });
    expect(await users.has("ada")).toBe(true);
    expect(await raw.get("ada")).toEqual(wrong);
    await users.put("ada", good);
    expect(await users.get("ada")).toMatchObject(good);
  });

  it("gives an update what was read, and its caller what will be read", async () => {
    const { raw, users } = open();
    await users.put("ada", good);
    const result = await users.update("ada", (user) => ({ name: `${user?.name} ${user?.age}`, tags: [] }));
    expect(result).toEqual({ name: "Ada 18", tags: [], age: 18 });
    expect(await raw.get("ada")).toEqual({ name: "Ada 18", tags: [] });
  });
});

it("lets a transforming schema turn what is JSON into what is not", async () => {
  const plain = createStore(new CompleteDriver());
  const dates = plain.collection("dates", {
    schema: z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }),
  });
  await dates.put("a", { at: "2026-11-22T15:01:08Z" });
  expect((await dates.get("a"))?.at).toEqual(new Date("2026-11-22T15:01:08Z"));
  expect(await plain.collection("dates").get("a")).toEqual({ at: "2026-11-22T15:01:08Z" });
});

describe("asynchronous refinements", () => {
  const Even = z.number().refine(async (n) => {
    await Promise.resolve();
    return n % 2 === 0;
  });
  const open = () => {
    const plain = createStore(new CompleteDriver());
    return { raw: plain.collection("c"), even: plain.collection("c", { schema: Even }) };
  };

  it("are waited for, on the way in and out", async () => {
    const { raw, even } = open();
    await even.put("a", 2);
    expect(await even.get("a")).toBe(2);
    expect(await even.increment("a", 2)).toBe(4);
    expect(await even.update("a", (n) => (n ?? 0) + 2)).toBe(6);
    for (const call of [
      even.put("a", 3),
      even.increment("a", 1),
      even.update("a", () => 3),
      even.putIfAbsent("b", 3),
    ]) {
      expect(await rejection(call)).toMatchObject({ code: "SCHEMA_MISMATCH", path: [], outcome: "not-applied" });
    }
    await raw.put("odd", 3);
    for (const call of [
      even.get("odd"),
      even.take("odd"),
      even
        .entries()
        .next()
        .then(() => even.get("odd")),
    ]) {
      expect(await rejection(call)).toMatchObject({ code: "SCHEMA_MISMATCH", key: "odd" });
    }
    expect(await raw.getMany(["a", "b", "odd"])).toEqual([6, undefined, 3]);
  });

  it("of a batch name the key, and leave no rejection unhandled where another entry is no JSON at all", async () => {
    const { raw, even } = open();
    expect(
      await rejection(
        even.putMany([
          { key: "a", value: 2 },
          { key: "b", value: 3 },
        ]),
      ),
    ).toMatchObject({
      code: "SCHEMA_MISMATCH",
      key: "b",
      outcome: "not-applied",
    });
    // The runner fails on an unhandled rejection.
    const error = await rejection(
      even.putMany([
        { key: "a", value: 3 },
        { key: "b", value: Number.NaN },
      ]),
    );
    expect(error).toMatchObject({ code: "INVALID_VALUE", key: "b" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(await raw.getMany(["a", "b"])).toEqual([undefined, undefined]);
  });

  it("check what is stored: what the caller does to the value meanwhile changes nothing", async () => {
    class Serializing extends CompleteDriver {
      override readonly keepsReferences = false;
      override put(...[id, record]: Parameters<CompleteDriver["put"]>): void {
        super.put(id, structuredClone(record));
      }
    }
    const plain = createStore(new Serializing());
    const list = plain.collection("c", { schema: z.object({ n: Even }) });
    const value = { n: 2 };
    const put = list.put("a", value);
    value.n = 3;
    await put;
    expect(await plain.collection("c").get("a")).toEqual({ n: 2 });
  });
});

it("destroys no misfit by a native take, which is for collections without a schema", async () => {
  const plain = createStore(new TakingDriver());
  const texts = plain.collection("c", { schema: z.string() });
  await plain.collection("c").put("a", 1);
  expect(await rejection(texts.take("a"))).toMatchObject({ code: "SCHEMA_MISMATCH", key: "a" });
  expect(await plain.collection("c").take("a")).toBe(1);
});

it("takes a schema that is written by hand, paths with and without keys", async () => {
  const schema = {
    "~standard": {
      version: 1 as const,
      vendor: "test",
      validate: () => ({ issues: [{ message: "no", path: [{ key: "a" }, 0, "odd name"] }, { message: "no" }] }),
    },
  };
  const error = await rejection(createStore(new CompleteDriver()).collection("c", { schema }).put("k", 1));
  expect(error).toMatchObject({ path: ["a", 0, "odd name"], issues: [{ message: "no" }, { message: "no" }] });
  expect((error as KeyValueError).message).toBe('the value does not fit the collection\'s schema at a[0]["odd name"]');
});
