/** The command-line client: what it prints, and what it says when something is not as it must be. */
import { Browser, startAuthorizationServer } from "@kv/test-servers/oidc";
import { expect, it, onTestFinished } from "vitest";
import { clientOptionsFrom } from "../src/client/options.ts";
import { UsageError } from "../src/options.ts";
import { runClient } from "./support/client.ts";
import { Front } from "./support/front.ts";
import { documents, folder, start } from "./support/server.ts";

const memory = ["--store", "memory:"];

it("lists and calls tools of a server that asks for no login, with answers alone on stdout", async () => {
  const server = start(["--docs", await documents(), ...memory]);
  const { href } = await server.url();
  const listed = await runClient([href, "list", ...memory]);
  expect(listed).toMatchObject({ code: 0, lines: [] });
  expect(listed.output.match(/^\w+/gm)).toEqual(["search_docs", "save_note", "list_notes", "delete_note"]);
  const found = await runClient([href, "call", "search_docs", '{"query":"tides"}', ...memory]);
  expect(found).toMatchObject({ code: 0, lines: [], output: expect.stringContaining("docs:///sea.md") });
  const refused = await runClient([href, "call", "delete_note", '{"id":"none"}', ...memory]);
  expect(refused).toMatchObject({ code: 1, output: expect.stringMatching(/^There is no note with this id/) });
});

it("says in one line what is wrong", async () => {
  const gone = start(["--docs", await documents(), ...memory]);
  const { href } = await gone.url();
  await gone.end();
  const nobody = await runClient([href, "list", ...memory]);
  expect(nobody).toMatchObject({ code: 1, output: "", lines: [expect.stringMatching(/^Failed: .*ECONNREFUSED/)] });
  const evicting = await runClient([href, "list", "--store", "memcached://127.0.0.1:1"]);
  expect(evicting).toMatchObject({ code: 1, lines: [expect.stringMatching(/^Failed: .*"durable"/)] });
});

it("forgets a login, and says that one was refused", async () => {
  const front = await Front.start();
  const authority = await startAuthorizationServer({ resource: front.url });
  onTestFinished(() => authority.stop());
  const args = ["--auth", authority.issuer, "--scope", "mcp", "--url", front.url.href, ...memory];
  front.servers = [start(["--docs", await documents(), ...args])];
  const store = ["--store", `disk:${await folder()}`];
  const list = (browser: Browser) => runClient([front.url.href, "list", ...store], { browser });

  const browser = new Browser("alice");
  expect(await list(browser)).toMatchObject({ code: 0, logins: 1 });
  expect(await list(browser)).toMatchObject({ code: 0, logins: 0 });
  expect(await runClient([front.url.href, "logout", ...store])).toMatchObject({ code: 0, lines: [], output: "" });

  // A browser that comes back with another code than the one that it was given.
  const confused = new (class extends Browser {
    override async logIn(url: string | URL): Promise<URL> {
      const callback = await super.logIn(url);
      callback.searchParams.set("code", "another");
      return callback;
    }
  })("alice");
  const refused = await list(confused);
  expect(refused).toMatchObject({ code: 1, output: "", logins: 1 });
  expect(refused.lines.at(-1)).toMatch(/^Failed: /);
  expect(refused.lines.join("\n")).not.toMatch(/^\s+at /m);
  expect(await list(browser)).toMatchObject({ code: 0, logins: 1 });
}, 300_000);

it.each([
  [[], /first argument must be the URL/],
  [["nonsense", "list"], /first argument must be the URL/],
  [["http://localhost/mcp"], /list, call TOOL/],
  [["http://localhost/mcp", "call"], /list, call TOOL/],
  [["http://localhost/mcp", "call", "tool", "[1]"], /must be a JSON object/],
  [["http://localhost/mcp", "call", "tool", "{"], /must be a JSON object/],
  [["http://localhost/mcp", "list", "more"], /list, call TOOL/],
  [["http://localhost/mcp", "list", "--callback-port", "x"], /--callback-port/],
  [["http://localhost/mcp", "list", "--nonsense"], /--nonsense/],
])("the options %j", (args, message) => {
  expect(() => clientOptionsFrom(args, {})).toThrow(UsageError);
  expect(() => clientOptionsFrom(args, {})).toThrow(message);
});
