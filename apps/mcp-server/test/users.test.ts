/** Users: who is let in, and that each sees only what is their own. */
import { serverFor } from "@kv/test-servers";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { SignJWT } from "jose";
import * as vitest from "vitest";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ServerProcess } from "../demo/server-process.ts";
import { Issuer } from "./support/issuer.ts";
import { call, documents, folder, start, textOf, toolCalls } from "./support/server.ts";

const { server: redis, skipped } = await serverFor(vitest, "redis");

const stores = [
  { name: "memory", url: async () => "memory:", skip: false },
  { name: "disk", url: async () => `disk:${await folder()}`, skip: false },
  { name: "redis", url: async () => redis.url, skip: skipped !== undefined },
];

async function guarded(issuer: Issuer, ...args: string[]): Promise<ServerProcess> {
  return start(["--docs", await documents(), "--store", "memory:", "--auth", issuer.url, ...args]);
}

async function connectWith(token: string, server: ServerProcess, mode: "auto" | "legacy" = "auto"): Promise<Client> {
  const client = new Client({ name: "tester", version: "1.0.0" }, { versionNegotiation: { mode } });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(await server.url(), { requestInit }));
  onTestFinished(() => client.close());
  return client;
}

/** What a request with this `Authorization` header is answered. */
async function knock(server: ServerProcess, authorization?: string): Promise<Response> {
  return fetch(await server.url(), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(authorization !== undefined && { authorization }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} }),
  });
}

it("tells who has no token where to get one", async () => {
  const issuer = await Issuer.start();
  const server = await guarded(issuer);
  const refused = await knock(server);
  expect(refused.status).toBe(401);
  const [, metadata = ""] = /resource_metadata="([^"]+)"/.exec(refused.headers.get("www-authenticate") ?? "") ?? [];
  expect(await (await fetch(metadata)).json()).toMatchObject({
    resource: (await server.url()).href,
    authorization_servers: [issuer.url],
  });
});

it("asks for the scopes that it is told to", async () => {
  const issuer = await Issuer.start();
  const server = await guarded(issuer, "--scope", "notes", "--scope", "search");
  const url = await server.url();
  const refused = await knock(server, `Bearer ${await issuer.token("alice", url, { scope: "notes other" })}`);
  expect(refused.status).toBe(403);
  expect(refused.headers.get("www-authenticate")).toMatch(/insufficient_scope.*scope="notes search"/);
  const metadata = await fetch(new URL("/.well-known/oauth-protected-resource/mcp", url));
  expect(await metadata.json()).toMatchObject({ scopes_supported: ["notes", "search"] });
  const good = await issuer.token("alice", url, { scope: "search notes" });
  expect((await knock(server, `Bearer ${good}`)).status).toBe(200);
});

it("lets nobody in whose token was not issued here, for this server, to a user, and until now", async () => {
  const issuer = await Issuer.start();
  const stranger = await Issuer.start();
  const server = await guarded(issuer);
  const url = await server.url();
  const secret = new TextEncoder().encode("a secret that everybody has agreed upon");
  const tokens = {
    "of another issuer": await stranger.token("alice", url),
    "of another issuer, who claims to be this one": await stranger.token("alice", url, { iss: issuer.url }),
    "for another server": await issuer.token("alice", new URL("http://127.0.0.1:1/mcp")),
    "for another path": await issuer.token("alice", new URL("/other", url)),
    "that names no user": await issuer.token(undefined, url),
    expired: await issuer.token("alice", url, {}, Math.floor(Date.now() / 1000) - 1),
    "signed with a secret": await new SignJWT({ iss: issuer.url, sub: "alice", aud: url.href })
      .setProtectedHeader({ alg: "HS256", kid: "one" })
      .setExpirationTime("1h")
      .sign(secret),
    "not signed": `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(
      JSON.stringify({ iss: issuer.url, sub: "alice", aud: url.href, exp: 4_000_000_000 }),
    ).toString("base64url")}.`,
    "that is none": "nonsense",
  };
  for (const [which, token] of Object.entries(tokens)) {
    const { status } = await knock(server, `Bearer ${token}`);
    expect(`${which}: ${status}`).toBe(`${which}: 401`);
  }
  const good = await issuer.token("alice", url);
  expect((await knock(server, `Basic ${good}`)).status).toBe(401);
  expect((await knock(server, `Bearer ${good}`)).status).toBe(200);
  expect(server.lines.join("\n")).not.toContain(good);
});

describe.each(stores)("on $name", ({ url, skip }) => {
  it.skipIf(skip).each(["auto", "legacy"] as const)(
    "gives each user their own, to a client of mode %s",
    async (mode) => {
      const issuer = await Issuer.start();
      const server = await guarded(issuer, "--status", "--store", await url());
      const resource = await server.url();
      const connectAs = async (sub: string, claims = {}) =>
        connectWith(await issuer.token(sub, resource, claims), server, mode);
      const [alice, bob] = [await connectAs("alice"), await connectAs("bob")];

      const saved = await call(alice, "save_note", { title: "Alice's", text: "" });
      await call(bob, "save_note", { title: "Bob's", text: "" });
      const { id } = saved.structuredContent as { id: string };
      expect(textOf(await call(bob, "list_notes"))).toContain("Bob's");
      expect(textOf(await call(bob, "list_notes"))).not.toContain("Alice's");
      for (const other of [id, `../${id}`, `/${id}`]) {
        expect((await call(bob, "delete_note", { id: other })).isError).toBe(true);
      }
      const own = textOf(await call(alice, "list_notes"));
      expect(own).toContain("Alice's");
      expect(own).not.toContain("Bob's");

      // Kept as it is, each user's list is given to that user alone, and is new once a note has changed it.
      const listed = await toolCalls(server);
      expect(textOf(await call(alice, "list_notes"))).toBe(own);
      expect((await toolCalls(server)).hits).toBe(listed.hits + 1);
      await call(alice, "save_note", { title: "Alice's second", text: "" });
      expect(textOf(await call(alice, "list_notes"))).toContain("Alice's second");
      expect(textOf(await call(bob, "list_notes"))).not.toContain("Alice's");

      // The same question: each user's answer is kept for them, with another token too, but not with other scopes.
      const ask = (client: Client) => call(client, "search_docs", { query: "tides" });
      const before = await toolCalls(server);
      const expected = await ask(alice);
      for (const [client, hits, misses] of [
        [alice, 1, 1],
        [bob, 1, 2],
        [await connectAs("alice", { jti: "another" }), 2, 2],
        [await connectAs("alice", { scope: "notes" }), 2, 3],
      ] as const) {
        expect(await ask(client)).toEqual(expected);
        const now = await toolCalls(server);
        expect({ hits: now.hits - before.hits, misses: now.misses - before.misses }).toEqual({ hits, misses });
      }
    },
  );
});

it("lets users in while the issuer is down, and tells others to come again: they keep their login", async () => {
  const issuer = await Issuer.start();
  const seen = await guarded(issuer);
  const client = await connectWith(await issuer.token("alice", await seen.url()), seen);
  await issuer.down();
  expect(textOf(await call(client, "search_docs", { query: "tides" }))).toContain("docs:///sea.md");

  const blind = await guarded(issuer);
  const authorization = `Bearer ${await issuer.token("alice", await blind.url())}`;
  const refused = await knock(blind, authorization);
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("5");
  expect((await knock(blind)).status).toBe(401);
  await blind.line(/^The authorization server http:\S+ is down \(ECONNREFUSED\): nobody is let in\.$/);

  expect(blind.lines.join()).not.toContain("is back");

  await issuer.up();
  expect((await knock(blind, authorization)).status).toBe(200);
  await blind.line(/^The authorization server is back\.$/);
});

it.each([
  ["that does not tell its keys", { jwks_uri: undefined }, /no authorization server that tells its keys/],
  ["that is another one", { issuer: "http://127.0.0.1:1" }, /issuer/i],
])("does not start with an issuer %s", async (_, metadata, message) => {
  const server = await guarded(await Issuer.start(metadata));
  expect(await server.exit).toEqual({ code: 1, signal: null });
  expect(server.lines.at(-1)).toMatch(message);
});
