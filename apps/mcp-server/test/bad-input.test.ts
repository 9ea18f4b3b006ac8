/** What the user has to put right: each is one clear line and exit code 1. */
import { chmod, cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { ServerProcess } from "../demo/server-process.ts";
import { optionsFrom, UsageError } from "../src/options.ts";
import { documents, folder, fromSources, start } from "./support/server.ts";

async function refusal(args: readonly string[], options?: Parameters<typeof start>[1]): Promise<string> {
  const server = start(args, options);
  expect(await server.exit).toEqual({ code: 1, signal: null });
  expect(server.lines).toHaveLength(1);
  return server.lines.join();
}

it("a port in use", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => holder.once("listening", resolve));
  onTestFinished(() => {
    holder.close();
  });
  const address = holder.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  const line = await refusal(["--docs", await documents(), "--store", "memory:", "--port", port]);
  expect(line).toBe(`Cannot start: port ${port} is in use: choose another by --port, or 0 for any free one`);
});

it.each([
  [["--nonsense"], /--nonsense.*--help/],
  [["--store", "redis://localhost:notaport"], /URL/],
  [["--docs", "/no/such/folder"], /cannot read the documents' folder .*: it does not exist/],
  [["--host", "192.0.2.1", "--auth", "none"], /no address 192\.0\.2\.1/],
])("%j", async (args, message) => {
  const defaults = ["--store", "memory:", "--docs", await documents()];
  expect(await refusal([...defaults, ...args])).toMatch(message);
});

it.each([
  [["--port", "70000"], /--port must be a number from 0 to 65535, not "70000"/],
  [["--port", "-1"], /--port/],
  [["--port"], /--port/],
  [["surplus"], /surplus.*--help/],
  [["--host", "0.0.0.0"], /--host 0\.0\.0\.0 lets others call: give --auth/],
  [["--host", "0.0.0.0", "--auth", "https://login.example"], /needs --url/],
  [["--auth", "http://login.example"], /--auth must be an https: URL/],
  [["--auth", "login.example"], /--auth must be an https: URL/],
  [["--auth", "none", "--stdio"], /--auth is for HTTP/],
  [["--scope", "mcp"], /--scope needs --auth/],
  [["--url", "http://kb.example/mcp"], /--url must be an https: URL/],
])("the options %j", (args, message) => {
  expect(() => optionsFrom(args, {})).toThrow(UsageError);
  expect(() => optionsFrom(args, {})).toThrow(message);
});

it("a store URL in the environment", async () => {
  const server = new ServerProcess([...fromSources, "--port", "0"], { env: { KV_STORE: "nonsense:x" } });
  expect(await server.exit).toEqual({ code: 1, signal: null });
  expect(server.lines).toEqual([expect.stringContaining('there is no backend "nonsense:"')]);
});

it("a folder without Markdown, or that is a file", async () => {
  const docs = await folder({ "notes.txt": "# Not Markdown by name" });
  expect(await refusal(["--store", "memory:", "--docs", docs])).toBe(
    `Cannot start: there is no Markdown (*.md) in ${docs}`,
  );
  expect(await refusal(["--store", "memory:", "--docs", join(docs, "notes.txt")])).toMatch(/it is not a folder/);
});

it("a folder for the store that is a file", async () => {
  const file = join(await folder({ store: "not a folder" }), "store");
  expect(await refusal(["--docs", await documents(), "--store", `disk:${file}`])).toMatch(/^Cannot start: /);
});

it("a folder that may not be written", async () => {
  // Permissions do not bind root, but nobody makes a folder in Linux' /sys.
  const locked = process.getuid?.() === 0 ? "/sys" : await folder();
  if (locked !== "/sys") await chmod(locked, 0o500);
  expect(await refusal(["--docs", await documents(), "--store", `disk:${join(locked, "store")}`])).toMatch(
    /may not write/,
  );
});

it("a backend whose package is not installed", async () => {
  const project = await folder();
  const modules = join(project, "node_modules");
  await mkdir(join(modules, "@kv"), { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const source = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
  await cp(source("apps/mcp-server/src"), join(project, "src"), { recursive: true });
  // Copied, not linked: linked packages would find the backends of this workspace.
  for (const name of ["core", "mcp", "memory"]) {
    for (const part of ["package.json", "src"]) {
      await cp(source(`packages/${name}/${part}`), join(modules, "@kv", name, part), { recursive: true });
    }
  }
  for (const name of ["@modelcontextprotocol", "jose", "zod"]) {
    await symlink(source(`apps/mcp-server/node_modules/${name}`), join(modules, name));
  }
  const command = [...fromSources.slice(0, -1), join(project, "src/main.ts")];
  const docs = ["--docs", await documents()];
  expect(await refusal([...docs, "--store", "redis://127.0.0.1:1"], { command })).toBe(
    'Cannot start: "redis:" needs the package @kv/redis, which is not installed: npm install @kv/redis',
  );
  const server = start([...docs, "--store", "memory:"], { command });
  await server.url();
});

it("is not: the default store, in the current folder", async () => {
  const cwd = await folder();
  const server = start(["--docs", await documents()], { cwd });
  await server.url();
  expect(server.lines[0]).toContain("store disk:.kv.");
});
