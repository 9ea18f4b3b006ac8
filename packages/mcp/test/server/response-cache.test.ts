/** What is cached and what never is, by real clients of a real server. */
import { InvalidArgumentError, InvalidTtlError } from "@kv/core";
import { prefixCollections } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";
import { clockPast } from "@kv/test-servers";
import { McpServer } from "@modelcontextprotocol/server";
import { describe, expect, it } from "vitest";
import { responseCache } from "../../src/server/index.ts";
import { overOneConnection, serve, storeOf } from "../support/caching.ts";
import { callText, eras, serverOf, tokenOf } from "../support/server.ts";

describe.each(eras)("a %s client", (era) => {
  it("gets a read-only tool's answer again without a run", async () => {
    const { cache, runs, client } = serve();
    const one = await client({ era });
    const first = await one.callTool({ name: "look", arguments: { words: "kv" } });
    expect(await one.callTool({ name: "look", arguments: { words: "kv" } })).toEqual(first);
    expect(runs.get("look")).toBe(1);
    expect(cache.statistics()["tools/call"]).toEqual({ hits: 1, shared: 0, misses: 1, stored: 1, failures: 0 });
  });

  it("shares answers with other clients, whatever the order of the arguments' properties", async () => {
    const { runs, client } = serve();
    const [one, other] = [await client({ era }), await client({ era })];
    await callText(one, "look", { words: "kv", filter: { from: 1, to: 2 } });
    await callText(other, "look", { filter: { to: 2, from: 1 }, words: "kv" });
    expect(runs.get("look")).toBe(1);
    await callText(other, "look", { filter: { to: 1, from: 2 }, words: "kv" });
    expect(runs.get("look")).toBe(2);
  });

  it("gets resources, prompts and lists again without a run", async () => {
    const { cache, runs, client } = serve();
    const one = await client({ era });
    for (let time = 0; time < 2; time++) {
      await one.listTools();
      await one.listPrompts();
      await one.listResources();
      await one.listResourceTemplates();
      await one.readResource({ uri: "page:///one" });
      await one.getPrompt({ name: "explain", arguments: { topic: "kv" } });
    }
    expect([runs.get("resources/list"), runs.get("page:///one"), runs.get("explain")]).toEqual([1, 1, 1]);
    const statistics = cache.statistics();
    for (const method of [
      "tools/list",
      "prompts/list",
      "resources/list",
      "resources/templates/list",
      "resources/read",
      "prompts/get",
    ] as const) {
      expect([method, statistics[method].hits, statistics[method].misses]).toEqual([method, 1, 1]);
    }
  });

  it("gets structured content as it was", async () => {
    const { runs, client } = serve();
    const one = await client({ era });
    const first = await one.callTool({ name: "numbers" });
    expect(await one.callTool({ name: "numbers" })).toEqual(first);
    expect(runs.get("numbers")).toBe(1);
  });

  it("gets errors that are never kept", async () => {
    const { cache, client } = serve();
    const one = await client({ era });
    expect(await callText(one, "fail")).toBe("failed 1");
    expect(await callText(one, "fail")).toBe("failed 2");
    expect(await callText(one, "return-error")).toBe("refused 1");
    expect(await callText(one, "return-error")).toBe("refused 2");
    await expect(one.readResource({ uri: "nowhere:///" })).rejects.toThrow();
    await expect(one.readResource({ uri: "nowhere:///" })).rejects.toThrow();
    expect(cache.statistics()["tools/call"].stored).toBe(0);
    expect(cache.statistics()["resources/read"].stored).toBe(0);
  });
});

it("keeps answers of the protocol's two generations apart", async () => {
  const { client } = serve();
  const answers = [];
  for (const era of eras) answers.push(await (await client({ era })).callTool({ name: "numbers" }));
  // A legacy client can only take an object.
  expect(answers.map(({ structuredContent }) => structuredContent)).toEqual([{ result: [1, 2, 1] }, [1, 2, 2]]);
});

describe("tools", () => {
  it("run each time where they are not marked as read-only, or look at the open world", async () => {
    const { cache, runs, client } = serve();
    const one = await client();
    for (let time = 0; time < 2; time++) {
      await callText(one, "write", { words: "kv" });
      await callText(one, "browse");
    }
    expect([runs.get("write"), runs.get("browse")]).toEqual([2, 2]);
    expect(cache.statistics()["tools/call"]).toEqual({ hits: 0, shared: 0, misses: 0, stored: 0, failures: 0 });
  });

  it("are cached or not by name where the options say so", async () => {
    const { runs, client } = serve({ tools: { include: ["browse", "look", "huge"], exclude: ["look"] } });
    const one = await client();
    for (let time = 0; time < 2; time++) {
      await callText(one, "browse");
      await callText(one, "look", { words: "kv" });
      await one.callTool({ name: "numbers" });
      await callText(one, "huge");
    }
    expect([runs.get("browse"), runs.get("look"), runs.get("numbers"), runs.get("huge")]).toEqual([1, 2, 2, 1]);
  });

  it("with answers over the size limit run each time", async () => {
    const { cache, runs, client } = serve({ maxBytes: 4000 });
    const one = await client();
    await callText(one, "huge");
    await callText(one, "huge");
    await callText(one, "look", { words: "kv" });
    expect(runs.get("huge")).toBe(2);
    expect(cache.statistics()["tools/call"]).toEqual({ hits: 0, shared: 0, misses: 3, stored: 1, failures: 0 });
  });

  it("answer themselves once they changed while connected", async () => {
    const { cache } = serve();
    const { factory } = serverOf({ cache });
    const { connected, client } = await overOneConnection(factory);
    const before = await client.listTools();
    connected.registerTool("new", {}, () => ({ content: [] }));
    const after = await client.listTools();
    expect(after.tools.length).toBe(before.tools.length + 1);
  });
});

describe("callers", () => {
  it("of two names never see each other's answers", async () => {
    const { runs, client } = serve();
    const [ada, bob] = [await client({ authInfo: tokenOf("ada") }), await client({ authInfo: tokenOf("bob") })];
    expect(await callText(ada, "look", { words: "kv" })).toContain("for ada");
    expect(await callText(bob, "look", { words: "kv" })).toContain("for bob");
    expect(await callText(ada, "look", { words: "kv" })).toContain("for ada");
    expect(runs.get("look")).toBe(2);
    await ada.listResources();
    await bob.listResources();
    expect(runs.get("resources/list")).toBe(2);
  });

  it("keep their answers when their token is refreshed", async () => {
    const { runs, client } = serve();
    await callText(await client({ authInfo: tokenOf("ada", ["read"], "old") }), "look", { words: "kv" });
    await callText(await client({ authInfo: tokenOf("ada", ["read"], "new") }), "look", { words: "kv" });
    expect(runs.get("look")).toBe(1);
  });

  it("are told apart by token where the verifier names no user, never by client", async () => {
    const { runs, client } = serve();
    for (const token of ["one", "other", "one"]) {
      const authInfo = { token, clientId: "one client product", scopes: [] };
      await callText(await client({ authInfo }), "look", { words: "kv" });
    }
    expect(runs.get("look")).toBe(2);
  });

  it("with fewer scopes have answers of their own", async () => {
    const { runs, client } = serve();
    await callText(await client({ authInfo: tokenOf("ada", ["read", "admin"]) }), "look", { words: "kv" });
    await callText(await client({ authInfo: tokenOf("ada", ["read"]) }), "look", { words: "kv" });
    expect(runs.get("look")).toBe(2);
    await callText(await client({ authInfo: tokenOf("ada", ["admin", "read", "read"]) }), "look", { words: "kv" });
    expect(runs.get("look")).toBe(2);
  });

  it("of other issuers or for other resources have answers of their own", async () => {
    const { runs, client } = serve();
    const ada = tokenOf("ada");
    await callText(await client({ authInfo: ada }), "look", { words: "kv" });
    await callText(await client({ authInfo: { ...ada, extra: { ...ada.extra, iss: "https://other" } } }), "look", {
      words: "kv",
    });
    await callText(await client({ authInfo: { ...ada, resource: new URL("https://other.example/") } }), "look", {
      words: "kv",
    });
    expect(runs.get("look")).toBe(3);
  });

  it("without a name do not share with those who have one", async () => {
    const { runs, client } = serve();
    await callText(await client({ authInfo: tokenOf("ada") }), "look", { words: "kv" });
    expect(await callText(await client(), "look", { words: "kv" })).toContain("for anyone");
    expect(runs.get("look")).toBe(2);
  });

  it.each(["authorization", "cookie"])("whose %s nobody verified are never answered from the cache", async (header) => {
    const { cache, runs, client } = serve();
    const one = await client({ headers: { [header]: "secret" } });
    await callText(one, "look", { words: "kv" });
    await callText(one, "look", { words: "kv" });
    expect(runs.get("look")).toBe(2);
    expect(cache.statistics()["tools/call"].stored).toBe(0);
  });

  it("are whom the option says", async () => {
    const { runs, client } = serve({
      principal: ({ http }) => http?.req?.headers.get("x-user") ?? undefined,
    });
    const of = async (user?: string) =>
      callText(await client(user ? { headers: { "x-user": user } } : {}), "look", { words: "kv" });
    for (const user of ["ada", "ada", "bob"]) await of(user);
    expect(runs.get("look")).toBe(2);
    await of();
    await of();
    expect(runs.get("look")).toBe(4);
  });
});

describe("an answer", () => {
  it("expires", async () => {
    const { runs, client } = serve({ ttl: { "tools/call": "300ms" } });
    const one = await client();
    await callText(one, "look", { words: "kv" });
    await clockPast(Date.now() + 300);
    await callText(one, "look", { words: "kv" });
    expect(runs.get("look")).toBe(2);
  });

  it("lives no longer than its own ttlMs, of which less and less remains", async () => {
    const run = serve().cache.middleware();
    let runs = 0;
    const read = (uri: string, ttlMs: number) =>
      run("resources/read", { uri }, {}, () => ({ contents: [], run: ++runs, ttlMs }));
    await read("long", 60_000);
    await read("short", 200);
    await read("never", 0);
    expect(await read("never", 0)).toMatchObject({ run: 4 });
    await clockPast(Date.now() + 200);
    expect(await read("short", 200)).toMatchObject({ run: 5 });
    const { ttlMs, ...kept } = await read("long", 60_000);
    expect(kept).toEqual({ contents: [], run: 1 });
    expect(ttlMs).toBeLessThanOrEqual(60_000 - 200);
    expect(ttlMs).toBeGreaterThan(0);
  });

  it("is none of another revision, version or name of the server", async () => {
    const store = storeOf();
    let revision = "a";
    const servers = [
      serve({ store, revision: () => revision }),
      serve({ store, revision: () => revision, server: { name: "tested", version: "2.0.0" } }),
      serve({ store, revision: () => revision, server: { name: "other", version: "1.0.0" } }),
      serve({ store, revision: () => revision, server: { name: "a@1", version: "1" } }),
      serve({ store, revision: () => revision, server: { name: "a", version: "1@1" } }),
    ];
    const [once, twice] = [servers.map(() => 1), servers.map(() => 2)];
    const look = async () => {
      for (const { client } of servers) await callText(await client(), "look", { words: "kv" });
      return servers.map(({ runs }) => runs.get("look"));
    };
    expect(await look()).toEqual(once);
    expect(await look()).toEqual(once);
    revision = "b";
    expect(await look()).toEqual(twice);
    revision = "a";
    expect(await look()).toEqual(twice);
  });

  it("is shared by servers on one store, and not across prefixes", async () => {
    const store = storeOf();
    const servers = [store, store, store.with(prefixCollections("mine"))].map((one) => serve({ store: one }));
    for (const { client } of servers) await callText(await client(), "look", { words: "kv" });
    expect(servers.map(({ runs }) => runs.get("look"))).toEqual([1, undefined, 1]);
  });

  it("is switched off for one method", async () => {
    const { runs, client } = serve({ ttl: { "resources/list": false } });
    const one = await client();
    await one.listResources();
    await one.listResources();
    expect(runs.get("resources/list")).toBe(2);
  });

  it("is a copy for each", async () => {
    const { cache } = serve();
    const next = () => ({ content: [{ text: "kept" }] });
    const ask = () => cache.middleware()("resources/read", { uri: "page:///" }, {}, next);
    const first = await ask();
    first.content[0] = { text: "changed" };
    const [second, third] = await Promise.all([ask(), ask()]);
    second.content[0] = { text: "changed" };
    expect(third).toEqual(next());
    expect(await ask()).toEqual(next());
  });
});

describe("equal requests at one time", () => {
  it("run the tool once", async () => {
    let open: (text: string) => void = () => {};
    const answer = new Promise<string>((resolve) => {
      open = resolve;
    });
    const { cache, runs, client } = serve({ look: () => answer });
    const one = await client();
    const calls = Array.from({ length: 64 }, () => callText(one, "look", { words: "kv" }));
    while (cache.statistics()["tools/call"].misses === 0) await new Promise(setImmediate);
    open("found");
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["found, run 1 for anyone"]));
    expect(runs.get("look")).toBe(1);
    const { hits, shared, misses } = cache.statistics()["tools/call"];
    expect([hits + shared, misses]).toEqual([63, 1]);
  });

  it("share what is found in the store, too", async () => {
    const run = serve().cache.middleware();
    let runs = 0;
    const ask = () => run("prompts/get", { name: "explain" }, {}, () => ({ messages: [], run: ++runs }));
    await ask();
    expect(await Promise.all(Array.from({ length: 64 }, ask))).toEqual(Array(64).fill({ messages: [], run: 1 }));
  });

  it("each run where the answer is an error", async () => {
    const { client } = serve();
    const one = await client();
    const texts = await Promise.all(Array.from({ length: 8 }, () => callText(one, "fail")));
    expect(texts.sort()).toEqual(Array.from({ length: 8 }, (_, index) => `failed ${index + 1}`));
  });

  it("of two callers run for each", async () => {
    const { runs, client } = serve();
    const clients = [await client({ authInfo: tokenOf("ada") }), await client({ authInfo: tokenOf("bob") })];
    const texts = await Promise.all(clients.map((one) => callText(one, "look", { words: "kv" })));
    expect(runs.get("look")).toBe(2);
    expect(texts[0]).toContain("for ada");
    expect(texts[1]).toContain("for bob");
  });
});

describe("a request that continues another", () => {
  const next = (answer: object) => () => answer;
  const ask = (context: object, params: object, answer: object) => {
    const { cache } = serve();
    const run = cache.middleware();
    return async () => {
      await run("prompts/get", { name: "explain", ...params }, context, next(answer));
      await run("prompts/get", { name: "explain", ...params }, context, next(answer));
      return cache.statistics()["prompts/get"];
    };
  };

  it.each([
    ["input responses", { mcpReq: { inputResponses: {} } }, {}],
    ["a request state", { mcpReq: { requestState: () => "state" } }, {}],
    ["input responses among its parameters", {}, { inputResponses: {} }],
    ["a task", {}, { task: { ttl: 1 } }],
  ])("by %s is left alone", async (_what, context, params) => {
    expect(await ask(context, params, { messages: [] })()).toMatchObject({ hits: 0, misses: 0, stored: 0 });
  });

  it("by an answer that asks for input is not kept", async () => {
    const answer = { resultType: "input_required", inputRequests: {} };
    expect(await ask({}, {}, answer)()).toMatchObject({ hits: 0, misses: 2, stored: 0 });
  });
});

it("counts a cursor, and not the metadata of a request", async () => {
  const { cache } = serve();
  const run = cache.middleware();
  let runs = 0;
  const list = (params: object) => run("tools/list", params, {}, () => ({ tools: [], run: ++runs }));
  await list({ _meta: { progressToken: 1 } });
  expect(await list({ _meta: { progressToken: 2 } })).toMatchObject({ run: 1 });
  expect(await list({ cursor: "2" })).toMatchObject({ run: 2 });
  expect(await list({})).toMatchObject({ run: 1 });
});

it("wraps single handlers, and leaves other methods alone", async () => {
  const { cache } = serve({ tools: { include: ["look"] } });
  let runs = 0;
  const call = cache.wrap("tools/call", (_request: { params: { name: string } }, _context: object) => ({
    run: ++runs,
  }));
  for (const name of ["look", "look", "write", "write"]) await call({ params: { name } }, {});
  expect(runs).toBe(3);
  const run = cache.middleware();
  await run("completion/complete", {}, {}, () => ({ run: ++runs }));
  await run("completion/complete", {}, {}, () => ({ run: ++runs }));
  expect(runs).toBe(5);
});

describe("with keys", () => {
  it("nothing that is planted or moved is given, nor can be read", async () => {
    const store = storeOf();
    const errors: unknown[] = [];
    const keys = [{ id: "1", key: Buffer.alloc(32, 1) }];
    const { cache, runs, client } = serve({ store, keys, onError: (error) => errors.push(error) });
    const one = await client({ authInfo: tokenOf("ada") });
    for (const words of ["first", "second"]) await callText(one, "look", { words });
    const records = store.collection("mcp-responses/tested@1.0.0");
    const answers: string[] = [];
    let dump = "";
    for await (const { key, value } of records.entries()) {
      dump += JSON.stringify([key, value]);
      if (key.startsWith("tools/call")) answers.push(key);
    }
    expect(dump).not.toMatch(/first|second|ada|found/);
    const [moved = "", planted = ""] = answers;
    await records.put(planted, { result: { content: [] }, stamp: ["", 0] });
    await records.put(moved, (await records.get("invalidations")) ?? null);
    for (const words of ["first", "second"]) expect(await callText(one, "look", { words })).toContain(`found ${words}`);
    expect(runs.get("look")).toBe(4);
    expect(errors).toMatchObject([{ code: "DECRYPTION_FAILED" }, { code: "DECRYPTION_FAILED" }]);
    // They are replaced, and so is the record of invalidations, which takes all answers with it.
    await callText(one, "look", { words: "first" });
    expect(cache.statistics()["tools/call"]).toMatchObject({ hits: 1, misses: 4, failures: 2 });
    await records.put("invalidations", { epoch: "planted", count: 0, floor: 0, tags: [] });
    await callText(one, "look", { words: "first" });
    await callText(one, "look", { words: "first" });
    expect(runs.get("look")).toBe(5);
  });
});

describe("what fails", () => {
  it("in the store is counted and told, and costs nothing but the hit", async () => {
    const store = memoryStore();
    await store.close();
    const errors: unknown[] = [];
    const { cache, runs, client } = serve({ store, onError: (error) => errors.push(error) });
    const one = await client();
    await callText(one, "look", { words: "kv" });
    expect(await callText(one, "look", { words: "kv" })).toContain("run 2");
    expect(runs.get("look")).toBe(2);
    expect(cache.statistics()["tools/call"]).toMatchObject({ hits: 0, misses: 2, stored: 0, failures: 2 });
    expect(errors).toHaveLength(2);
  });

  it("in the hook that is told is nobody else's affair", async () => {
    const store = memoryStore();
    await store.close();
    const { cache, client } = serve({
      store,
      onError: () => {
        throw new Error("in the hook");
      },
    });
    expect(await callText(await client(), "look", { words: "kv" })).toContain("run 1");
    expect(cache.statistics()["tools/call"]).toMatchObject({ misses: 1, failures: 1 });
  });

  it("in revision or principal leaves the request uncached", async () => {
    const throws = () => {
      throw new Error("unknown");
    };
    for (const option of [{ revision: throws }, { principal: throws }]) {
      const { cache, runs, client } = serve(option);
      const one = await client();
      await callText(one, "look", { words: "kv" });
      await callText(one, "look", { words: "kv" });
      expect(runs.get("look")).toBe(2);
      expect(cache.statistics()["tools/call"]).toMatchObject({ misses: 0, failures: 2 });
    }
  });

  it("is told at once where an option is wrong", () => {
    const [store, server] = [storeOf(), { name: "tested", version: "1" }];
    expect(() => responseCache({ store, server, ttl: { "tools/call": 0 } })).toThrow(InvalidTtlError);
    expect(() => responseCache({ store, server, maxBytes: -1 })).toThrow(InvalidArgumentError);
    expect(() => responseCache({ store, server, timeout: "soon" })).toThrow(InvalidArgumentError);
    // @ts-expect-error completions are never cached
    expect(() => responseCache({ store, server, ttl: { "completion/complete": "1m" } })).toThrow(InvalidArgumentError);
    // @ts-expect-error the server's name is needed
    expect(() => responseCache({ store })).toThrow(InvalidArgumentError);
  });

  it("is told at once where it is installed too late", () => {
    const { cache } = serve();
    const late = new McpServer({ name: "tested", version: "1.0.0" });
    late.registerTool("early", {}, () => ({ content: [] }));
    expect(() => cache.install(late)).toThrow(/right after/);
  });
});
