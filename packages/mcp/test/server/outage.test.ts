/** A store that is killed, that hangs, and that comes back: only hits are lost. */
import { redisStore } from "@kv/redis";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, it, onTestFinished } from "vitest";
import { responseCache } from "../../src/server/index.ts";
import { Connections, callText, serverOf } from "../support/server.ts";

const { server: redis, skipped } = await serverFor(vitest, "redis", { own: true, appendonly: true });

describe.skipIf(skipped)("a Redis", () => {
  it("that is killed costs hits, never answers, and gives hits again when it is back", async () => {
    const { client, calls } = await serve();
    expect(await callText(client, "look", { words: "kv" })).toContain("run 1");
    expect(await callText(client, "look", { words: "kv" })).toContain("run 1");
    await redis.kill();
    expect(await callText(client, "look", { words: "kv" })).toContain("run 2");
    expect(await callText(client, "look", { words: "kv" })).toContain("run 3");
    // What could not be asked is not told anything either.
    expect(calls()).toEqual({ hits: 1, shared: 0, misses: 3, stored: 1, failures: 2 });
    await redis.restart();
    let text = "";
    while (!text.includes("run 1")) text = await callText(client, "look", { words: "kv" });
    expect(calls().hits).toBe(2);
  });

  it("that hangs costs no more than the timeout", async () => {
    const errors: unknown[] = [];
    const { client, calls } = await serve({ timeout: "200ms", onError: (error) => errors.push(error) });
    await callText(client, "look", { words: "hang" });
    redis.pause();
    onTestFinished(() => redis.resume());
    expect(await callText(client, "look", { words: "hang" })).toContain("run 2");
    expect(errors).toMatchObject([{ code: "TIMEOUT", message: "no answer within 200 ms" }]);
    expect(calls()).toMatchObject({ hits: 0, misses: 2, failures: 1 });
  });
});

async function serve(options: { readonly timeout?: string; readonly onError?: (error: unknown) => void } = {}) {
  const store = redisStore({ url: redis.url });
  const cache = responseCache({ store, server: { name: "tested", version: "1.0.0" }, ...options });
  const connections = new Connections(serverOf({ cache }).factory);
  onTestFinished(async () => {
    await connections.close();
    await store.close();
  });
  return { client: await connections.client(), calls: () => cache.statistics()["tools/call"] };
}
