/** Logins against a real authorization server: what survives, what is used once, what does not get mixed up. */
import { randomBytes } from "node:crypto";
import { Browser } from "@kv/test-servers/oidc";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { loginOf, whoami } from "./support/client.ts";
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
