/** States of requests of several rounds: by a real client of a real server, and by whoever tries what he should not. */
import { InvalidArgumentError, UnsupportedOperationError } from "@kv/core";
import { memoryStore } from "@kv/memory";
import { clockPast } from "@kv/test-servers";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  type AuthInfo,
  acceptedContent,
  createMcpHandler,
  inputRequired,
  McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { describe, expect, it, onTestFinished } from "vitest";
import * as z from "zod";
import { type KvRequestStateOptions, kvRequestState } from "../../src/server/index.ts";
import { backends, twoStores } from "../support/backends.ts";
import { dumpOf } from "../support/dump.ts";
import { tokenOf } from "../support/server.ts";

const keys = [{ id: "1", key: Buffer.alloc(32, 3) }];
const confirmation = z.object({ confirm: z.boolean() });

/** As much of a context as a state looks at. */
function contextOf(authInfo?: AuthInfo, method = "tools/call"): ServerContext {
  return { http: authInfo && { authInfo }, mcpReq: { method } } as unknown as ServerContext;
}

describe.each(backends)("on %s", (backend) => {
  const nodes = async (options: Partial<KvRequestStateOptions> = {}) => {
    const stores = await twoStores(backend);
    const [here, there] = stores.map((store) => kvRequestState<object | null>({ store, keys, ...options }));
    if (!here || !there) throw new Error("no stores");
    return { here, there, store: stores[0] };
  };

  it("a request goes on at the other node, with what was kept", async () => {
    const { here, there } = await nodes();
    const states: string[] = [];
    const handlers = [here, there].map((codec) =>
      createMcpHandler(() => {
        const server = new McpServer({ name: "states", version: "1" }, { requestState: { verify: codec.verify } });
        server.registerTool("deploy", { inputSchema: z.object({ to: z.string() }) }, async ({ to }, context) => {
          const { inputResponses, requestState } = context.mcpReq;
          const state = requestState<{ secret: string }>();
          if (acceptedContent(inputResponses, "sure", confirmation)?.confirm && typeof state === "object") {
            return { content: [{ type: "text", text: `deployed ${state.secret}` }] };
          }
          const kept = await codec.mint({ secret: `to ${to}` }, context);
          states.push(kept);
          return inputRequired({
            inputRequests: { sure: inputRequired.elicit({ message: "Sure?", requestedSchema: confirmation }) },
            requestState: kept,
          });
        });
        return server;
      }),
    );
    let turn = 0;
    const client = new Client(
      { name: "tester", version: "1" },
      { versionNegotiation: { mode: "auto" }, capabilities: { elicitation: { form: {} } } },
    );
    client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { confirm: true } }));
    const url = new URL("http://states.example/mcp");
    const fetch = async (to: URL | string, init?: RequestInit) => {
      const handler = handlers[turn++ % 2];
      if (!handler) throw new Error("no node");
      return handler.fetch(new Request(to, init), { authInfo: tokenOf("ada") });
    };
    await client.connect(new StreamableHTTPClientTransport(url, { fetch }));
    onTestFinished(() => client.close());
    const { content } = await client.callTool({ name: "deploy", arguments: { to: "the moon" } });
    expect(content).toEqual([{ type: "text", text: "deployed to the moon" }]);
    expect(states).toHaveLength(1);
    // What the client holds says nothing, whatever is kept.
    expect(states[0]).toMatch(/^[\w-]{43}$/);
  });

  it("a state is good once, of all who try at once", async () => {
    const { here, there } = await nodes();
    const ada = contextOf(tokenOf("ada"));
    const id = await here.mint({ a: 1 }, ada);
    const tries = Array.from({ length: 16 }, (_, index) => (index % 2 ? here : there).verify(id, ada));
    const ends = await Promise.allSettled(tries);
    expect(ends.filter(({ status }) => status === "fulfilled")).toEqual([{ status: "fulfilled", value: { a: 1 } }]);
    await expect(here.verify(id, ada)).rejects.toThrow(/unknown/);
  });

  it("a state is its principal's and its method's, and nobody else uses it up", async () => {
    const { here, there } = await nodes();
    const ada = contextOf(tokenOf("ada"));
    const id = await here.mint(null, ada);
    for (const other of [
      contextOf(tokenOf("bob")),
      contextOf(),
      contextOf({ ...tokenOf("ada"), extra: {} }),
      contextOf(tokenOf("ada"), "prompts/get"),
    ]) {
      await expect(there.verify(id, other)).rejects.toThrow(/unknown/);
    }
    for (const wrong of ["", "x", `${id}x`, id.toLowerCase(), "__proto__", "\ud800"]) {
      await expect(there.verify(wrong, ada)).rejects.toThrow(/unknown/);
    }
    expect(await there.verify(id, contextOf(tokenOf("ada", ["other"], "a new token")))).toBeNull();
  });

  it("a state expires", async () => {
    const { here } = await nodes({ ttl: "100ms" });
    const ada = contextOf(tokenOf("ada"));
    const id = await here.mint({ a: 1 }, ada);
    await clockPast(Date.now() + 100);
    await expect(here.verify(id, ada)).rejects.toThrow(/unknown/);
  });

  it("no state can be read in the store", async () => {
    const { here, store } = await nodes();
    const ada = contextOf(tokenOf("ada"));
    const id = await here.mint({ secret: "payload" }, ada);
    const dump = await dumpOf(store);
    expect(dump).toContain("mcp-request-states");
    expect(dump).not.toMatch(/secret|payload|ada/);
    expect(dump).not.toContain(id);
  });

  it("a state that somebody plants or moves is refused", async () => {
    const { here, store } = await nodes();
    const [ada, bob] = [contextOf(tokenOf("ada")), contextOf(tokenOf("bob"))];
    const states = store.collection("mcp-request-states");
    const id = await here.mint({ admin: false }, ada);
    const own: string[] = [];
    for await (const key of states.keys()) own.push(key);
    const others = await here.mint({ admin: true }, bob);
    const [first = ""] = own;
    for await (const key of states.keys()) {
      const moved = await states.get(key);
      if (key !== first && moved !== undefined) await states.put(first, moved);
    }
    await expect(here.verify(id, ada)).rejects.toThrow();
    await states.put(first, { payload: { admin: true } });
    await expect(here.verify(id, ada)).rejects.toThrow();
    expect(await here.verify(others, bob)).toEqual({ admin: true });
  });
});

it("is refused where it could not keep what it promises", async () => {
  const store = memoryStore();
  onTestFinished(() => store.close());
  const evicting = memoryStore({ maxEntries: 10 });
  // @ts-expect-error an evicted state is lost
  expect(() => kvRequestState({ store: evicting })).toThrow(UnsupportedOperationError);
  const codec = kvRequestState({ store });
  await expect(codec.mint("whose?")).rejects.toThrow(InvalidArgumentError);
  await expect(codec.mint({ when: new Date() }, contextOf())).rejects.toMatchObject({ code: "INVALID_VALUE" });
  const nobodys = kvRequestState({ store, principal: () => undefined });
  await expect(nobodys.mint("mine", contextOf(tokenOf("ada")))).rejects.toThrow(InvalidArgumentError);
});
