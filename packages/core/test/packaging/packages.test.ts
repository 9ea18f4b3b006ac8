// The packages as users get them: packed, installed outside of the workspace by npm and pnpm, used from ESM, CommonJS and
// TypeScript. Needs the builds of core, memory, disk and redis, which `pnpm test` sees to.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

/** Of one program, and of one test. Most of it is the registry's. */
const LIMIT = 5 * 60_000;
vi.setConfig({ testTimeout: LIMIT, hookTimeout: LIMIT });

const packages = fileURLToPath(new URL("../../..", import.meta.url));
const typescript = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
const nodeTypes = fileURLToPath(new URL("../../node_modules/@types", import.meta.url));

type Name = "core" | "memory" | "disk" | "redis";

/** The workspace of a test; its path has no link in it, so that paths can be compared. */
let folder: string;
const tarballs = new Map<Name, string>();

/** As a user's shell has it: without what the package manager that runs the tests has set, but for the way to the registry. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_|pnpm_|vitest|ci$|init_cwd$|node_options$|node_env$)/i.test(name) ||
      /^npm_config_(registry|userconfig|globalconfig|cache|cafile|proxy|https_proxy|noproxy)$/i.test(name),
  ),
);

/** What the program prints. Rejects with all that it printed where it fails. */
function run(cwd: string, program: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env: environment, timeout: LIMIT }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(" ")}: ${error.message}\n${stdout}\n${stderr}`));
      else resolve(stdout);
    });
  });
}

const npm = (cwd: string, ...args: string[]) => run(cwd, "npm", ...args, "--no-audit", "--no-fund", "--loglevel=error");
const pnpm = (cwd: string, ...args: string[]) => run(cwd, "npx", "--yes", "pnpm@12", ...args);

function tarball(name: Name): string {
  return tarballs.get(name) ?? expect.fail(`${name} was not packed`);
}

/** A folder for a program that depends on these packages of ours, not installed yet. */
async function project(name: string, ...dependencies: Name[]): Promise<string> {
  const cwd = join(folder, name);
  await mkdir(cwd);
  const specs = dependencies.map((one) => [`@kv/${one}`, `file:${tarball(one)}`]);
  await write(cwd, "package.json", { name, private: true, type: "module", dependencies: Object.fromEntries(specs) });
  return cwd;
}

async function write(cwd: string, file: string, content: object | string): Promise<void> {
  await writeFile(join(cwd, file), typeof content === "string" ? content : JSON.stringify(content, null, 2));
}

/** Runs the code as a file of the project; what it prints is JSON. */
async function result(cwd: string, file: string, code: string): Promise<unknown> {
  await write(cwd, file, code);
  return JSON.parse(await run(cwd, process.execPath, file));
}

/** Name and version of each package that npm has installed, or would install. */
async function tree(cwd: string, lockfile: string): Promise<string[]> {
  const { packages }: { packages: Record<string, { version?: string }> } = JSON.parse(
    await readFile(join(cwd, lockfile), "utf8"),
  );
  return Object.entries(packages)
    .filter(([path]) => path !== "")
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, "")}@${version}`)
    .sort();
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "kv-packaging-")));
  for (const name of ["core", "memory", "disk", "redis"] as const) {
    const source = join(packages, name);
    if (!existsSync(join(source, "dist/index.js"))) throw new Error(`@kv/${name} is not built: run pnpm build`);
    const target = join(folder, `${name}.tgz`);
    await pnpm(source, "pack", "--out", target);
    tarballs.set(name, target);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Uses a store in memory, and says what it saw: also whether an error of the backend is one of the core that was imported. */
const USE = `
  const store = await openStore("memory:", { needs: ["write", "atomic"] });
  await store.put("ada", { name: "Ada" }, { ttl: "1h" });
  const value = await store.get("ada");
  const failed = await store.increment("ada").catch((error) => error);
  const limited = await memoryStore({ maxBytes: 1000 }).put("a", "x".repeat(2000)).catch((error) => error);
  await store.close();
  console.log(JSON.stringify({
    value,
    failed: [failed.code, failed instanceof KeyValueError],
    limited: [limited.code, limited instanceof KeyValueError],
  }));
`;
const USED = {
  value: { name: "Ada" },
  failed: ["INVALID_COUNTER", true],
  limited: ["VALUE_TOO_LARGE", true],
};
const ESM = `
  import { KeyValueError, openStore } from "@kv/core";
  import { memoryStore } from "@kv/memory";
  ${USE}
`;
/** Asks for a backend that is not there. */
const MISSING = `
  import { BackendNotInstalledError, openStore } from "@kv/core";
  const error = await openStore("redis://user:s3cret@localhost").catch((error) => error);
  console.log(JSON.stringify([error instanceof BackendNotInstalledError, error.code, error.message]));
`;
const NAMED = [
  true,
  "BACKEND_NOT_INSTALLED",
  '"redis:" needs the package @kv/redis, which is not installed: npm install @kv/redis',
];

describe("core and memory, installed by npm", () => {
  let cwd: string;
  beforeAll(async () => {
    cwd = await project("npm-memory", "core", "memory");
    await npm(cwd, "install");
  });

  it("bring no third package", async () => {
    expect((await tree(cwd, "node_modules/.package-lock.json")).map((one) => one.replace(/@[^@]*$/, ""))).toEqual([
      "@kv/core",
      "@kv/memory",
    ]);
  });

  it("are used from ESM", async () => {
    expect(await result(cwd, "esm.js", ESM)).toEqual(USED);
  });

  it("are used from CommonJS", async () => {
    const code = `
      const { KeyValueError, openStore } = require("@kv/core");
      const { memoryStore } = require("@kv/memory");
      (async () => {${USE}})();
    `;
    expect(await result(cwd, "commonjs.cjs", code)).toEqual(USED);
  });

  it("have every subpath of theirs", async () => {
    const code = `
      const names = await Promise.all(
        ["@kv/core", "@kv/core/driver", "@kv/core/wrappers", "@kv/core/conformance", "@kv/memory"].map(async (name) =>
          Object.keys(await import(name)).length > 0,
        ),
      );
      console.log(JSON.stringify(names));
    `;
    expect(await result(cwd, "subpaths.js", code)).toEqual([true, true, true, true, true]);
  });

  it("run the conformance suite where fast-check is not installed", async () => {
    const code = `
      import { conformance } from "@kv/core/conformance";
      import { memoryStore } from "@kv/memory";
      const suite = conformance({ name: "memory", open: (options) => memoryStore(options) });
      const { passed, results } = await suite.run({ only: ({ chapter }) => chapter === "names" || chapter === "model" });
      console.log(JSON.stringify([passed, results.length > 0]));
    `;
    expect(await result(cwd, "conformance.js", code)).toEqual([true, true]);
  });

  it.each([
    ["node16", "node16"],
    ["nodenext", "nodenext"],
    ["bundler", "preserve"],
  ])("are used from TypeScript with the module resolution %s", async (moduleResolution, module) => {
    await write(
      cwd,
      "program.ts",
      `
      import { createStore, type Entry, type JsonValue, type KeyValueStore, openStore } from "@kv/core";
      import { joinNames } from "@kv/core/driver";
      import { conformance } from "@kv/core/conformance";
      import { prefixCollections, retry } from "@kv/core/wrappers";
      import { MemoryDriver, memoryStore } from "@kv/memory";

      const store: KeyValueStore<"write" | "atomic"> = memoryStore().with(prefixCollections("p")).with(retry());
      await store.put("ada", { name: "Ada" }, { ttl: "1h" });
      const entry: Entry<JsonValue> | undefined = await store.getEntry("ada");
      const made = createStore(new MemoryDriver());
      for await (const key of made.collection().keys()) key.length;
      const opened = await openStore("memory:");
      // @ts-expect-error
      opened.increment("a");
      // @ts-expect-error
      store.put("a", new Date());
      void [entry, joinNames("a", "b", "::"), conformance];
    `,
    );
    await write(cwd, "tsconfig.json", {
      files: ["program.ts"],
      compilerOptions: {
        target: "es2022",
        module,
        moduleResolution,
        strict: true,
        noEmit: true,
        // Our declarations are checked too.
        skipLibCheck: false,
        types: ["node"],
        typeRoots: [nodeTypes],
      },
    });
    expect(await run(cwd, process.execPath, typescript, "--project", "tsconfig.json")).toBe("");
  });

  it("name the package of a backend that is missing, and not the URL", async () => {
    expect(await result(cwd, "missing.js", MISSING)).toEqual(NAMED);
  });
});

describe("core and redis, installed by npm", () => {
  it("bring ioredis and what it needs, nothing else", async () => {
    const cwd = await project("npm-redis", "core", "redis");
    await npm(cwd, "install");
    const installed = await tree(cwd, "node_modules/.package-lock.json");
    const alone = join(folder, "ioredis-alone");
    await mkdir(alone);
    const { dependencies } = JSON.parse(await readFile(join(cwd, "node_modules/@kv/redis/package.json"), "utf8"));
    expect(Object.keys(dependencies)).toEqual(["ioredis"]);
    await write(alone, "package.json", { private: true, dependencies });
    await npm(alone, "install", "--package-lock-only");
    expect(installed.filter((one) => !one.startsWith("@kv/"))).toEqual(await tree(alone, "package-lock.json"));
    expect(installed.filter((one) => one.startsWith("@kv/"))).toHaveLength(2);

    // Nothing listens on this port: the store is there, its server is not.
    const code = `
      import { KeyValueError, openStore } from "@kv/core";
      import { RedisDriver } from "@kv/redis";
      const store = await openStore("redis://127.0.0.1:1", { needs: ["atomic"] });
      const error = await store.get("a").catch((error) => error);
      await store.close();
      console.log(JSON.stringify([store.driver instanceof RedisDriver, error.code, error instanceof KeyValueError]));
    `;
    expect(await result(cwd, "esm.js", code)).toEqual([true, "UNAVAILABLE", true]);
  });
});

describe("core and disk, installed by npm", () => {
  it("keep what was stored from one process to the next", async () => {
    const cwd = await project("npm-disk", "core", "disk");
    await npm(cwd, "install", "--ignore-scripts");
    const code = `
      import { openStore } from "@kv/core";
      const store = await openStore("disk:./data", { needs: ["atomic"] });
      console.log(await store.increment("runs"));
      await store.close();
    `;
    expect(await result(cwd, "esm.js", code)).toBe(1);
    expect(await result(cwd, "esm.js", code)).toBe(2);
  });
});

describe.each([
  ["without hoisting", { hoist: false, shamefullyHoist: false, publicHoistPattern: [] }],
  ["with a global virtual store", { enableGlobalVirtualStore: true }],
])("installed by pnpm %s", (title, settings) => {
  const name = `pnpm ${title}`.replaceAll(" ", "-");

  it("openStore finds its backend, and there is one copy of core", async () => {
    const cwd = await project(name, "core", "memory");
    // JSON is YAML. The store is the test's own, so that nothing is left behind.
    await write(cwd, "pnpm-workspace.yaml", { ...settings, storeDir: join(folder, "pnpm-store") });
    await pnpm(cwd, "install", "--ignore-scripts");
    const core = await realpath(join(cwd, "node_modules/@kv/core"));
    const global = "enableGlobalVirtualStore" in settings;
    // The setting is in force.
    expect(core.startsWith(join(folder, global ? "pnpm-store" : `${name}/node_modules/.pnpm`)), core).toBe(true);
    expect(existsSync(join(cwd, "node_modules/.pnpm/node_modules/@kv"))).toBe(false);
    expect(await result(cwd, "esm.js", ESM)).toEqual(USED);
  });

  it("openStore names the backend that is missing", async () => {
    const cwd = await project(`${name}-missing`, "core");
    await write(cwd, "pnpm-workspace.yaml", { ...settings, storeDir: join(folder, "pnpm-store") });
    await pnpm(cwd, "install", "--ignore-scripts");
    expect(await result(cwd, "missing.js", MISSING)).toEqual(NAMED);
  });
});
