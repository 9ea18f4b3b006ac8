/** Logins against a real authorization server: what survives, what is used once, what does not get mixed up. */
import { randomBytes } from "node:crypto";
import { memoryStore } from "@kv/memory";
import { Browser, type Counts } from "@kv/test-servers/oidc";
import { auth } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { LoginStateError } from "../../src/client/index.ts";
import { openWhole, testedStores } from "../support/stores.ts";
import { type Login, loginOf, whoami } from "./support/client.ts";
import { type ProtectedServer, startProtectedServer } from "./support/protected-server.ts";

const keys = [{ id: "1", key: randomBytes(32) }];
const stores = await testedStores();
let server: ProtectedServer;

beforeAll(async () => {
  server = await startProtectedServer();
});
afterAll(() => server.stop());

describe.each(stores)("a login over $name", ({ url, skipped }) => {
  it.skipIf(skipped)("works, and another client of the same user needs none", async () => {
    const store = await openWhole(url);
    onTestFinished(() => store.close());
    const login = loginOf({ store, keys, server: server.url });
    expect(await whoami(login)).toContain("Unauthorized");
    expect(login.redirects).toHaveLength(1);
    await login.finish((await new Browser("ada").logIn(login.redirects[0] ?? "")).searchParams);
    expect(await whoami(login)).toBe("ada");
    const other = loginOf({ store, keys, server: server.url });
    expect(await whoami(other)).toBe("ada");
    expect(other.redirects).toEqual([]);
  });
});

describe("the callback of a login", () => {
  it("counts once, for the user who began it", async () => {
    const { ada, bob } = await users();
    const callback = await begin(ada, "ada");
    await expect(bob.finish(callback)).rejects.toThrow(LoginStateError);
    await ada.finish(callback);
    await expect(ada.finish(callback)).rejects.toMatchObject({ code: "LOGIN_STATE" });
    expect(await whoami(ada)).toBe("ada");
    expect(await whoami(bob)).toContain("Unauthorized");
  });

  it("must have the state that it was begun with", async () => {
    const { ada } = await users();
    const callback = await begin(ada, "ada");
    const { counts } = await counted(async () => {
      for (const state of [null, "", "guessed", `${callback.get("state")}x`]) {
        const forged = new URLSearchParams(callback);
        if (state === null) forged.delete("state");
        else forged.set("state", state);
        await expect(ada.finish(forged)).rejects.toThrow(LoginStateError);
      }
    });
    expect(counts.tokenRequests).toBe(0);
    await ada.finish(callback);
  });

  it("is not handled where its state was not checked", async () => {
    const { ada } = await users();
    const callback = await begin(ada, "ada");
    const { counts } = await counted(() =>
      expect(ada.transport().finishAuth(callback)).rejects.toThrow("finishLogin(callback"),
    );
    expect(counts.tokenRequests).toBe(0);
  });

  it("is refused where another issuer sent it", async () => {
    const { ada } = await users();
    const callback = await begin(ada, "ada");
    callback.set("iss", "https://evil.example");
    const { counts } = await counted(() => expect(ada.finish(callback)).rejects.toThrow("Issuer mismatch"));
    expect(counts.tokenRequests).toBe(0);
  });

  it("may tell of a refusal, which ends the attempt", async () => {
    const { ada } = await users();
    const callback = await begin(ada, "ada");
    callback.delete("code");
    callback.set("error", "access_denied");
    await expect(ada.finish(callback)).rejects.toMatchObject({ code: "access_denied" });
    await expect(ada.finish(callback)).rejects.toThrow(LoginStateError);
  });

  it("finds its own verifier, however many logins are under way", async () => {
    const { ada } = await users();
    for (let login = 0; login < 3; login++) await whoami(ada);
    expect(ada.redirects).toHaveLength(3);
    const callbacks = await Promise.all(
      ada.redirects.splice(0).map(async (url) => (await new Browser("ada").logIn(url)).searchParams),
    );
    // The last first, and the others at once.
    await ada.finish(callbacks[2] ?? new URLSearchParams());
    await Promise.all(callbacks.slice(0, 2).map((callback) => ada.finish(callback)));
    expect(await whoami(ada)).toBe("ada");
  });

  it("is done with the exchange: what goes on after it is no login", async () => {
    const { ada } = await users();
    const callback = await begin(ada, "ada");
    await ada.provider.finishLogin(callback, async (params) => {
      expect(ada.provider.codeVerifier()).toMatch(/^[\w.~-]{43,128}$/);
      await ada.transport().finishAuth(params);
      expect(() => ada.provider.codeVerifier()).toThrow(LoginStateError);
      expect(await whoami(ada)).toBe("ada");
    });
    expect(await whoami(ada)).toBe("ada");
  });

  it("must come within ten minutes", async () => {
    const { ada, store } = await users();
    await begin(ada, "ada");
    const attempts: (number | undefined)[] = [];
    for await (const { ttl } of store.collection("mcp-oauth-client").entries({ prefix: "attempt/" }))
      attempts.push(ttl);
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toBeLessThanOrEqual(600);
    expect(attempts[0]).toBeGreaterThan(0);
  });
});

describe("a redirect URI that has changed since the login", () => {
  const elsewhere = "http://127.0.0.1:9/another-callback";

  it("does not matter to a refresh, and is registered with the next login", async () => {
    const { ada, store } = await users();
    await ada.finish(await begin(ada, "ada"));
    expect(await whoami(ada)).toBe("ada");
    server.revokeSeen();
    const moved = loginOf({ store, keys, server: server.url, principal: "ada", redirectUrl: elsewhere });
    const silent = await counted(async () => expect(await whoami(moved)).toBe("ada"));
    expect(silent.counts).toMatchObject({ refreshes: 1, registrations: 0 });
    await moved.provider.logout();
    const again = await counted(async () => moved.finish(await begin(moved, "ada")));
    expect(again.counts).toMatchObject({ registrations: 1, logins: 1, refusals: 0 });
    expect(await whoami(moved)).toBe("ada");
  });

  it("is not sent with a client that was registered for another", async () => {
    const { ada, store } = await users();
    await ada.finish(await begin(ada, "ada"));
    const moved = loginOf({ store, keys, server: server.url, principal: "ada", redirectUrl: elsewhere });
    const stepUp = () => auth(moved.provider, { serverUrl: server.url, forceReauthorization: true });
    await expect(stepUp()).rejects.toThrow("begin again");
    expect(moved.redirects).toEqual([]);
    expect(await stepUp()).toBe("REDIRECT");
    const callback = await new Browser("ada").logIn(moved.redirects[0] ?? "");
    await moved.finish(callback.searchParams);
    expect(await whoami(moved)).toBe("ada");
  });
});

it("a login that the server has ended is begun anew, without an error and with the same registration", async () => {
  const { ada } = await users();
  await ada.finish(await begin(ada, "ada"));
  expect(await whoami(ada)).toBe("ada");
  server.revokeSeen();
  await revokeRefreshToken(ada);
  const { counts } = await counted(async () => expect(await whoami(ada)).toContain("Unauthorized"));
  expect(counts).toMatchObject({ refusals: 1, registrations: 0 });
  const callback = await new Browser("ada").logIn(ada.redirects[0] ?? "");
  await ada.finish(callback.searchParams);
  expect(await whoami(ada)).toBe("ada");
});

it("a server that has forgotten its clients gets a new registration, in the next process too", async () => {
  const { store, ada } = await users();
  await ada.finish(await begin(ada, "ada"));
  expect(await whoami(ada)).toBe("ada");
  server.revokeSeen();
  await server.authorizationServer.forget();
  const { counts } = await counted(async () => expect(await whoami(ada)).toContain("Unauthorized"));
  expect(counts).toMatchObject({ registrations: 1, refreshes: 0 });
  const next = loginOf({ store, keys, server: server.url, principal: "ada" });
  await next.finish(await begin(next, "ada"));
  expect(await whoami(next)).toBe("ada");
  expect(await whoami(ada)).toBe("ada");
});

async function users() {
  const store = memoryStore();
  onTestFinished(() => store.close());
  const user = (principal: string): Login => loginOf({ store, keys, server: server.url, principal });
  return { store, ada: user("ada"), bob: user("bob") };
}

/** The callback of a login as which the server sends it. */
async function begin(login: Login, name: string): Promise<URLSearchParams> {
  expect(await whoami(login)).toContain("Unauthorized");
  return (await new Browser(name).logIn(login.redirects.splice(0)[0] ?? "")).searchParams;
}

/** What happens at the authorization server meanwhile. */
async function counted(work: () => Promise<unknown>): Promise<{ readonly counts: Counts }> {
  const before = await server.authorizationServer.counts();
  await work();
  const after = await server.authorizationServer.counts();
  return {
    counts: {
      registrations: after.registrations - before.registrations,
      tokenRequests: after.tokenRequests - before.tokenRequests,
      refusals: after.refusals - before.refusals,
      logins: after.logins - before.logins,
      machineLogins: after.machineLogins - before.machineLogins,
      refreshes: after.refreshes - before.refreshes,
    },
  };
}

async function revokeRefreshToken({ provider }: Login): Promise<void> {
  const { issuer } = server.authorizationServer;
  const tokens = await provider.tokens({ issuer });
  const client = await provider.clientInformation({ issuer });
  const body = new URLSearchParams({ token: tokens?.refresh_token ?? "", client_id: client?.client_id ?? "" });
  const response = await fetch(new URL("/token/revocation", issuer), { method: "POST", body });
  expect(response.status).toBe(200);
}
