/** The status page, as a real browser shows it and as a program reads it. */
import { openStore } from "@kv/core";
import { responseCache } from "@kv/mcp/server";
import { memoryStore } from "@kv/memory";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { pageOf } from "../src/status-page.ts";
import { chromium, launch, skipped } from "./support/chromium.ts";
import { Issuer } from "./support/issuer.ts";
import { call, connect, documents, folder, KEYS, start } from "./support/server.ts";

describe.skipIf(skipped)("in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch(chromium);
  });
  afterAll(() => browser?.close());

  /** The page of a server, and what the browser complained of. */
  async function open(
    url: URL,
    colorScheme: "light" | "dark",
    width = 1000,
  ): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 } });
    onTestFinished(() => page.close());
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("requestfailed", (request) => complaints.push(request.url()));
    await page.goto(url.href);
    return { page, complaints };
  }

  it("shows store, hit rates, latency and collections, and no value", async () => {
    const server = start(["--docs", await documents(), "--store", `disk:${await folder()}`]);
    const client = await connect(server);
    await call(client, "save_note", { title: "A secret title", text: "A secret text" });
    for (let time = 0; time < 4; time++) await call(client, "search_docs", { query: "tides" });
    const { page, complaints } = await open(new URL("/", await server.url()), "light");
    expect(await page.title()).toBe("Knowledge base: the store is up");
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Knowledge base");
    expect(await page.getByRole("heading", { level: 2 }).allTextContents()).toEqual([
      "Store",
      "Answers from the cache",
      "Exchanges with the store",
      "Collections",
    ]);
    for (const landmark of ["banner", "main", "contentinfo"] as const) {
      expect(await page.getByRole(landmark).count()).toBe(1);
    }
    const row = async (name: RegExp) => page.getByRole("row", { name }).locator("th, td").allTextContents();
    expect(await row(/^tools\/call/)).toEqual(["tools/call", "75.0 %", "3", "0", "1", "1", "0"]);
    expect(await row(/^put/)).toEqual(["put", "2", "0", ...Array(4).fill(expect.stringMatching(/^\d+(\.\d\d)?$/))]);
    expect(await row(/^notes/)).toEqual(["notes", "1"]);
    // The answer, and what has been invalidated.
    expect(await row(/^mcp-responses/)).toEqual(["mcp-responses/knowledge-base@0.1.0", "2"]);
    expect(await page.content()).not.toMatch(/secret|tides/);
    expect(complaints).toEqual([]);
  });

  it.each(["light", "dark"] as const)("keeps the rules of accessibility in %s, also when narrow", async (scheme) => {
    const server = start(["--docs", await documents(), "--store", "memory:"]);
    const client = await connect(server);
    await call(client, "save_note", { title: "One", text: "" });
    const backgrounds = [];
    for (const width of [1000, 320]) {
      const { page, complaints } = await open(new URL("/", await server.url()), scheme, width);
      backgrounds.push(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
      // What playwright runs is not under the page's policy.
      await page.evaluate(axe.source);
      const result = (await page.evaluate("axe.run({ resultTypes: ['violations', 'incomplete'] })")) as {
        readonly violations: readonly { readonly id: string }[];
        readonly incomplete: readonly { readonly id: string }[];
        readonly passes: readonly { readonly id: string }[];
      };
      expect(result.violations).toEqual([]);
      // Where a table is scrolled, axe cannot tell the contrast of what is out of sight.
      if (width === 1000) expect(result.incomplete).toEqual([]);
      expect(result.passes.map(({ id }) => id)).toContain("color-contrast");
      const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      expect(await page.evaluate(overflow)).toBe(0);
      expect(complaints).toEqual([]);
    }
    expect(new Set(backgrounds)).toEqual(new Set([scheme === "light" ? "rgb(255, 255, 255)" : "rgb(20, 24, 29)"]));
  });

  it("lets no script run, whatever is shown", async () => {
    const url = `disk:${await folder()}`;
    const store = await openStore(url, { needs: ["write"] });
    const hostile = `<script>document.title = "run"</script><img src=x onerror="document.title = 'run'">`;
    await store.collection(`knowledge-base__${hostile}`).put("one", 1);
    await store.close();
    const server = start(["--docs", await documents(), "--store", url]);
    const { page, complaints } = await open(new URL("/", await server.url()), "light");
    expect(await page.getByRole("rowheader", { name: hostile }).count()).toBe(1);
    expect(await page.title()).toBe("Knowledge base: the store is up");
    expect(await page.locator("script, img").count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

it("has a policy under which nothing is loaded, run, framed or sent", async () => {
  const server = start(["--docs", await documents(), "--store", "memory:"]);
  const { headers } = await fetch(new URL("/", await server.url()));
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy.split("; ")).toEqual([
    "default-src 'none'",
    expect.stringMatching(/^style-src 'sha256-[\w+/]{43}='$/),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("cache-control")).toBe("no-store");
});

it("is for this machine: with users only where it is asked for, and so are the statistics", async () => {
  const issuer = await Issuer.start();
  const args = ["--docs", await documents(), "--store", "memory:", "--auth", issuer.url];
  const [closed, open] = [start(args), start([...args, "--status"])];
  const get = async (path: string, server: typeof closed) => fetch(new URL(path, await server.url()));
  expect((await get("/", closed)).status).toBe(404);
  expect(await (await get("/health", closed)).json()).toEqual({ store: "up" });
  const page = await get("/", open);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain(`log in at ${issuer.url}`);
  expect(await (await get("/health", open)).json()).toHaveProperty("cache");
});

it("says that the store is down, and does not wait for it", async () => {
  const args = ["--docs", await documents(), "--store", "redis://:s3cret@127.0.0.1:1"];
  const server = start(args, { env: KEYS });
  const text = await (await fetch(new URL("/", await server.url()))).text();
  expect(text).toContain("the store is down");
  expect(text).toContain("They could not be counted now.");
  expect(text).not.toContain("s3cret");
});

it("escapes whatever is put into it, and shows numbers that it has not counted to the end as such", () => {
  const page = pageOf({
    store: "up",
    backend: `<b>&"'`,
    encrypted: true,
    issuer: undefined,
    since: new Date(0),
    cache: responseCache({ store: memoryStore(), server: { name: "any", version: "1" } }).statistics(),
    operations: {},
    collections: [{ name: "<i>", records: 1000, more: true }],
    moreCollections: true,
  });
  expect(page).toContain("<dd>&lt;b&gt;&amp;&quot;&#39;</dd>");
  expect(page).toContain(`<th scope="row">&lt;i&gt;</th><td>more than 1000</td>`);
  expect(page).toContain("the first 1 collections");
});
