/** What the provider keeps of what the SDK gives it, and what several instances leave of each other's. */
import { randomBytes } from "node:crypto";
import { encryption } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Slots } from "../../src/client/slots.ts";
import { isLogin } from "../../src/client/stored.ts";
import { lookupKey } from "../../src/common/lookup-key.ts";
import { providerOf } from "./support/client.ts";

const keys = [{ id: "1", key: randomBytes(32) }];
const server = "https://mcp.example/mcp";
const issuer = "https://as.example";
const ctx = { issuer };

describe("tokens", () => {
  it("tell how long they live from when they came, whoever reads them", async () => {
    const { provider, another } = instances();
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    await provider().saveTokens({ ...bearer("1"), expires_in: 3600 }, ctx);
    vi.setSystemTime(Date.now() + 600_000);
    expect(await another().tokens()).toMatchObject({ access_token: "1", expires_in: 3000 });
    vi.setSystemTime(Date.now() + 6_000_000);
    expect(await another().tokens(ctx)).toMatchObject({ access_token: "1", expires_in: 0 });
  });

  it("keep the refresh token where the answer to a refresh leaves it out", async () => {
    const { provider, another } = instances();
    await provider().saveTokens({ ...bearer("1"), refresh_token: "r1" }, ctx);
    await another().saveTokens(bearer("2"), ctx);
    expect(await provider().tokens(ctx)).toMatchObject({ access_token: "2", refresh_token: "r1" });
    await another().saveTokens({ ...bearer("3"), refresh_token: undefined }, ctx);
    expect(await provider().tokens(ctx)).toMatchObject({ access_token: "3", refresh_token: "r1" });
  });

  it("that were replaced do not come back with whoever was slow", async () => {
    const { provider, another } = instances();
    await provider().saveTokens({ ...bearer("1"), refresh_token: "r1" }, ctx);
    await provider().saveTokens({ ...bearer("2"), refresh_token: "r2" }, ctx);
    await provider().saveTokens({ ...bearer("3"), refresh_token: "r3" }, ctx);
    await another().saveTokens({ ...bearer("2"), refresh_token: "r2" }, ctx);
    expect(await provider().tokens(ctx)).toMatchObject({ access_token: "3", refresh_token: "r3" });
  });

  it("of a login do not come in place of a later one's", async () => {
    const { store, provider } = instances();
    const slow = provider();
    await slow.saveTokens({ ...bearer("1"), refresh_token: "r1" }, ctx);
    await slow.clientInformation(ctx);
    const anew = new Slots(store.with(encryption({ keys })).collection("mcp-oauth-client"), {
      kind: "login",
      accepts: isLogin,
      ttl: 60,
      onError: () => {},
    });
    await anew.put(await lookupKey("ada@example.com", server, issuer), {
      id: "another login",
      tokens: { ...bearer("2"), refresh_token: "r2" },
      mark: await lookupKey("2"),
      superseded: [],
    });
    await slow.saveTokens({ ...bearer("3"), refresh_token: "r3" }, ctx);
    expect(await provider().tokens(ctx)).toMatchObject({ access_token: "2", refresh_token: "r2" });
  });

  it("of several issuers lie apart, and requests get the latest", async () => {
    const { provider, another } = instances();
    const other = { issuer: "https://other.example/" };
    await provider().saveTokens({ ...bearer("1"), issuer }, ctx);
    await provider().saveTokens({ ...bearer("2"), ...other }, other);
    expect(await another().tokens()).toMatchObject({ access_token: "2" });
    expect(await another().tokens(ctx)).toMatchObject({ access_token: "1" });
    // The SDK takes both spellings for one issuer.
    expect(await another().tokens({ issuer: "https://other.example" })).toMatchObject({ access_token: "2" });
  });

  it("are the principal's at this server, whatever their names hold", async () => {
    const store = memoryStore();
    onTestFinished(() => store.close());
    const names = ["ada", "bob", "ada/bob", '","'];
    const servers = [server, "https://mcp.example/mcp/", "https://mcp.example/", "https://mcp.example:8443/mcp"];
    for (const principal of names) {
      for (const url of servers) {
        const { provider } = providerOf({ store, keys, principal, server: url });
        await provider.saveTokens(bearer(`${principal} at ${url}`), ctx);
      }
    }
    for (const principal of names) {
      for (const url of servers) {
        const { provider } = providerOf({ store, keys, principal, server: url });
        expect(await provider.tokens()).toMatchObject({ access_token: `${principal} at ${url}` });
      }
    }
    const spelled = providerOf({ store, keys, principal: "ada", server: "HTTPS://MCP.example:443/mcp#part" }).provider;
    expect(await spelled.tokens()).toMatchObject({ access_token: `ada at ${server}` });
  });
});

describe("invalidation", () => {
  it("deletes what this instance has read", async () => {
    const { provider, another } = instances();
    await another().saveTokens({ ...bearer("1"), refresh_token: "r1" }, ctx);
    const instance = provider();
    await instance.tokens(ctx);
    await instance.invalidateCredentials("tokens");
    expect(await another().tokens(ctx)).toBeUndefined();
  });

  it("leaves what another has just written", async () => {
    const { provider, another } = instances();
    await another().saveTokens({ ...bearer("1"), refresh_token: "r1" }, ctx);
    const instance = provider();
    await instance.tokens(ctx);
    await another().saveTokens({ ...bearer("2"), refresh_token: "r2" }, ctx);
    await instance.invalidateCredentials("tokens");
    expect(await another().tokens(ctx)).toMatchObject({ access_token: "2" });
  });

  it("leaves what a later call of this very instance has read", async () => {
    const { provider, another } = instances();
    await another().saveTokens({ ...bearer("1"), refresh_token: "r1" }, ctx);
    const instance = provider();
    await instance.tokens(ctx);
    await another().saveTokens({ ...bearer("2"), refresh_token: "r2" }, ctx);
    await instance.tokens(ctx);
    // The first call's tokens are refused.
    await instance.invalidateCredentials("tokens");
    expect(await another().tokens(ctx)).toMatchObject({ access_token: "2" });
    // And the second's too.
    await instance.invalidateCredentials("tokens");
    expect(await another().tokens(ctx)).toBeUndefined();
  });

  it("of a client leaves the one that another has registered", async () => {
    const { provider, another } = instances();
    await another().saveClientInformation({ client_id: "1", issuer }, ctx);
    const instance = provider();
    expect(await instance.clientInformation(ctx)).toEqual({ client_id: "1", issuer });
    await another().saveClientInformation({ client_id: "2", issuer }, ctx);
    await instance.invalidateCredentials("client");
    expect(await instance.clientInformation(ctx)).toEqual({ client_id: "2", issuer });
    await instance.invalidateCredentials("client");
    expect(await instance.clientInformation(ctx)).toBeUndefined();
  });

  it("of all deletes all that was read, and logout whatever there is", async () => {
    const { provider, another } = instances();
    const discovery = { authorizationServerUrl: issuer };
    const instance = provider();
    for (const forget of [() => instance.invalidateCredentials("all"), () => instance.logout()]) {
      await another().saveDiscoveryState(discovery);
      await another().saveTokens(bearer(`${Math.random()}`), ctx);
      expect(await instance.discoveryState()).toEqual(discovery);
      expect(await instance.tokens(ctx)).toBeDefined();
      await forget();
      expect(await another().tokens(ctx)).toBeUndefined();
      expect(await another().discoveryState()).toBeUndefined();
    }
  });
});

describe("the client's registration", () => {
  it("is kept for the tokens that it refreshes, and made anew for a login where the redirect has changed", async () => {
    const { store, provider } = instances();
    const first = provider();
    await first.saveClientInformation({ client_id: "1", issuer }, ctx);
    const moved = () => providerOf({ store, keys, server, redirectUrl: "http://127.0.0.1:7/callback" }).provider;
    expect(await moved().clientInformation(ctx)).toBeUndefined();
    expect(await provider().clientInformation(ctx)).toMatchObject({ client_id: "1" });
    await first.saveTokens({ ...bearer("1"), refresh_token: "r1" }, ctx);
    expect(await moved().clientInformation(ctx)).toMatchObject({ client_id: "1" });
  });

  it("ends with its secret, and the refresh token that only it could use is not sent by another", async () => {
    const { provider } = instances();
    const now = Math.floor(Date.now() / 1000);
    const secret = { client_id: "1", client_secret: "s", redirect_uris: [], issuer };
    const instance = provider();
    await instance.saveClientInformation({ ...secret, client_secret_expires_at: 0 }, ctx);
    expect(await instance.clientInformation(ctx)).toMatchObject({ client_id: "1" });
    await instance.saveClientInformation({ ...secret, client_secret_expires_at: now + 600 }, ctx);
    expect(await instance.clientInformation(ctx)).toMatchObject({ client_id: "1" });
    await instance.saveTokens({ ...bearer("1"), refresh_token: "r1" }, ctx);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 700_000 });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    expect(await instance.clientInformation(ctx)).toBeUndefined();
    await instance.saveClientInformation({ client_id: "2", issuer }, ctx);
    expect(await instance.tokens(ctx)).toEqual({ ...bearer("1") });
  });

  it("may be given, or be a document", async () => {
    const { store } = instances();
    const client = { client_id: "given", issuer };
    const given = providerOf({ store, keys, server, client }).provider;
    await given.saveClientInformation({ client_id: "other", issuer }, ctx);
    expect(await given.clientInformation(ctx)).toEqual(client);
    const clientMetadataUrl = "https://client.example/metadata.json";
    expect(providerOf({ store, keys, server, clientMetadataUrl }).provider.clientMetadataUrl).toBe(clientMetadataUrl);
    for (const wrong of ["http://client.example/metadata.json", "https://client.example/", "no URL"]) {
      expect(() => providerOf({ store, keys, server, clientMetadataUrl: wrong })).toThrow("https URL with a path");
    }
  });
});

it.each(["file:///etc/passwd", "javascript:alert(1)", "calculator:"])("nobody is sent to %s", async (address) => {
  const { provider, redirects } = providerOf({ store: memoryStore(), keys, server });
  await expect(provider.redirectToAuthorization(new URL(address))).rejects.toThrow("no http or https URL");
  expect(redirects).toEqual([]);
});

describe("wrong options", () => {
  const cases: readonly [string, object, string][] = [
    ["no principal", { principal: "" }, "principal"],
    ["a server that is no URL", { server: "mcp.example" }, "URL of an MCP server"],
    ["a server with a password", { server: "https://ada:secret@mcp.example/" }, "user name or a password"],
    ["another protocol", { server: "ftp://mcp.example/" }, "http or https"],
    ["a redirect that is no URL", { redirectUrl: "callback" }, "redirectUrl"],
    ["no redirect", { redirect: undefined }, "redirect must be a function"],
    ["a key that is too short", { keys: [{ id: "1", key: randomBytes(16) }] }, "32 bytes"],
  ];
  it.each(cases)("%s", (_name, wrong, message) => {
    const store = memoryStore();
    expect(() => providerOf({ store, keys, server, ...wrong })).toThrow(message);
  });

  it("a store that may drop records is refused, with the stores that do not", () => {
    const bounded = memoryStore({ maxEntries: 10 });
    expect(() => providerOf({ store: bounded as never, keys, server })).toThrow(
      'KvOAuthClientProvider needs a store that is "durable": every backend\'s stores are, except those of @kv/memcached',
    );
  });
});

/** Instances of one login, as several processes would have them. */
function instances() {
  const store = memoryStore();
  onTestFinished(() => store.close());
  const provider = () => providerOf({ store, keys, server }).provider;
  return { store, provider, another: provider };
}

function bearer(access_token: string) {
  return { access_token, token_type: "Bearer" };
}
