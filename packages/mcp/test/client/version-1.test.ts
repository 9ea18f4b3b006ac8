/** The provider with version 1 of the SDK, which gives it no issuers. */
import { randomBytes } from "node:crypto";
import { memoryStore } from "@kv/memory";
import { Browser } from "@kv/test-servers/oidc";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { expect, it, onTestFinished } from "vitest";
import { refreshCoordinator } from "../../src/client/index.ts";
import { providerOf } from "./support/client.ts";
import { startProtectedServer } from "./support/protected-server.ts";

const keys = [{ id: "1", key: randomBytes(32) }];

it("logs in once, refreshes in silence, and logs in anew where the server has ended the login", async () => {
  const server = await startProtectedServer();
  const store = memoryStore();
  onTestFinished(async () => {
    await store.close();
    await server.stop();
  });
  const start = () => {
    const { provider, redirects } = providerOf({ store, keys, server: server.url });
    const coordinated = refreshCoordinator({ store, keys })(fetch);
    const transport = () =>
      new StreamableHTTPClientTransport(server.url, { authProvider: provider, fetch: coordinated });
    const call = async () => {
      const client = new Client({ name: "tester", version: "1.0.0" });
      try {
        await client.connect(transport());
        return (await client.callTool({ name: "whoami" })).content;
      } finally {
        await client.close();
      }
    };
    return { provider, redirects, transport, call };
  };
  const ada = [{ type: "text", text: "ada" }];

  const first = start();
  await expect(first.call()).rejects.toThrow("Unauthorized");
  const callback = (await new Browser("ada").logIn(first.redirects[0] ?? "")).searchParams;
  await first.provider.finishLogin(callback, (params) => first.transport().finishAuth(params.get("code") ?? ""));
  expect(await first.call()).toEqual(ada);

  server.revokeSeen();
  const second = start();
  expect(await Promise.all([second.call(), second.call(), second.call()])).toEqual([ada, ada, ada]);
  expect(second.redirects).toEqual([]);
  expect(await server.authorizationServer.counts()).toMatchObject({ registrations: 1, logins: 1, refreshes: 1 });

  // The server ends the login.
  server.revokeSeen();
  await server.authorizationServer.forget();
  await expect(second.call()).rejects.toThrow("Unauthorized");
  const next = (await new Browser("ada").logIn(second.redirects[0] ?? "")).searchParams;
  await second.provider.finishLogin(next, (params) => second.transport().finishAuth(params.get("code") ?? ""));
  expect(await second.call()).toEqual(ada);

  // What was registered with one authorization server is not used with another.
  await second.provider.saveDiscoveryState({ authorizationServerUrl: "https://other.example" });
  expect(await second.provider.clientInformation()).toBeUndefined();
});
