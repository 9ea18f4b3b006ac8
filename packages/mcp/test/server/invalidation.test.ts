/** What was invalidated is never given again: not here, not on another node, not where the two overlap. */
import { InvalidArgumentError, StoreUnavailableError } from "@kv/core";
import { around, defineLayer } from "@kv/core/driver";
import { describe, expect, it } from "vitest";
import { type Invalidation, responseCache } from "../../src/server/index.ts";
import { backends, twoStores } from "../support/backends.ts";
import { overOneConnection, serve, storeOf } from "../support/caching.ts";
import { callText, tokenOf } from "../support/server.ts";

async function nodesOn(backend: string) {
  const [one, other] = await twoStores(backend);
  return { here: serve({ store: one }), there: serve({ store: other }) };
}

describe.each(backends)("on %s", (backend) => {
  it.each<[Invalidation, string[]]>([
    [{ tool: "look" }, ["look"]],
    [{ tool: "other" }, []],
    [{ resource: "page:///one" }, ["page:///one"]],
    [{ resource: "PAGE:///one" }, ["page:///one"]],
    [{ resource: "look" }, []],
    [{ prefix: "page:///" }, ["page:///one"]],
    [{ prefix: "page:///t" }, []],
    [{ prompt: "explain" }, ["explain"]],
    [{ kind: "tools" }, ["look"]],
    [{ kind: "resources" }, ["page:///one", "resources/list"]],
    [{ kind: "prompts" }, ["explain"]],
    [{ all: true }, ["look", "page:///one", "explain", "resources/list"]],
  ])("%o of one node is invalid on the other, and nothing else", async (invalidation, stale) => {
    const { here, there } = await nodesOn(backend);
    const askAll = async () => {
      // A new client each time, as it has a cache of its own.
      const client = await here.client();
      await callText(client, "look", { words: "kv" });
      await client.readResource({ uri: "page:///one" });
      await client.getPrompt({ name: "explain", arguments: { topic: "kv" } });
      await client.listResources();
    };
    await askAll();
    await askAll();
    expect(Math.max(...here.runs.values())).toBe(1);
    await there.cache.invalidate(invalidation);
    await askAll();
    expect(
      [...here.runs]
        .filter(([, runs]) => runs > 1)
        .map(([name]) => name)
        .sort(),
    ).toEqual(stale.sort());
    await askAll();
    expect(Math.max(...here.runs.values())).toBeLessThanOrEqual(2);
  });

  it("an answer whose handler began before the invalidation is not kept by it", async () => {
    const { here, there } = await nodesOn(backend);
    const run = here.cache.middleware();
    let runs = 0;
    const read = (during: () => Promise<void> = async () => {}) =>
      run("resources/read", { uri: "page:///one" }, {}, async () => {
        const made = { contents: [], run: ++runs };
        await during();
        return made;
      });
    expect(await read(() => there.cache.invalidate({ resource: "page:///one" }))).toMatchObject({ run: 1 });
    expect(await read()).toMatchObject({ run: 2 });
    expect(await read()).toMatchObject({ run: 2 });
  });

  it("who joins a run after an invalidation gets an answer of its own", async () => {
    const { here, there } = await nodesOn(backend);
    const run = here.cache.middleware();
    let runs = 0;
    let finish: () => void = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const read = (wait?: Promise<void>) =>
      run("resources/read", { uri: "page:///one" }, {}, async () => {
        const made = { contents: [], run: ++runs };
        await wait;
        return made;
      });
    const first = read(finished);
    while (runs === 0) await new Promise(setImmediate);
    await there.cache.invalidate({ all: true });
    const second = read();
    finish();
    expect(await first).toMatchObject({ run: 1 });
    expect(await second).toMatchObject({ run: 2 });
  });

  it("more invalidations than are remembered lose none", async () => {
    const { here, there } = await nodesOn(backend);
    const run = here.cache.middleware();
    let runs = 0;
    const read = (uri: string) => run("resources/read", { uri }, {}, () => ({ contents: [], run: ++runs }));
    await read("page:///0");
    await read("page:///kept");
    for (let one = 0; one < 300; one++) await there.cache.invalidate({ resource: `page:///${one}` });
    expect(await read("page:///0")).toMatchObject({ run: 3 });
    // What is remembered no more counts for all.
    expect(await read("page:///kept")).toMatchObject({ run: 4 });
    await there.cache.invalidate({ resource: "page:///0" });
    expect(await read("page:///kept")).toMatchObject({ run: 4 });
  });
});

describe("by the server's own notices", () => {
  const changes = {
    toolsChanged: "look",
    promptsChanged: "explain",
    resourcesChanged: "resources/list",
    resourceUpdated: "page:///one",
  } as const;

  it.each(Object.entries(changes))("%s of handler.notify, on the other node", async (notice, what) => {
    const store = storeOf();
    const [here, there] = [serve({ store }), serve({ store })];
    const stop = there.cache.invalidateOn(there.handler.bus);
    const ask = async () => {
      const client = await here.client();
      await callText(client, "look", { words: "kv" });
      await client.readResource({ uri: "page:///one" });
      await client.getPrompt({ name: "explain", arguments: { topic: "kv" } });
      await client.listResources();
      return here.runs.get(what);
    };
    expect([await ask(), await ask()]).toEqual([1, 1]);
    if (notice === "resourceUpdated") there.handler.notify.resourceUpdated("page:///one");
    else there.handler.notify[notice as "toolsChanged"]();
    // At once on the node itself, and with the next exchange on all.
    await there.cache.middleware()("tools/list", {}, {}, () => ({ tools: [] }));
    expect(await ask()).toBe(2);
    stop();
    there.handler.notify.resourceUpdated("page:///one");
    await there.cache.middleware()("tools/list", {}, {}, () => ({ tools: [] }));
    expect(await ask()).toBe(2);
  });

  it("a list that an instance has changed while it was connected is invalid for the others", async () => {
    const store = storeOf();
    const [here, there] = [serve({ store }), serve({ store })];
    const ask = async () => (await (await here.client()).listTools()).tools.length;
    const before = await ask();
    const { connected, client } = await overOneConnection(there.factory);
    await client.listTools();
    const misses = here.cache.statistics()["tools/list"].misses;
    const added = connected.registerTool("new", {}, () => ({ content: [] }));
    expect((await client.listTools()).tools).toHaveLength(before + 1);
    // The others have no such tool, and look for themselves.
    expect(await ask()).toBe(before);
    expect(here.cache.statistics()["tools/list"].misses).toBe(misses + 1);
    added.remove();
    expect((await client.listTools()).tools).toHaveLength(before);
  });

  it("a resource that a tool says it has updated is read anew, without an instance's going without the cache", async () => {
    const { cache, factory } = serve();
    const { connected, client } = await overOneConnection(() => {
      const server = factory();
      server.registerTool("touch", {}, async ({ mcpReq }) => {
        await mcpReq.notify({ method: "notifications/resources/updated", params: { uri: "page:///one" } });
        return { content: [] };
      });
      return server;
    });
    const read = async () => JSON.stringify((await client.readResource({ uri: "page:///one" })).contents);
    const first = await read();
    expect(await read()).toBe(first);
    await client.callTool({ name: "touch" });
    expect(await read()).not.toBe(first);
    await connected.server.sendResourceUpdated({ uri: "page:///one" });
    await read();
    await read();
    expect(cache.statistics()["resources/read"]).toMatchObject({ hits: 2, misses: 3 });
  });
});

describe("where the store fails", () => {
  it("an invalidation rejects, and is made up for before the store is asked again", async () => {
    let down = false;
    const store = storeOf();
    const shaky = store.with(
      defineLayer("shaky", (inner) =>
        around(inner, (_subject, call, next) => {
          if (down) throw new StoreUnavailableError("down");
          return next(call);
        }),
      ),
    );
    const { cache, runs, client } = serve({ store: shaky });
    const one = await client({ authInfo: tokenOf("ada") });
    await callText(one, "look", { words: "kv" });
    down = true;
    await expect(cache.invalidate({ tool: "look" })).rejects.toThrow();
    down = false;
    await callText(one, "look", { words: "kv" });
    expect(runs.get("look")).toBe(2);
    await callText(one, "look", { words: "kv" });
    expect(runs.get("look")).toBe(2);
  });

  it("an invalidation that is asked for while the same one is being written is one more", async () => {
    const store = storeOf();
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let applied = false;
    const slow = store.with(
      defineLayer("slow", (inner) =>
        around(inner, async ({ operation }, call, next) => {
          const answer = await next(call);
          if (operation === "swap") {
            applied = true;
            await held;
          }
          return answer;
        }),
      ),
    );
    const [here, there] = [serve({ store: slow }), serve({ store })];
    const client = await there.client();
    await callText(client, "look", { words: "kv" });
    const first = here.cache.invalidate({ tool: "look" });
    while (!applied) await new Promise(setImmediate);
    await callText(client, "look", { words: "kv" });
    const second = here.cache.invalidate({ tool: "look" });
    release();
    await Promise.all([first, second]);
    await callText(client, "look", { words: "kv" });
    expect(there.runs.get("look")).toBe(3);
  });

  it("who joins a run after an invalidation gets an answer of its own there, too", async () => {
    const store = storeOf();
    const { cache } = serve({ store });
    await store.close();
    let runs = 0;
    let finish: () => void = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const read = () =>
      cache.middleware()("resources/read", { uri: "page:///one" }, {}, async () => {
        const run = ++runs;
        await finished;
        return { contents: [], run };
      });
    const first = read();
    while (runs === 0) await new Promise(setImmediate);
    await expect(cache.invalidate({ all: true })).rejects.toThrow();
    const second = read();
    await new Promise(setImmediate);
    finish();
    expect([await first, await second]).toMatchObject([{ run: 1 }, { run: 2 }]);
  });

  it("a record of invalidations that is lost, planted or evicted takes all answers with it", async () => {
    const store = storeOf();
    const { cache, runs, client } = serve({ store });
    const records = store.collection("mcp-responses/tested@1.0.0");
    const one = await client();
    await callText(one, "look", { words: "kv" });
    const state = await records.get("invalidations");
    await cache.invalidate({ tool: "look" });
    await records.delete("invalidations");
    await callText(one, "look", { words: "kv" });
    expect(runs.get("look")).toBe(2);
    await records.put("invalidations", "nonsense");
    await callText(one, "look", { words: "kv" });
    expect(runs.get("look")).toBe(3);
    expect(state).not.toEqual(await records.get("invalidations"));
    await callText(one, "look", { words: "kv" });
    expect(runs.get("look")).toBe(3);
  });
});

it("refuses what it does not know", async () => {
  const cache = responseCache({ store: storeOf(), server: { name: "tested", version: "1" } });
  for (const wrong of [{}, { tool: 1 }, { kind: "nothing" }, { all: false }, { tool: "a", prompt: "b" }, null, "all"]) {
    // @ts-expect-error none of these is an invalidation
    await expect(cache.invalidate(wrong)).rejects.toThrow(InvalidArgumentError);
  }
});
