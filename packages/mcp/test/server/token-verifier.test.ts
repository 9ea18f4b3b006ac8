/** Verified tokens: asked once, for a while, and never readable. */
import { InvalidArgumentError, InvalidTtlError } from "@kv/core";
import { memoryStore } from "@kv/memory";
import { redisStore } from "@kv/redis";
import { type AuthInfo, OAuthError, OAuthErrorCode, requireBearerAuth } from "@modelcontextprotocol/server";
import { describe, expect, it, onTestFinished } from "vitest";
import { type CachedTokenVerifierOptions, cachedTokenVerifier } from "../../src/server/index.ts";
import { backends, type Store, twoStores } from "../support/backends.ts";
import { dumpOf } from "../support/dump.ts";

const keys = [{ id: "1", key: Buffer.alloc(32, 5) }];

function authInfoOf(token: string): AuthInfo {
  return {
    token,
    clientId: "client",
    scopes: ["read"],
    expiresAt: Math.floor(Date.now() / 1000) + 3600,
    resource: new URL("https://resource.example/mcp"),
    resourceMetadataUrl: "https://resource.example/metadata",
    extra: { sub: "secret-user", nested: { list: [1, null] } },
  };
}

/** A verifier that counts its questions, behind a cache. */
function cachedOver(store: Store, options: Partial<CachedTokenVerifierOptions> = {}, change: Partial<AuthInfo> = {}) {
  const asked: string[] = [];
  const verifier = {
    verifyAccessToken: async (token: string) => {
      asked.push(token);
      if (token === "bad") throw new OAuthError(OAuthErrorCode.InvalidToken, "unknown");
      return { ...authInfoOf(token), ...change };
    },
  };
  return { asked, verifier: cachedTokenVerifier({ store, verifier, keys, ...options }) };
}

describe.each(backends)("on %s", (backend) => {
  it("a token that one node has verified, the other knows", async () => {
    const [one, other] = await twoStores(backend);
    const [here, there] = [cachedOver(one), cachedOver(other)];
    const first = await here.verifier.verifyAccessToken("secret-token");
    const again = await there.verifier.verifyAccessToken("secret-token");
    expect(again).toEqual(first);
    expect(again.resource).toBeInstanceOf(URL);
    expect([here.asked.length, there.asked.length]).toEqual([1, 0]);
    // Through the SDK's own gate.
    const gate = requireBearerAuth({
      verifier: there.verifier,
      expectedResource: new URL("https://resource.example/mcp"),
    });
    const passed = await gate(
      new Request("https://resource.example/mcp", { headers: { authorization: "Bearer secret-token" } }),
    );
    expect(passed).toMatchObject({ clientId: "client", extra: { sub: "secret-user" } });
    expect(there.asked).toEqual([]);
    const dump = await dumpOf(one);
    expect(dump).toContain("mcp-tokens");
    expect(dump).not.toMatch(/secret|client|resource/);
  });

  it("what is refused is asked again each time", async () => {
    const [store] = await twoStores(backend);
    const { asked, verifier } = cachedOver(store);
    for (let time = 0; time < 2; time++) await expect(verifier.verifyAccessToken("bad")).rejects.toThrow(OAuthError);
    expect(asked).toEqual(["bad", "bad"]);
  });

  it("lives no longer than the token, nor than the option says", async () => {
    const [store] = await twoStores(backend);
    const tokens = store.collection("mcp-tokens");
    const remaining = async () => {
      for await (const { ttl } of tokens.entries()) return ttl;
      return undefined;
    };
    await cachedOver(
      store,
      { ttl: "1h" },
      { expiresAt: Math.floor(Date.now() / 1000) + 60 },
    ).verifier.verifyAccessToken("a");
    expect(await remaining()).toBeLessThanOrEqual(60);
    await tokens.clear();
    await cachedOver(store, { ttl: "10s" }).verifier.verifyAccessToken("a");
    expect(await remaining()).toBeLessThanOrEqual(10);
    await tokens.clear();
    await cachedOver(store, {}, { expiresAt: Math.floor(Date.now() / 1000) - 1 }).verifier.verifyAccessToken("a");
    expect(await remaining()).toBeUndefined();
  });

  it("is forgotten for all nodes", async () => {
    const [one, other] = await twoStores(backend);
    const [here, there] = [cachedOver(one), cachedOver(other)];
    await here.verifier.verifyAccessToken("a");
    await there.verifier.forget("a");
    await here.verifier.verifyAccessToken("a");
    expect(here.asked).toEqual(["a", "a"]);
  });

  it("is asked about where somebody has planted or moved a record", async () => {
    const [store] = await twoStores(backend);
    const errors: unknown[] = [];
    const { asked, verifier } = cachedOver(store, { onError: (error) => errors.push(error) });
    await verifier.verifyAccessToken("a");
    const tokens = store.collection("mcp-tokens");
    for await (const key of tokens.keys()) await tokens.put(key, { clientId: "planted", scopes: ["admin"] });
    expect((await verifier.verifyAccessToken("a")).scopes).toEqual(["read"]);
    expect(asked).toEqual(["a", "a"]);
    expect(errors).toMatchObject([{ code: "DECRYPTION_FAILED" }]);
  });
});

it("asks once at one time, and gives each a copy", async () => {
  const store = memoryStore();
  onTestFinished(() => store.close());
  const { asked, verifier } = cachedOver(store);
  const answers = await Promise.all(Array.from({ length: 16 }, () => verifier.verifyAccessToken("a")));
  expect(asked).toEqual(["a"]);
  answers[1]?.scopes.push("admin");
  expect(answers[2]?.scopes).toEqual(["read"]);
  expect((await verifier.verifyAccessToken("a")).scopes).toEqual(["read"]);
});

it("goes without a store that fails, and without what is no JSON", async () => {
  const store = memoryStore();
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const odd = cachedOver(store, { onError }, { extra: { when: new Date() } });
  for (let time = 0; time < 2; time++) await odd.verifier.verifyAccessToken("a");
  expect(odd.asked).toEqual(["a", "a"]);
  await store.close();
  const { asked, verifier } = cachedOver(store, { onError });
  expect((await verifier.verifyAccessToken("a")).clientId).toBe("client");
  expect(asked).toEqual(["a"]);
  expect(errors).toMatchObject([
    { code: "INVALID_VALUE" },
    { code: "INVALID_VALUE" },
    { code: "STORE_CLOSED" },
    { code: "STORE_CLOSED" },
  ]);
});

it("demands keys for a store that outlives the process", () => {
  const { verifier } = cachedOver(memoryStore());
  const store = redisStore({ url: "redis://localhost:1" });
  expect(() => cachedTokenVerifier({ store, verifier })).toThrow(/keys: \[/);
  expect(() => cachedTokenVerifier({ store, verifier, allowPlaintext: true })).not.toThrow();
  expect(() => cachedTokenVerifier({ store, verifier, keys: [] })).toThrow(InvalidArgumentError);
  expect(() => cachedTokenVerifier({ store, verifier, keys, ttl: 0 })).toThrow(InvalidTtlError);
});
