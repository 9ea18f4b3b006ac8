/** How often a user is sent to the authorization server by calls that need one login. */
import { randomBytes } from "node:crypto";
import { memoryStore } from "@kv/memory";
import { Browser } from "@kv/test-servers/oidc";
import { auth } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { loginOf, whoami } from "./support/client.ts";
import { type ProtectedServer, startProtectedServer } from "./support/protected-server.ts";

const keys = [{ id: "1", key: randomBytes(32) }];
let server: ProtectedServer;

beforeAll(async () => {
  server = await startProtectedServer();
});
afterAll(() => server.stop());

describe("calls without a login", () => {
  it("send the user once while the login is shown, however many they are", async () => {
    const { shown, over, ada, reached } = shownLogin();
    const calls = Array.from({ length: 20 }, () => whoami(ada));
    await vi.waitFor(() => expect(reached).toHaveBeenCalledTimes(20), { timeout: 60_000 });
    expect(shown).toHaveLength(1);
    await ada.finish((await new Browser("ada").logIn(shown[0] ?? "")).searchParams);
    over.resolve();
    for (const result of await Promise.all(calls)) expect(result).toContain("Unauthorized");
    expect(await Promise.all([whoami(ada), whoami(ada)])).toEqual(["ada", "ada"]);
    expect(shown).toHaveLength(1);
  });

  it("send the user anew after a login that came to nothing, and meanwhile for another scope", async () => {
    const { shown, over, ada, reached } = shownLogin();
    const calls = [whoami(ada), whoami(ada)];
    await vi.waitFor(() => expect(reached).toHaveBeenCalledTimes(2), { timeout: 60_000 });
    const other = auth(ada.provider, { serverUrl: server.url, scope: "another" });
    await vi.waitFor(() => expect(shown).toHaveLength(2), { timeout: 60_000 });
    over.reject(new Error("the user closed the window"));
    for (const result of await Promise.all(calls)) expect(result).toContain("the user closed the window");
    await expect(other).rejects.toThrow("the user closed the window");
    expect(await whoami(ada)).toContain("the user closed the window");
    expect(shown).toHaveLength(3);
  });

  /** A user whose login is shown until it is said to be over. */
  function shownLogin() {
    const store = memoryStore();
    onTestFinished(() => store.close());
    const shown: URL[] = [];
    const over = deferred();
    const redirect = (url: URL) => {
      shown.push(url);
      return over.promise;
    };
    const ada = loginOf({ store, keys, server: server.url, redirect });
    return { shown, over, ada, reached: vi.spyOn(ada.provider, "redirectToAuthorization") };
  }
});

/** A promise that the test settles. */
function deferred() {
  let resolve = (): void => {};
  let reject = (_error: Error): void => {};
  const promise = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}
