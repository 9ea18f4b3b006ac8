// One server shared with py-key-value-aio's ValkeyStore, live and both ways.

import { listed, pythonFor, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { valkeyStore } from "../src/index.ts";
import { Asker } from "./helpers.ts";

const { server, skipped: noServer } = await serverFor(vitest, "valkey", { own: true });
const { python, skipped: noPython } = await pythonFor();
const skipped = noServer ?? noPython;

/** Does the steps `[method, arguments, options]` on a store of Python's, and prints their answers, or the error. */
const SCRIPT = `
import asyncio, json, sys
from key_value.aio.stores.valkey import ValkeyStore

async def main():
    given = json.load(sys.stdin)
    store = ValkeyStore(host="127.0.0.1", port=given["port"])
    answers = []
    for method, arguments, options in given["steps"]:
        try:
            answers.append(await getattr(store, method)(*arguments, **options))
        except Exception as error:
            answers.append({"error": type(error).__name__})
    print(json.dumps(answers))
    await store.close()

asyncio.run(main())
`;

type Step = readonly [method: string, parameters: readonly unknown[], options?: object];

describe.skipIf(skipped)("a server shared with Python", () => {
  const asker = new Asker(() => server);
  const store = valkeyStore(skipped ? {} : { url: server.url });
  const users = store.collection("users");
  const inUsers = { collection: "users" };
  const value = { name: "Ada", nested: [1, { a: [null, true, 0.5] }], text: 'é😀 \0 " \\ \u2028', n: 2 ** 53 };

  async function inPython(...steps: Step[]): Promise<unknown[]> {
    const complete = steps.map(([method, parameters, options = {}]) => [method, parameters, options]);
    const answers = await python.run(SCRIPT, { port: server.port, steps: complete });
    if (!Array.isArray(answers)) throw new Error("the script prints an array");
    return answers;
  }

  beforeEach(async () => {
    await asker.ask("FLUSHALL");
  });
  afterAll(async () => {
    await store.close();
    await asker.close();
  });

  it("has our records for Python", async () => {
    await users.put("ada", value);
    await store.put("in the default collection", value);
    await users.put("list", [1, 2]);
    await users.put("brief", value, { ttl: "100s" });
    await users.increment("count", 3);
    await users.increment("count", 3);
    const answers = await inPython(
      ["get", ["ada"], inUsers],
      ["get", ["in the default collection"]],
      ["get", ["list"], inUsers],
      ["ttl", ["brief"], inUsers],
      ["get_many", [["count", "never"]], inUsers],
    );
    expect(answers).toEqual([value, value, { items: [1, 2] }, [value, expect.closeTo(100, -2)], [{ items: 6 }, null]]);
  });

  it("has Python's records for us", async () => {
    await inPython(
      ["put", ["ada", value], inUsers],
      ["put", ["in the default collection", value]],
      ["put", ["brief", value], { ...inUsers, ttl: 100 }],
      [
        "put_many",
        [
          ["m1", "m2"],
          [{ n: 1 }, { n: 2 }],
        ],
        { ...inUsers, ttl: 50 },
      ],
    );
    expect(await users.get("ada")).toEqual(value);
    expect(await store.get("in the default collection")).toEqual(value);
    const brief = await users.getEntry("brief");
    expect(brief?.value).toEqual(value);
    expect(brief?.ttl).toBeLessThanOrEqual(100);
    expect(await users.getMany(["m2", "m1", "m3"])).toEqual([{ n: 2 }, { n: 1 }, undefined]);
    expect((await listed(users.keys())).sort()).toEqual(["ada", "brief", "m1", "m2"]);
    expect(await users.update("ada", (current) => ({ ...Object(current), name: "Grace" }))).toMatchObject({
      name: "Grace",
    });
    expect(await inPython(["get", ["ada"], inUsers])).toEqual([{ ...value, name: "Grace" }]);
  });

  it("loses our fields and our time to live when Python overwrites, and Python's when we do", async () => {
    const revision = await users.putIfAbsent("a", [1], { ttl: "1h" });
    await inPython(["put", ["a", { by: "python" }], inUsers], ["put", ["b", { n: 1 }], { ...inUsers, ttl: 1000 }]);
    const a = await users.getEntry("a");
    expect(a?.value).toEqual({ by: "python" });
    expect(await asker.number("PTTL", "users::a")).toBe(-1);
    expect(revision && (await users.compareAndSwap("a", revision, "lost"))).toBeUndefined();
    expect(revision && (await users.compareAndDelete("a", revision))).toBe(false);
    expect(a && (await users.compareAndSwap("a", a.revision, { by: "ours" }))).toBeDefined();
    await users.put("b", { n: 2 });
    expect(await asker.number("PTTL", "users::b")).toBe(-1);
    expect(await inPython(["get_many", [["a", "b"]], inUsers])).toEqual([[{ by: "ours" }, { n: 2 }]]);
  });

  it("has each other's deletions", async () => {
    await users.putMany(["a", "b", "c"].map((key) => ({ key, value: { key } })));
    const answers = await inPython(
      ["delete", ["a"], inUsers],
      ["delete_many", [["b", "x"]], inUsers],
      [
        "put_many",
        [
          ["d", "e"],
          [{ n: 1 }, { n: 2 }],
        ],
        inUsers,
      ],
    );
    expect(answers.slice(0, 2)).toEqual([true, 1]);
    expect(await users.getMany(["a", "b", "c"])).toEqual([undefined, undefined, { key: "c" }]);
    expect(await users.delete("d")).toBe(true);
    expect(await users.deleteMany(["c", "e", "x"])).toBe(2);
    expect(await inPython(["get_many", [["c", "d", "e"]], inUsers])).toEqual([[null, null, null]]);
  });

  it("has from Python no record that lives for less than two seconds: its store asks the server for none at all", async () => {
    const [brief, longer] = await inPython(
      ["put", ["brief", { n: 1 }], { ...inUsers, ttl: 0.9 }],
      ["put", ["longer", { n: 1 }], { ...inUsers, ttl: 100 }],
    );
    expect(brief).toHaveProperty("error");
    expect(longer).toBeNull();
    expect(await asker.number("TTL", "users::longer")).toBeLessThan(100);
    expect(await users.getMany(["brief", "longer"])).toEqual([undefined, { n: 1 }]);
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
