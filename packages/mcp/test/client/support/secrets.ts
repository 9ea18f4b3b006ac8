/** What goes over the wire in a login, and that none of it can be read in the store. */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DiskDriver } from "@kv/disk";
import { RedisDriver } from "@kv/redis";
import { Browser } from "@kv/test-servers/oidc";
import type { FetchLike } from "@modelcontextprotocol/client";
import { expect, onTestFinished } from "vitest";
import { dumpOf } from "../../support/dump.ts";
import { openWhole, type WholeStore } from "../../support/stores.ts";
import { loginOf, whoami } from "./client.ts";
import type { ProtectedServer } from "./protected-server.ts";

/** Logs in, refreshes and keeps a client's secret. */
export async function showsNothing(url: string, server: ProtectedServer): Promise<void> {
  const store = await openWhole(url);
  onTestFinished(() => store.close());
  const keys = [{ id: "1", key: randomBytes(32) }];
  const principal = "ada@example.com";
  const sent = new Sent();
  const login = loginOf({ store, keys, server: server.url, principal, fetch: sent.fetch });
  await whoami(login);
  const atRedirect = await dump(store);
  const callback = (await new Browser("ada").logIn(login.redirects[0] ?? "")).searchParams;
  await login.finish(callback);
  expect(await whoami(login)).toBe("ada");
  server.revokeSeen();
  expect(await whoami(login)).toBe("ada");
  await login.provider.saveClientInformation({ client_id: "c", client_secret: "the client's secret", issuer: "i" });
  const texts = [atRedirect, await dump(store)];
  const secrets = [
    ...sent.secrets,
    callback.get("code"),
    callback.get("state"),
    "the client's secret",
    principal,
    server.url.host,
    server.authorizationServer.issuer,
  ];
  expect(sent.kinds).toEqual(new Set(["access_token", "refresh_token", "code_verifier", "code"]));
  for (const text of texts) {
    expect(text).toContain("kv1");
    for (const secret of secrets) expect(text.includes(String(secret)), `${secret} in the store`).toBe(false);
  }
}

/** Sees what goes over the wire: every token, verifier and code. */
class Sent {
  readonly secrets = new Set<string>();
  readonly kinds = new Set<string>();

  readonly fetch: FetchLike = async (input, init) => {
    if (init?.body instanceof URLSearchParams) this.#note(Object.fromEntries(init.body));
    const response = await fetch(input, init);
    if (init?.body instanceof URLSearchParams) this.#note((await response.clone().json()) as Record<string, unknown>);
    return response;
  };

  #note(fields: Record<string, unknown>): void {
    for (const kind of ["access_token", "refresh_token", "code_verifier", "code"]) {
      const value = fields[kind];
      if (typeof value !== "string") continue;
      this.kinds.add(kind);
      this.secrets.add(value);
    }
  }
}

/** All names and values, as whoever can read the backend sees them. */
async function dump(store: WholeStore): Promise<string> {
  const { driver } = store;
  if (driver instanceof RedisDriver) {
    const { client } = driver;
    const names = await client.keys("*");
    return JSON.stringify([names, await Promise.all(names.map((name) => client.get(name)))]);
  }
  return (await dumpOf(store)) + (driver instanceof DiskDriver ? await filesOf(driver) : "");
}

async function filesOf({ path }: DiskDriver): Promise<string> {
  const files = await readdir(path);
  return (await Promise.all(files.map((file) => readFile(join(path, file), "utf8")))).join("\n");
}
