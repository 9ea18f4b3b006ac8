// One server shared with py-key-value-aio, live and both ways.

import { listed, pythonFor, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.ts";
import { clientOf } from "./helpers.ts";

const { server, skipped: noServer } = await serverFor(vitest, "redis", { own: true });
const { python, skipped: noPython } = await pythonFor();

/** Does the steps `[method, arguments, options]` on a store of Python's, and prints their answers. */
const SCRIPT = `
import asyncio, json, sys
from key_value.aio.stores.redis import RedisStore

async def main():
    given = json.load(sys.stdin)
    store = RedisStore(url=given["url"])
    answers = []
    for method, arguments, options in given["steps"]:
        answers.append(await getattr(store, method)(*arguments, **options))
    print(json.dumps(answers))
    await store.close()

asyncio.run(main())
`;

type Step = readonly [method: string, parameters: readonly unknown[], options?: object];

describe.skipIf(noServer ?? noPython)("a server shared with Python", () => {
  const client = clientOf(server);
  const store = redisStore({ url: server.url });
  const users = store.collection("users");

  async function inPython(...steps: Step[]): Promise<unknown[]> {
    const complete = steps.map(([method, parameters, options = {}]) => [method, parameters, options]);
    const answers = await python.run(SCRIPT, { url: server.url, steps: complete });
    if (!Array.isArray(answers)) throw new Error("the script prints an array");
    return answers;
  }

  beforeEach(async () => {
    await client.flushall();
  });
  afterAll(async () => {
    await store.close();
    client.disconnect();
  });

  const value = { name: "Ada", nested: [1, { a: [null, true, 0.5] }], text: 'é😀 \0 " \\ \u2028', n: 2 ** 53 };

  it("has our records for Python", async () => {
    await users.put("ada", value);
    await store.put("in the default collection", value);
    await users.put("list", [1, 2]);
    await users.put("brief", value, { ttl: "100s" });
    await users.putMany([
      { key: "m1", value: { n: 1 } },
      { key: "m2", value: { n: 2 }, ttl: 50 },
    ]);
    await users.increment("count", 3);
    const [ada, inDefault, list, brief, many, count, gone] = await inPython(
      ["get", ["ada"], { collection: "users" }],
      ["get", ["in the default collection"]],
      ["get", ["list"], { collection: "users" }],
      ["ttl", ["brief"], { collection: "users" }],
      ["ttl_many", [["m1", "m2", "m3"]], { collection: "users" }],
      ["get", ["count"], { collection: "users" }],
      ["get", ["never"], { collection: "users" }],
    );
    expect(ada).toEqual(value);
    expect(inDefault).toEqual(value);
    expect(list).toEqual({ items: [1, 2] });
    expect(brief).toEqual([value, expect.closeTo(100, -2)]);
    expect(many).toEqual([
      [{ n: 1 }, null],
      [{ n: 2 }, expect.closeTo(50, -2)],
      [null, null],
    ]);
    expect(count).toEqual({ items: 3 });
    expect(gone).toBeNull();
  });

  it("has Python's records for us", async () => {
    await inPython(
      ["put", ["ada", value], { collection: "users" }],
      ["put", ["in the default collection", value]],
      ["put", ["brief", value], { collection: "users", ttl: 100 }],
      [
        "put_many",
        [
          ["m1", "m2"],
          [{ n: 1 }, { n: 2 }],
        ],
        { collection: "users", ttl: 50 },
      ],
    );
    const before = Date.now();
    expect(await users.get("ada")).toEqual(value);
    expect(await store.get("in the default collection")).toEqual(value);
    const brief = await users.getEntry("brief");
    expect(brief?.value).toEqual(value);
    expect(brief?.ttl).toBeLessThanOrEqual(100);
    expect(brief?.expiresAt?.getTime()).toBeGreaterThan(before);
    expect(await users.getMany(["m2", "m1", "m3"])).toEqual([{ n: 2 }, { n: 1 }, undefined]);
    expect((await listed(users.keys())).sort()).toEqual(["ada", "brief", "m1", "m2"]);
    expect((await listed(store.collections())).sort()).toEqual(["default_collection", "users"]);
  });

  it("loses our fields and our time to live when Python overwrites", async () => {
    await users.put("a", [1], { ttl: "1h" });
    await users.put("b", [1]);
    const revision = (await users.getEntry("a"))?.revision;
    await inPython(
      ["put", ["a", { by: "python" }], { collection: "users" }],
      ["put", ["b", { by: "python" }], { collection: "users", ttl: 1000 }],
    );
    expect(JSON.parse((await client.get("users::a")) ?? "")).not.toHaveProperty("revision");
    const a = await users.getEntry("a");
    expect(a?.value).toEqual({ by: "python" });
    expect(a?.expiresAt).toBeUndefined();
    expect(await client.pttl("users::a")).toBe(-1);
    expect((await users.getEntry("b"))?.ttl).toBeGreaterThan(100);
    expect(revision && (await users.compareAndSwap("a", revision, "lost"))).toBeUndefined();
    expect(a && (await users.compareAndSwap("a", a.revision, { by: "ours" }))).toBeDefined();
    expect(await inPython(["get", ["a"], { collection: "users" }])).toEqual([{ by: "ours" }]);
  });

  it("loses Python's time to live when we overwrite", async () => {
    await inPython(
      ["put", ["a", { n: 1 }], { collection: "users", ttl: 1000 }],
      ["put", ["b", { n: 1 }], { collection: "users" }],
    );
    await users.put("a", { n: 2 });
    await users.put("b", { n: 2 }, { ttl: "1000s" });
    const answers = await inPython(["ttl_many", [["a", "b"]], { collection: "users" }]);
    expect(answers).toEqual([
      [
        [{ n: 2 }, null],
        [{ n: 2 }, expect.closeTo(1000, -3)],
      ],
    ]);
    expect(await client.pttl("users::a")).toBe(-1);
  });

  it("has each other's deletions", async () => {
    await users.putMany(["a", "b", "c"].map((key) => ({ key, value: { key } })));
    const answers = await inPython(
      ["delete", ["a"], { collection: "users" }],
      ["delete_many", [["b", "x"]], { collection: "users" }],
      [
        "put_many",
        [
          ["d", "e"],
          [{ n: 1 }, { n: 2 }],
        ],
        { collection: "users" },
      ],
    );
    expect(answers.slice(0, 2)).toEqual([true, 1]);
    expect(await users.getMany(["a", "b", "c"])).toEqual([undefined, undefined, { key: "c" }]);
    expect(await users.delete("d")).toBe(true);
    expect(await users.deleteMany(["c", "e", "x"])).toBe(2);
    expect(await inPython(["get_many", [["c", "d", "e"]], { collection: "users" }])).toEqual([[null, null, null]]);
  });

  it("expires for both what either of them gave less than a second", async () => {
    const before = Date.now();
    await users.put("ours", { n: 1 }, { ttl: "300ms" });
    for (let found: unknown; Date.now() < before + 300; ) {
      if (found !== undefined) expect(found).toEqual({ n: 1 });
      found = (await users.get("ours")) ?? "gone";
    }
    await inPython(["put", ["theirs", { n: 1 }], { collection: "users", ttl: 0.3 }]);
    const after = Date.now();
    while (Date.now() < after + 300) await users.get("theirs");
    expect(await users.getMany(["ours", "theirs"])).toEqual([undefined, undefined]);
    expect(await users.has("theirs")).toBe(false);
    expect(await users.putIfAbsent("theirs", 1)).toBeDefined();
  });

  it("keeps apart in ours the names that Python confuses", async () => {
    await store.collection("p").put("q::k", { by: "ours", at: "p" });
    await store.collection("p::q").put("k", { by: "ours", at: "p::q" });
    expect(await inPython(["get", ["q::k"], { collection: "p" }])).toEqual([{ by: "ours", at: "p" }]);
    await inPython(["put", ["k", { by: "python" }], { collection: "p::q" }]);
    expect(await store.collection("p::q").get("k")).toEqual({ by: "ours", at: "p::q" });
    // Python has overwritten the other one, which says so rather than being another record.
    await expect(store.collection("p").get("q::k")).rejects.toMatchObject({ code: "CORRUPT_RECORD" });
    expect(await listed(store.collection("p").keys())).toEqual([]);
  });
});
