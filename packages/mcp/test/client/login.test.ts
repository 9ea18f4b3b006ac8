/** Logins against a real authorization server: what survives, what is used once, what several processes share. */

import { randomBytes } from "node:crypto";
import { Browser } from "@kv/test-servers/oidc";
import { auth, UnauthorizedError } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { callText } from "../support/server.ts";
import { type LoginOptions, newClient, providerOf, transportOf } from "./support/client.ts";
import { type ProtectedServer, startProtectedServer } from "./support/protected-server.ts";
import { openWhole, testedStores } from "./support/stores.ts";

const keys = [{ id: "1", key: randomBytes(32) }];
const stores = await testedStores();
let server: ProtectedServer;

beforeAll(async () => {
  server = await startProtectedServer();
});
afterAll(() => server.stop());

describe.each(stores)("a login over $name", ({ url, skipped }) => {
  it.skipIf(skipped)("works", async () => {
    const store = await openWhole(url);
    onTestFinished(() => store.close());
    const { provider, redirects } = providerOf({ store, keys, server: server.url });
    const transport = transportOf(provider, { store, keys, server: server.url });
    const client = newClient();
    await expect(client.connect(transport)).rejects.toThrow(UnauthorizedError);
    const callback = await new Browser("ada").logIn(redirects[0] ?? "");
    await provider.finishLogin(callback.searchParams, (params) => transport.finishAuth(params));
    const again = newClient();
    await again.connect(transportOf(provider, { store, keys, server: server.url }));
    onTestFinished(() => again.close());
    expect(await callText(again, "whoami")).toBe("ada");
    expect(server.runs()).toBeGreaterThan(0);
  });
});
