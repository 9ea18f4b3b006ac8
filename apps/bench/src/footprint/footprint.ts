/** What kv with each backend, and the peers, take by being there: packages, bytes, time to import. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { ResultsFile } from "../files.ts";
import { PACKAGE } from "../folders.ts";
import { load, type Machine, machineSince } from "../machine.ts";
import type { Progress } from "../progress.ts";
import { median } from "../statistics.ts";
import { type PackageSet, sets } from "./sets.ts";

export interface Footprint extends ResultsFile {
  readonly kind: "footprint";
  readonly format: typeof FOOTPRINT_FORMAT;
  readonly seconds: number;
  readonly machine: Machine;
  readonly sets: readonly Measured[];
}

export const FOOTPRINT_FORMAT = 1;

export interface Measured {
  readonly title: string;
  readonly packages: number;
  /** On disk, of what npm installs without development dependencies. */
  readonly bytes: number;
  /** Of all that is imported, in one minified file with gzip; `null` where no bundler can take it. */
  readonly gzip: number | null;
  /** Milliseconds of the first import in a fresh process, more than of an empty module. */
  readonly importTime: number;
}

const ROUNDS = 7;

const run = promisify(execFile);

/** Rejects soon after `signal` aborts; nothing is left behind then. Needs the builds, and the registry. */
export async function footprint(progress: Progress, signal: AbortSignal): Promise<Footprint> {
  const start = performance.now();
  const startedAt = new Date().toISOString();
  const loadBefore = load();
  const folder = await mkdtemp(join(tmpdir(), "kv-footprint-"));
  try {
    const measured: Measured[] = [];
    const tarballs = new Tarballs(folder, signal);
    const versions = await ownVersions();
    for (const [index, set] of sets.entries()) {
      progress(set.title, index / sets.length);
      const place = join(folder, String(index));
      await mkdir(place);
      await install(set, place, tarballs, versions, signal);
      measured.push({ title: set.title, ...(await measure(set, place, signal)) });
    }
    return {
      kind: "footprint",
      format: FOOTPRINT_FORMAT,
      startedAt,
      seconds: Math.round((performance.now() - start) / 1000),
      machine: machineSince(loadBefore),
      sets: measured,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Packages of this project as npm would have them from the registry. */
class Tarballs {
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #packed = new Map<string, Promise<string>>();

  constructor(folder: string, signal: AbortSignal) {
    this.#folder = folder;
    this.#signal = signal;
  }

  of(name: string): Promise<string> {
    const known = this.#packed.get(name) ?? this.#pack(name);
    this.#packed.set(name, known);
    return known;
  }

  async #pack(name: string): Promise<string> {
    const into = join(this.#folder, `packed-${name}`);
    const cwd = join(PACKAGE, "..", "..", "packages", name);
    // The package manager that runs this script, wherever it is: a program, or a script.
    const pnpm = process.env.npm_execpath ?? "pnpm";
    const [command, ...before] = /\.[cm]?js$/.test(pnpm) ? [process.execPath, pnpm] : [pnpm];
    await run(command, [...before, "pack", "--pack-destination", into], { cwd, signal: this.#signal });
    const [file = ""] = await readdir(into);
    return join(into, file);
  }
}

async function ownVersions(): Promise<ReadonlyMap<string, string>> {
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8"));
  return new Map(Object.entries<string>({ ...dependencies, ...devDependencies }));
}

async function install(
  { ours, others }: PackageSet,
  place: string,
  tarballs: Tarballs,
  versions: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const files = await Promise.all(ours.map((name) => tarballs.of(name)));
  const named = others.map((name) => `${name}@${versions.get(name)}`);
  await writeFile(join(place, "package.json"), '{ "private": true, "type": "module" }\n');
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--loglevel=error"];
  await run("npm", ["install", ...flags, ...files, ...named], { cwd: place, signal });
}

async function measure({ imports }: PackageSet, place: string, signal: AbortSignal): Promise<Omit<Measured, "title">> {
  const modules = join(place, "node_modules");
  const { packages } = JSON.parse(await readFile(join(modules, ".package-lock.json"), "utf8"));
  return {
    packages: Object.keys(packages).length,
    bytes: await bytesIn(modules),
    gzip: await bundled(imports, place),
    importTime: await importTime(imports, place, signal),
  };
}

async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name !== ".package-lock.json");
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function bundled(imports: readonly string[], place: string): Promise<number | null> {
  const contents = imports
    .map((name, index) => `import * as _${index} from "${name}"; console.log(_${index});`)
    .join("\n");
  try {
    const { outputFiles, metafile } = await build({
      stdin: { contents, resolveDir: place },
      bundle: true,
      minify: true,
      format: "esm",
      platform: "node",
      target: "node20",
      logLevel: "silent",
      splitting: true,
      outdir: join(place, "bundle"),
      write: false,
      metafile: true,
      absWorkingDir: place,
    });
    const loaded = new Set<string>();
    const load = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      // What is imported when it is first called for does not count.
      for (const { path, kind, external } of metafile.outputs[file]?.imports ?? []) {
        if (kind !== "dynamic-import" && !external) load(path);
      }
    };
    load("bundle/stdin.js");
    const files = outputFiles.filter(({ path }) => loaded.has(relative(place, path)));
    return gzipSync(Buffer.concat(files.map(({ contents }) => contents)), { level: 9 }).length;
  } catch {
    return null;
  }
}

async function importTime(imports: readonly string[], place: string, signal: AbortSignal): Promise<number> {
  await writeFile(join(place, "empty.js"), "export {};\n");
  const times: number[] = [];
  const empty: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    times.push(await timed(imports, place, signal));
    empty.push(await timed(["./empty.js"], place, signal));
  }
  return median(times) - median(empty);
}

async function timed(imports: readonly string[], place: string, signal: AbortSignal): Promise<number> {
  const all = imports.map((name) => `await import(${JSON.stringify(name)});`).join(" ");
  const file = join(place, "timed.js");
  await writeFile(file, `const t = performance.now(); ${all} console.log(performance.now() - t); process.exit();\n`);
  const { stdout } = await run(process.execPath, [file], { cwd: place, signal });
  return Number(stdout.trim().split("\n").at(-1));
}
