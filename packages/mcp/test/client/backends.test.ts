/** The heart of what the other files test, on the stores that they leave out. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { otherStores } from "../support/stores.ts";
import { redirectUrl } from "./support/client.ts";
import { ClientProcess } from "./support/client-process.ts";
import { type ProtectedServer, startProtectedServer } from "./support/protected-server.ts";
import { survivesRotation, takesOnlyItsOwn } from "./support/records.ts";
import { showsNothing } from "./support/secrets.ts";
import { askOnce } from "./support/workers.ts";

const stores = await otherStores();
let server: ProtectedServer;

beforeAll(async () => {
  server = await startProtectedServer();
});
afterAll(() => server.stop());

describe.each(stores)("a login over $name", ({ url: storeUrl, skipped, processes }) => {
  it.skipIf(skipped)("survives a kill, and twenty calls on an expired token then make one refresh", async () => {
    const key = randomBytes(32).toString("base64");
    const settings = { storeUrl, key, server: server.url.href, principal: "ada", redirectUrl };
    const first = await ClientProcess.loggedIn(settings);
    expect(await first.call()).toMatchObject({ results: ["ada"], redirects: [] });
    await first.kill();
    server.revokeSeen();
    const before = await server.authorizationServer.counts();
    const clients = await Promise.all(Array.from({ length: processes }, () => ClientProcess.start(settings)));
    const answers = await Promise.all(clients.map((client) => client.call(20 / processes)));
    expect(answers.flatMap(({ results }) => results)).toEqual(Array.from({ length: 20 }, () => "ada"));
    expect(answers.flatMap(({ redirects }) => redirects)).toEqual([]);
    expect(await server.authorizationServer.counts()).toEqual({
      ...before,
      refreshes: before.refreshes + 1,
      tokenRequests: before.tokenRequests + 1,
    });
    await Promise.all(clients.map((client) => client.kill()));
  });

  it.skipIf(skipped)("shows nothing of it in the store", () => showsNothing(storeUrl, server));

  it.skipIf(skipped)("takes no record that was moved or planted", () => takesOnlyItsOwn(storeUrl));

  it.skipIf(skipped)("survives a change of keys while they overlap, and begins anew without", () =>
    survivesRotation(storeUrl),
  );
});

describe.each(stores)("workers that share $name", ({ url, skipped }) => {
  it.skipIf(skipped)("ask a server once, but not for another user, nor for another server of its name", () =>
    askOnce(url),
  );
});
