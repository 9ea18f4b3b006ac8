/** What real processes make of one login: killed, started again, all at once. */
import { randomBytes } from "node:crypto";
import { Browser } from "@kv/test-servers/oidc";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sharedStores } from "../support/stores.ts";
import { redirectUrl } from "./support/client.ts";
import { ClientProcess } from "./support/client-process.ts";
import { type ProtectedServer, startProtectedServer } from "./support/protected-server.ts";

const stores = await sharedStores();
let server: ProtectedServer;

beforeAll(async () => {
  server = await startProtectedServer();
});
beforeEach(async () => {
  await server.authorizationServer.restart();
});
afterAll(() => server.stop());

describe.each(stores)("processes that share $name", ({ url: storeUrl, skipped }) => {
  const key = randomBytes(32).toString("base64");

  const settings = (principal: string) => ({ storeUrl, key, server: server.url.href, principal, redirectUrl });
  const start = (principal: string) => ClientProcess.start(settings(principal));
  const loggedIn = (principal: string) => ClientProcess.loggedIn(settings(principal));

  it.skipIf(skipped)("a login survives a kill: one silent refresh, no redirect, no registration", async () => {
    const first = await loggedIn("ada");
    expect(await first.call()).toMatchObject({ results: ["ada"], redirects: [] });
    await first.kill();
    server.revokeSeen();
    const second = await start("ada");
    expect(await second.call()).toMatchObject({ results: ["ada"], redirects: [] });
    expect(await server.authorizationServer.counts()).toMatchObject({
      registrations: 1,
      logins: 1,
      refreshes: 1,
      refusals: 0,
    });
  });

  it.skipIf(skipped)("a login that one begins, another may finish", async () => {
    const first = await start("bob");
    const { redirects } = await first.call();
    await first.kill();
    const second = await start("bob");
    await second.finishLogin(await new Browser("bob").logIn(redirects[0] ?? ""));
    expect(await second.call()).toMatchObject({ results: ["bob"], redirects: [] });
  });

  it.skipIf(skipped)("twenty calls of four on an expired token make one refresh", async () => {
    const first = await loggedIn("cy");
    const others = await Promise.all([start("cy"), start("cy"), start("cy")]);
    const clients = [first, ...others];
    await Promise.all(clients.map((client) => client.call()));
    server.revokeSeen();
    const answers = await Promise.all(clients.map((client) => client.call(5)));
    expect(answers.flatMap(({ results }) => results)).toEqual(Array.from({ length: 20 }, () => "cy"));
    expect(answers.flatMap(({ redirects }) => redirects)).toEqual([]);
    const counts = await server.authorizationServer.counts();
    expect(counts).toMatchObject({ registrations: 1, logins: 1, refreshes: 1, refusals: 0 });
    server.revokeSeen();
    expect(await first.call()).toMatchObject({ results: ["cy"], redirects: [] });
  });

  it.skipIf(skipped)("one that is killed while it refreshes is replaced", async () => {
    const { authorizationServer } = server;
    const first = await loggedIn("dee");
    const second = await start("dee");
    await Promise.all([first.call(), second.call()]);
    server.revokeSeen();
    const { first: held } = await authorizationServer.hold();
    const lost = first.call();
    await held;
    const waiting = second.call();
    await first.kill();
    await expect(lost).rejects.toThrow("SIGKILL");
    await authorizationServer.release();
    expect(await waiting).toMatchObject({ results: ["dee"], redirects: [] });
    expect(await authorizationServer.counts()).toMatchObject({ refreshes: 1, refusals: 0 });
  });
});
