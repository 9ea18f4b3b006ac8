/** Logins, from the browser to the tool and through restarts: real processes, a real authorization server. */
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { serverFor } from "@kv/test-servers";
import { type AuthorizationServer, Browser, startAuthorizationServer } from "@kv/test-servers/oidc";
import * as vitest from "vitest";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ServerProcess } from "../demo/server-process.ts";
import { chromium, launch, skipped as noChromium } from "./support/chromium.ts";
import { runClient } from "./support/client.ts";
import { Front } from "./support/front.ts";
import { documents, folder, KEYS, start, toolCalls } from "./support/server.ts";

const { server: redis, skipped } = await serverFor(vitest, "redis");

const stores = [
  { name: "disk", url: async () => `disk:${await folder()}`, skip: false },
  { name: "redis", url: async () => redis.url, skip: skipped !== undefined },
];

type CallOptions = Parameters<typeof runClient>[1] & { readonly user?: string };

interface World {
  readonly front: Front;
  readonly authority: AuthorizationServer;
  readonly store: string;
  /** Another server behind the front, in place of what was there or beside it. */
  serve(env?: NodeJS.ProcessEnv): Promise<ServerProcess>;
  /** The tool's answer to a user of that name. */
  call(tool: string, args?: object, options?: CallOptions): ReturnType<typeof runClient>;
}

/** A user's login and the server's data lie in one store, in collections of their own. */
async function world(store: string, accessTokenSeconds?: number): Promise<World> {
  const front = await Front.start();
  const authority = await startAuthorizationServer({
    resource: front.url,
    ...(accessTokenSeconds !== undefined && { accessTokenSeconds }),
  });
  onTestFinished(() => authority.stop());
  const docs = await documents();
  return {
    front,
    authority,
    store,
    serve: async (env = KEYS) => {
      const args = [
        "--auth",
        authority.issuer,
        "--scope",
        "mcp",
        "--url",
        front.url.href,
        "--docs",
        docs,
        "--store",
        store,
        "--status",
      ];
      const server = start(args, { env });
      await server.line(/^Serving on /);
      return server;
    },
    call: (tool, args = {}, { user = "default", ...options } = {}) =>
      runClient([front.url.href, "call", tool, JSON.stringify(args), "--store", store, "--user", user], options),
  };
}

// Each call is a process of its own: on a slow machine that takes its time.
describe.each(stores)("over $name", { timeout: 600_000 }, ({ url, skip }) => {
  it.skipIf(skip)("log in once, whatever is killed and started again", async () => {
    const { front, authority, serve, call } = await world(await url());
    const first = await serve();
    front.servers = [first];
    const browser = new Browser("alice");
    const strays = ["code=stolen&state=unknown", "error=access_denied&state=unknown"];
    const saved = await call("save_note", { title: "Before", text: "" }, { browser, strays });
    expect(saved).toMatchObject({ code: 0, logins: 1, output: expect.stringMatching(/^Saved as /) });
    expect(await authority.counts()).toMatchObject({ registrations: 1, logins: 1 });

    await first.end("SIGKILL");
    await authority.restart();
    front.servers = [await serve()];
    const listed = await call("list_notes");
    expect(listed).toMatchObject({ code: 0, logins: 0, lines: [], output: expect.stringContaining("Before") });
    expect(await authority.counts()).toMatchObject({ registrations: 0, logins: 0, tokenRequests: 0 });
  });

  it.skipIf(skip)("refresh once for four processes that find the token expired after a restart", async () => {
    const lifetime = 5;
    const { front, authority, serve, call } = await world(await url(), lifetime);
    const first = await serve();
    front.servers = [first];
    const saved = await call("save_note", { title: "Before", text: "" }, { browser: new Browser("alice") });
    expect(saved).toMatchObject({ code: 0, logins: 1 });
    const expired = performance.now() + (lifetime + 1) * 1000;

    await first.end("SIGKILL");
    await authority.restart({ accessTokenSeconds: 3600 });
    front.servers = [await serve(), await serve()];
    await setTimeout(expired - performance.now());
    const runs = await Promise.all(Array.from({ length: 4 }, () => call("list_notes")));
    for (const run of runs) {
      expect(run).toMatchObject({ code: 0, logins: 0, lines: [], output: expect.stringContaining("Before") });
    }
    expect(await authority.counts()).toMatchObject({ registrations: 0, logins: 0, refreshes: 1, refusals: 0 });
  });

  it.skipIf(skip)("are each user's own, on every node", async () => {
    const { front, serve, call } = await world(await url());
    const [one, other] = [await serve(), await serve()];
    front.servers = [one, other];
    const callAs = (user: string, tool: string, args: object = {}) =>
      call(tool, args, { user, browser: new Browser(user) });
    expect(await callAs("alice", "save_note", { title: "Alice's", text: "" })).toMatchObject({ code: 0, logins: 1 });
    expect(await callAs("bob", "save_note", { title: "Bob's", text: "" })).toMatchObject({ code: 0, logins: 1 });
    const [alice, bob] = [await callAs("alice", "list_notes"), await callAs("bob", "list_notes")];
    expect(alice).toMatchObject({ code: 0, logins: 0, output: expect.stringMatching(/^\S+ {2}\S+ {2}Alice's\n$/) });
    expect(bob).toMatchObject({ code: 0, logins: 0, output: expect.stringMatching(/^\S+ {2}\S+ {2}Bob's\n$/) });
    // What one node has answered to a user, the other one knows, for that user alone.
    const answers = [];
    for (const user of ["alice", "bob", "alice", "bob"])
      answers.push(await callAs(user, "search_docs", { query: "sea" }));
    expect(new Set(answers.map(({ output }) => output)).size).toBe(1);
    const [here, there] = [await toolCalls(one), await toolCalls(other)];
    expect({ hits: here.hits + there.hits, misses: here.misses + there.misses }).toEqual({ hits: 2, misses: 4 });
  });

  it.skipIf(skip)("outlive a rotation of the keys; without the old key they begin anew", async () => {
    const { front, serve, call } = await world(await url());
    const newKey = (id: string) => `${id}:${randomBytes(32).toString("base64")}`;
    const [old, current] = [newKey("2025"), newKey("2026")];
    const rings = [old, `${current},${old}`, current].map((keys) => ({ KV_ENCRYPTION_KEYS: keys }));
    const browser = new Browser("alice");
    const runs = [];
    for (const env of rings) {
      const server = await serve(env);
      front.servers = [server];
      runs.push(await call("search_docs", { query: "tides" }, { browser, env }));
      await server.end();
    }
    expect(runs.map(({ code, logins }) => ({ code, logins }))).toEqual([
      { code: 0, logins: 1 },
      { code: 0, logins: 0 },
      { code: 0, logins: 1 },
    ]);
    expect(runs[2]?.lines).toContain("The login that was kept cannot be read (DECRYPTION_FAILED).");
  });
});

it.skipIf(noChromium)("are made in a real browser", { timeout: 600_000 }, async () => {
  const { front, serve, call } = await world(`disk:${await folder()}`);
  front.servers = [await serve()];
  const browser = await launch(chromium);
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  let end: string[] = [];
  const logIn = async (url: string): Promise<void> => {
    await page.goto(url);
    await page.fill("[name=login]", "alice");
    await page.fill("[name=password]", "any");
    await page.click("[type=submit]");
    await page.click("[type=submit]");
    await page.waitForURL(/\/callback\?/);
    end = await page.getByRole("heading").allTextContents();
  };
  const listed = await call("list_notes", {}, { browser: logIn });
  expect(listed).toMatchObject({ code: 0, logins: 1, output: expect.stringContaining("no notes yet") });
  expect(end).toEqual(["You are logged in"]);
});
