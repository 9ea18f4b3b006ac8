/** Machines keep their tokens over a restart. */
import { randomBytes } from "node:crypto";
import { memoryStore } from "@kv/memory";
import {
  ClientCredentialsProvider,
  type OAuthClientProvider,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { withTokenStore } from "../../src/client/index.ts";
import { openWhole, testedStores, type WholeStore } from "../support/stores.ts";
import { whoami } from "./support/client.ts";
import { type ProtectedServer, startProtectedServer } from "./support/protected-server.ts";

const keys = [{ id: "1", key: randomBytes(32) }];
const machine = { clientId: "nightly", clientSecret: "the machine's own secret" };
const stores = await testedStores();
let server: ProtectedServer;

beforeAll(async () => {
  server = await startProtectedServer({ machine });
});
afterAll(() => server.stop());

it.each(stores)("over $name: one token for all, until it ends or is refused", async ({ url, skipped, name }) => {
  if (skipped) return;
  const store = await openWhole(url);
  onTestFinished(() => store.close());
  const { machineLogins: before } = await server.authorizationServer.counts();
  const logins = async () => (await server.authorizationServer.counts()).machineLogins - before;
  for (let process = 0; process < 3; process++) expect(await whoami(machineOf(store))).toBe(machine.clientId);
  expect(await logins(), name).toBe(1);
  server.revokeSeen();
  for (let process = 0; process < 3; process++) expect(await whoami(machineOf(store))).toBe(machine.clientId);
  expect(await logins(), name).toBe(2);
});

it("by client, scope and server; and no longer than it lives", async () => {
  const store = memoryStore();
  onTestFinished(() => store.close());
  const of = (clientId: string, scope?: string, at = "https://mcp.example/mcp") =>
    withTokenStore(providerOf(clientId, scope), { store, keys, server: at });
  await of("a").saveTokens({ access_token: "1", token_type: "Bearer", expires_in: 60 });
  expect(await of("a").tokens()).toMatchObject({ access_token: "1" });
  for (const other of [of("b"), of("a", "mcp"), of("a", undefined, "https://mcp.example/other")]) {
    expect(await other.tokens()).toBeUndefined();
  }
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 58_000 });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  expect(await of("a").tokens()).toBeUndefined();
  const provider = of("a");
  await provider.saveTokens({ access_token: "2", token_type: "Bearer", expires_in: 1 });
  expect(await provider.tokens()).toBeUndefined();
});

it("forgets what was found invalid, and is otherwise the provider that it was given", async () => {
  const store = memoryStore();
  onTestFinished(() => store.close());
  const inner = providerOf("a", "mcp");
  const provider: OAuthClientProvider = withTokenStore(inner, { store, keys, server: "https://mcp.example/mcp" });
  await provider.saveTokens({ access_token: "1", token_type: "Bearer" });
  expect(inner.tokens()).toMatchObject({ access_token: "1" });
  expect(await provider.tokens()).toMatchObject({ access_token: "1" });
  await provider.invalidateCredentials?.("tokens");
  expect(await provider.tokens()).toBeUndefined();
  expect("invalidateCredentials" in provider).toBe(true);
  expect("saveClientInformation" in provider).toBe(false);
  expect(provider.redirectUrl).toBeUndefined();
  expect(String(await provider.prepareTokenRequest?.("mcp"))).toBe("grant_type=client_credentials&scope=mcp");
});

function machineOf(store: WholeStore) {
  const { issuer } = server.authorizationServer;
  const inner = new ClientCredentialsProvider({ ...machine, expectedIssuer: issuer, scope: "mcp" });
  const authProvider = withTokenStore(inner, { store, keys, server: server.url });
  return { transport: () => new StreamableHTTPClientTransport(server.url, { authProvider }) };
}

function providerOf(clientId: string, scope?: string): ClientCredentialsProvider {
  const options = { clientId, clientSecret: "s", expectedIssuer: "https://as.example" };
  return new ClientCredentialsProvider({ ...options, ...(scope !== undefined && { scope }) });
}
