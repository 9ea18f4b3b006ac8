/** The heart of what the other files test, on the stores that they leave out. */
import type { AuthInfo, JSONRPCMessage, ServerContext } from "@modelcontextprotocol/server";
import { describe, expect, it, onTestFinished } from "vitest";
import { cachedTokenVerifier, KvEventStore, kvRequestState, replayGuard } from "../../src/server/index.ts";
import { serve } from "../support/caching.ts";
import { dumpOf } from "../support/dump.ts";
import { clientOf, startNode } from "../support/nodes.ts";
import { callText, tokenOf } from "../support/server.ts";
import { openWhole, otherStores, type WholeStore } from "../support/stores.ts";

const keys = [{ id: "1", key: Buffer.alloc(32, 7) }];
const stores = await otherStores();

function contextOf(user: string): ServerContext {
  return { http: { authInfo: tokenOf(user) }, mcpReq: { method: "tools/call" } } as unknown as ServerContext;
}

describe.each(stores)("on $name", ({ url, skipped, processes }) => {
  /** Two instances, emptied and closed after the test; the same one twice where only one can have the store open. */
  async function nodes(): Promise<[WholeStore, WholeStore]> {
    const here = await openWhole(url);
    const there = processes > 1 ? await openWhole(url) : here;
    onTestFinished(async () => {
      await here.clearAll();
      await here.close();
      await there.close();
    });
    return [here, there];
  }

  it.skipIf(skipped)("an id is used once, and a request's state by whom it belongs to, once", async () => {
    const both = await nodes();
    const guards = both.map((store) => replayGuard({ store, name: "dpop" }));
    const uses = Array.from({ length: 16 }, (_, at) => guards[at % 2]?.consume("secret-id", Date.now() + 3_600_000));
    expect((await Promise.all(uses)).filter(Boolean)).toHaveLength(1);

    const [here, there] = both.map((store) => kvRequestState<{ readonly secret: string }>({ store, keys }));
    const state = (await here?.mint({ secret: "secret-state" }, contextOf("ada"))) ?? "";
    await expect(there?.verify(state, contextOf("bob"))).rejects.toThrow();
    const verified = await Promise.allSettled([here, there].map((codec) => codec?.verify(state, contextOf("ada"))));
    expect(verified.filter(({ status }) => status === "fulfilled")).toMatchObject([
      { value: { secret: "secret-state" } },
    ]);
    expect(await dumpOf(both[0])).not.toContain("secret");
  });

  it.skipIf(skipped)("a token that one node has verified, the other knows", async () => {
    const both = await nodes();
    const asked: string[] = [];
    const verifyAccessToken = async (token: string): Promise<AuthInfo> => {
      asked.push(token);
      return { token, clientId: "secret-client", scopes: [], expiresAt: Math.floor(Date.now() / 1000) + 3600 };
    };
    const verifiers = both.map((store) => cachedTokenVerifier({ store, keys, verifier: { verifyAccessToken } }));
    for (const verifier of verifiers) {
      expect(await verifier.verifyAccessToken("secret-token")).toMatchObject({ clientId: "secret-client" });
    }
    expect(asked).toEqual(["secret-token"]);
    expect(await dumpOf(both[0])).not.toContain("secret");
  });

  it.skipIf(skipped)("a stream goes on at the other node, for its own session", async () => {
    const both = await nodes();
    const [here, there] = both.map((store) => new KvEventStore({ store, keys }));
    const session = here?.forSession("secret-session");
    const sent: JSONRPCMessage[] = Array.from({ length: 20 }, (_, at) => {
      return { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: `secret-${at}` } };
    });
    const first = (await session?.storeEvent("stream", {} as JSONRPCMessage)) ?? "";
    for (const message of sent) await session?.storeEvent("stream", message);
    const replayed: JSONRPCMessage[] = [];
    const send = async (_: string, message: JSONRPCMessage): Promise<void> => void replayed.push(message);
    await expect(there?.forSession("other").replayEventsAfter(first, { send })).rejects.toThrow();
    expect(replayed).toEqual([]);
    expect(await there?.forSession("secret-session").replayEventsAfter(first, { send })).toBe("stream");
    expect(replayed).toEqual(sent);
    expect(await dumpOf(both[0])).not.toContain("secret");
  });

  it.skipIf(skipped)("answers are kept for each user on both nodes, until one of them invalidates them", async () => {
    const [one, other] = await nodes();
    const [here, there] = [serve({ store: one, keys }), serve({ store: other, keys })];
    const ask = async (node: typeof here, user: string) =>
      callText(await node.client({ authInfo: tokenOf(user) }), "look", { words: "kv" });
    const first = await ask(here, "ada");
    expect(await ask(there, "ada")).toBe(first);
    expect(there.runs.get("look")).toBeUndefined();
    await ask(there, "bob");
    expect(there.runs.get("look")).toBe(1);
    await here.cache.invalidate({ tool: "look" });
    await ask(there, "ada");
    expect(there.runs.get("look")).toBe(2);
  });

  it.skipIf(skipped || processes < 2)("a session goes on at the other node", async () => {
    const both = await Promise.all(["A", "B"].map((name) => startNode(url, name)));
    const { client } = await clientOf(both, { era: "legacy", token: "ada/read" });
    const answers = [];
    for (let turn = 0; turn < 4; turn++) answers.push(await callText(client, "who"));
    // The client's name was told to one node alone.
    expect(new Set(answers)).toEqual(new Set(["tester on A for ada", "tester on B for ada"]));
  });
});
