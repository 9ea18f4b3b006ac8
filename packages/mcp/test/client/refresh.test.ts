/** What becomes of a refresh when something fails: the winner, the authorization server, the store. */
import { randomBytes } from "node:crypto";
import type { KeyValueError } from "@kv/core";
import { memoryStore } from "@kv/memory";
import { redisStore } from "@kv/redis";
import { serverFor } from "@kv/test-servers";
import { Browser, type Counts } from "@kv/test-servers/oidc";
import * as vitest from "vitest";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { refreshCoordinator } from "../../src/client/index.ts";
import { type Login, loginOf, whoami } from "./support/client.ts";
import { type ProtectedServer, startProtectedServer } from "./support/protected-server.ts";

const keys = [{ id: "1", key: randomBytes(32) }];
const { server: redis, skipped } = await serverFor(vitest, "redis", { own: true, appendonly: true });
let server: ProtectedServer;

beforeAll(async () => {
  server = await startProtectedServer();
});
afterAll(() => server.stop());

describe("while the authorization server fails", () => {
  it("the next one tries, and nobody is sent to a new login", async () => {
    const login = await expired();
    await server.authorizationServer.failNext(2);
    const results = await Promise.all(Array.from({ length: 5 }, () => whoami(login)));
    expect(results.filter((result) => result === "ada")).toHaveLength(3);
    const failed = results.filter((result) => result !== "ada");
    for (const result of failed) expect(result).toContain("the authorization server answered 503");
    expect(login.redirects).toEqual([]);
    expect(await counts()).toMatchObject({ tokenRequests: 3, refreshes: 1, refusals: 0 });
  });

  it("and cannot be reached, the login stays", async () => {
    const login = await expired();
    await server.authorizationServer.kill();
    expect(await whoami(login)).toContain("could not be reached");
    expect(login.redirects).toEqual([]);
    await server.authorizationServer.restart();
    expect(await whoami(login)).toBe("ada");
    expect(await counts()).toMatchObject({ tokenRequests: 1, refreshes: 1 });
  });

  it("to answer, calls end with their time", async () => {
    const login = await expired({ timeout: "500ms" });
    await server.authorizationServer.hold();
    const results = await Promise.all([whoami(login), whoami(login), whoami(login)]);
    for (const result of results) expect(result).toContain("in time");
    expect(login.redirects).toEqual([]);
    await server.authorizationServer.release();
    expect(await whoami(login)).toBe("ada");
  });
});

it("a refusal is told to all who wait, and asked for once", async () => {
  const store = memoryStore();
  onTestFinished(() => store.close());
  let asked = 0;
  const coordinated = refreshCoordinator({ store })(async () => {
    asked++;
    return Response.json({ error: "invalid_grant" }, { status: 400 });
  });
  const refused = await Promise.all([1, 2, 3].map(() => refresh(coordinated, "r0")));
  expect(refused).toEqual([1, 2, 3].map(() => ({ error: "invalid_grant" })));
  expect(asked).toBe(1);
});

describe("a refresh that was just made", () => {
  it("serves who comes late with the new refresh token, for the old access token's sake", async () => {
    const store = memoryStore();
    onTestFinished(() => store.close());
    const asked: string[] = [];
    const coordinated = refreshCoordinator({ store })(tokenServer(asked));
    await coordinated("https://mcp.example/mcp", { headers: { authorization: "Bearer a0" } });
    expect(await refresh(coordinated, "r0")).toMatchObject({ access_token: "a1", refresh_token: "r1" });
    expect(await refresh(coordinated, "r0")).toMatchObject({ access_token: "a1", refresh_token: "r1" });
    expect(await refresh(coordinated, "r1")).toMatchObject({ access_token: "a1", refresh_token: "r1" });
    expect(asked).toEqual(["r0"]);
    // Once the new access token is refused as well, it is another matter.
    await coordinated("https://mcp.example/mcp", { headers: { authorization: "Bearer a1" } });
    expect(await refresh(coordinated, "r1")).toMatchObject({ access_token: "a2", refresh_token: "r2" });
    expect(asked).toEqual(["r0", "r1"]);
  });

  it("does not hide a later one where the server keeps its refresh token", async () => {
    const store = memoryStore();
    onTestFinished(() => store.close());
    const asked: string[] = [];
    const coordinated = refreshCoordinator({ store })(tokenServer(asked, { rotating: false }));
    expect(await refresh(coordinated, "r0")).toMatchObject({ access_token: "a1" });
    expect(await refresh(coordinated, "r0")).toMatchObject({ access_token: "a2" });
    expect(asked).toEqual(["r0", "r0"]);
  });

  it("tells what is left of the lifetime", async () => {
    const store = memoryStore();
    onTestFinished(() => store.close());
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const coordinated = refreshCoordinator({ store })(tokenServer([]));
    expect(await refresh(coordinated, "r0")).toMatchObject({ expires_in: 600 });
    vi.setSystemTime(Date.now() + 10_000);
    expect(await refresh(coordinated, "r0")).toMatchObject({ expires_in: 590 });
  });

  it("is no concern of other requests", async () => {
    const store = memoryStore();
    onTestFinished(() => store.close());
    const seen: unknown[] = [];
    const coordinated = refreshCoordinator({ store })(async (_url, init) => {
      seen.push(init?.body);
      return new Response("as it is");
    });
    const bodies = [new URLSearchParams({ grant_type: "client_credentials" }), "grant_type=refresh_token", undefined];
    for (const body of bodies) {
      const response = await coordinated("https://as.example/token", { method: "POST", ...(body && { body }) });
      expect(await response.text()).toBe("as it is");
    }
    expect(seen).toEqual(bodies);
  });
});

describe.skipIf(skipped)("while the store is down", () => {
  it("nothing is sent that would end the login, and it goes on when the store is back", async () => {
    const store = redisStore({ url: redis.url, timeout: "1s" });
    onTestFinished(() => store.close());
    const errors: KeyValueError[] = [];
    const coordinated = refreshCoordinator({ store, keys, onError: (error) => errors.push(error) })(fetch);
    const login = await expired({ coordinated });
    await redis.kill();
    onTestFinished(() => redis.restart());
    expect(await whoami(login)).toContain("the store that refreshes are coordinated by does not answer");
    expect(errors.length).toBeGreaterThan(0);
    expect(login.redirects).toEqual([]);
    expect(await counts()).toMatchObject({ tokenRequests: 0 });
    await redis.restart();
    let result = "";
    while (result !== "ada") result = await whoami(login);
    expect(await counts()).toMatchObject({ tokenRequests: 1, refreshes: 1 });
  });
});

/** A user who has logged in, and whose access token the server does not take any more. */
async function expired(options: Partial<Parameters<typeof loginOf>[0]> = {}): Promise<Login> {
  const store = memoryStore();
  onTestFinished(() => store.close());
  const login = loginOf({ store, keys, server: server.url, ...options });
  await whoami(login);
  const callback = await new Browser("ada").logIn(login.redirects.splice(0)[0] ?? "");
  await login.finish(callback.searchParams);
  expect(await whoami(login)).toBe("ada");
  server.revokeSeen();
  await server.authorizationServer.restart();
  return login;
}

function counts(): Promise<Counts> {
  return server.authorizationServer.counts();
}

/** Refuses all access tokens, and grants new ones: `a1` and `r1`, then `a2` … */
function tokenServer(asked: string[], { rotating = true } = {}): typeof fetch {
  return async (_url, init) => {
    if (!(init?.body instanceof URLSearchParams)) return new Response(null, { status: 401 });
    const sent = String(init.body.get("refresh_token"));
    asked.push(sent);
    const number = asked.length;
    const refresh_token = rotating ? `r${number}` : sent;
    return Response.json({ access_token: `a${number}`, token_type: "Bearer", expires_in: 600, refresh_token });
  };
}

async function refresh(coordinated: ReturnType<ReturnType<typeof refreshCoordinator>>, refresh_token: string) {
  const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token });
  return (await coordinated("https://as.example/token", { method: "POST", body })).json();
}
