/** What single tools, resources and prompts may be told: whether, for how long, for whom; and what a hit tells clients. */
import { InvalidArgumentError, InvalidTtlError, UnsupportedOperationError } from "@kv/core";
import { memoryStore } from "@kv/memory";
import { describe, expect, it } from "vitest";
import { responseCache } from "../../src/server/index.ts";
import { serve, storeOf } from "../support/caching.ts";
import { callText, tokenOf } from "../support/server.ts";

const modern = { mcpReq: { envelope: {} } };

/** How often each of these ran in two rounds. */
async function rounds(
  options: Parameters<typeof serve>[0],
  method: "tools/call" | "resources/read" | "prompts/get",
  names: readonly string[],
) {
  const run = serve(options).cache.middleware();
  const runs = new Map<string, number>();
  for (const name of [...names, ...names]) {
    await run(method, method === "resources/read" ? { uri: name } : { name }, {}, () => {
      runs.set(name, (runs.get(name) ?? 0) + 1);
      return { contents: [], messages: [], content: [] };
    });
  }
  return names.map((name) => runs.get(name));
}

describe("which are cached", () => {
  const uris = ["page:///a", "page:///b", "file:///c"];

  it("all resources and prompts, without lists", async () => {
    expect(await rounds({}, "resources/read", uris)).toEqual([1, 1, 1]);
    expect(await rounds({}, "prompts/get", ["a", "b"])).toEqual([1, 1]);
  });

  it("those included, of resources also all that begin alike", async () => {
    expect(await rounds({ resources: { include: ["page:*"] } }, "resources/read", uris)).toEqual([1, 1, 2]);
    expect(await rounds({ resources: { include: ["PAGE:///a"] } }, "resources/read", uris)).toEqual([1, 2, 2]);
    expect(await rounds({ prompts: { include: ["a"] } }, "prompts/get", ["a", "b"])).toEqual([1, 2]);
    expect(await rounds({ prompts: { include: ["a*"] } }, "prompts/get", ["a*", "ab"])).toEqual([1, 2]);
    expect(await rounds({ tools: { include: ["a"] } }, "tools/call", ["a", "b"])).toEqual([1, 2]);
  });

  it("none, where the list is empty", async () => {
    expect(await rounds({ resources: { include: [] } }, "resources/read", uris)).toEqual([2, 2, 2]);
    expect(await rounds({ prompts: { include: [] } }, "prompts/get", ["a"])).toEqual([2]);
    const { runs, client } = serve({ tools: { include: [] } });
    const one = await client();
    for (let time = 0; time < 2; time++) await callText(one, "look", { words: "kv" });
    expect(runs.get("look")).toBe(2);
  });

  it("none that are excluded, however they are spelled", async () => {
    const resources = { include: ["page:*"], exclude: ["page:///a"], items: { "page:///a": { ttl: 5 } } };
    expect(await rounds({ resources }, "resources/read", [...uris, "PAGE:///a"])).toEqual([2, 1, 2, 2]);
    expect(await rounds({ prompts: { exclude: ["b"] } }, "prompts/get", ["a", "b"])).toEqual([1, 2]);
  });

  it("those with options of their own, unless these say no", async () => {
    const items = { a: {}, b: { ttl: false }, toString: {} } as const;
    expect(await rounds({ tools: { items } }, "tools/call", ["a", "b", "c", "toString"])).toEqual([1, 2, 2, 1]);
    const resources = { items: { "page:*": { ttl: false }, "page:///a": { ttl: "1m" } } } as const;
    expect(await rounds({ resources }, "resources/read", uris)).toEqual([1, 2, 1]);
    const off = { ttl: { "prompts/get": false }, prompts: { items: { a: { ttl: "1m" } } } } as const;
    expect(await rounds(off, "prompts/get", ["a", "b"])).toEqual([1, 2]);
  });
});

describe("for how long", () => {
  it("as the item says, else as the method does", async () => {
    const store = storeOf();
    const { cache } = serve({
      store,
      ttl: { "resources/read": "1m" },
      resources: { items: { "page:///long": { ttl: "1d" } } },
    });
    const run = cache.middleware();
    for (const uri of ["page:///long", "page:///other"]) {
      await run("resources/read", { uri }, {}, () => ({ contents: [], uri }));
    }
    const ttls: Record<string, number> = {};
    for await (const { value, ttl } of store.collection("mcp-responses/tested@1.0.0").entries()) {
      const { result } = value as { result?: { uri: string } };
      if (result) ttls[result.uri] = ttl ?? 0;
    }
    expect(ttls["page:///other"]).toBeLessThanOrEqual(60);
    expect(ttls["page:///long"]).toBeGreaterThan(80_000);
  });

  it("no longer than the resource's cacheHint says", async () => {
    const hint = Symbol("the SDK's own");
    const run = serve().cache.middleware();
    let runs = 0;
    const read = (ttlMs: number) =>
      run("resources/read", { uri: `page:///${ttlMs}` }, modern, () => ({
        contents: [],
        run: ++runs,
        [hint]: { ttlMs },
      }));
    await read(0);
    expect(await read(0)).toMatchObject({ run: 2 });
    await read(60_000);
    const { ttlMs } = (await read(60_000)) as unknown as { ttlMs: number };
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(60_000);
  });
});

describe("what is shared", () => {
  const options = {
    shared: ["resources/list"],
    tools: { items: { look: { shared: true } } },
    resources: { items: { "page:///public*": { shared: true } } },
  } as const;

  it("is the same for all callers, whoever they are", async () => {
    const { runs, client } = serve(options);
    const callers = [
      { authInfo: tokenOf("ada") },
      { authInfo: tokenOf("bob", ["other"]) },
      {},
      { headers: { authorization: "unverified" } },
    ];
    for (const caller of callers) {
      const one = await client(caller);
      expect(await callText(one, "look", { words: "kv" })).toContain("for ada");
      await one.listResources();
      await one.readResource({ uri: "page:///public" });
      await one.readResource({ uri: "page:///private" });
    }
    expect(["look", "resources/list", "page:///public", "page:///private"].map((name) => runs.get(name))).toEqual([
      1, 1, 1, 4,
    ]);
  });

  it("says so on a hit, with the time that remains", async () => {
    const run = serve(options).cache.middleware();
    const read = (uri: string, context: object) =>
      run<{ contents: []; ttlMs?: number; cacheScope?: string }>("resources/read", { uri }, context, () => ({
        contents: [],
      }));
    for (const uri of ["page:///public", "page:///private"]) {
      for (const context of [modern, {}]) expect(await read(uri, context)).toEqual({ contents: [] });
      expect(await read(uri, {})).toEqual({ contents: [] });
      const hit = await read(uri, modern);
      expect(hit.cacheScope).toBe(uri.endsWith("public") ? "public" : "private");
      expect(hit.ttlMs).toBeGreaterThan(3_500_000);
      expect(hit.ttlMs).toBeLessThanOrEqual(3_600_000);
    }
  });
});

describe("what a hit tells clients", () => {
  it("spares them the next request, unless it is not announced", async () => {
    for (const [announceTtl, hits] of [
      [true, 1],
      [false, 2],
    ] as const) {
      const { cache, client } = serve({ announceTtl });
      const one = await client();
      for (let time = 0; time < 3; time++) await one.readResource({ uri: "page:///one" });
      expect(cache.statistics()["resources/read"]).toMatchObject({ hits, misses: 1 });
    }
  });

  it("nothing of tools and prompts, whose results have no such fields", async () => {
    const run = serve({ tools: { include: ["a"] } }).cache.middleware();
    const call = () => run("tools/call", { name: "a" }, modern, () => ({ content: [] }));
    await call();
    expect(await call()).toEqual({ content: [] });
  });

  it("never more than the answer itself allows", async () => {
    const run = serve().cache.middleware();
    const own = { contents: [], ttlMs: 1000, cacheScope: "public" };
    const read = () => run("resources/read", { uri: "page:///one" }, modern, () => own);
    await read();
    const { ttlMs, ...rest } = await read();
    expect(rest).toEqual({ contents: [], cacheScope: "public" });
    expect(ttlMs).toBeLessThanOrEqual(1000);
  });
});

describe("a wrong option", () => {
  it.each([
    [{ shared: ["tools/call"] }, InvalidArgumentError],
    [{ shared: ["completion/complete"] }, InvalidArgumentError],
    [{ tools: { items: { a: { ttl: -1 } } } }, InvalidTtlError],
    [{ tools: { items: { a: { shared: "yes" } } } }, InvalidArgumentError],
    [{ prompts: { include: [1] } }, InvalidArgumentError],
    [{ announceTtl: "yes" }, InvalidArgumentError],
    [{ lease: -1 }, InvalidArgumentError],
    [{ keys: [] }, InvalidArgumentError],
  ])("%o is told at once", (option, error) => {
    const options = { store: storeOf(), server: { name: "tested", version: "1" }, ...option };
    expect(() => Reflect.apply(responseCache, undefined, [options])).toThrow(error);
  });

  it("a lease on a store that evicts is told at once", () => {
    const store = memoryStore({ maxEntries: 10 });
    const options = { store, server: { name: "tested", version: "1" }, lease: "10s" };
    // @ts-expect-error it is not durable
    expect(() => responseCache(options)).toThrow(UnsupportedOperationError);
  });
});
