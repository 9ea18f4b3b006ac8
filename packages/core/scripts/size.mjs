// What core costs its users: prints the size of its index with all that an import of it loads, bundled, minified and
// gzipped, and how long importing it takes. What is imported only when it is first called for is counted apart.
// Fails over the size, and over a static import of anything that is not core's own; times depend on the machine and are
// only printed. Needs the build.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const GZIP_LIMIT = 10_000;
const TIME_TARGET = 15;
const ROUNDS = 21;

const index = fileURLToPath(new URL("../dist/index.js", import.meta.url));
const run = promisify(execFile);

/** Keeps a bundle to what an import of it loads, and tells what it leaves for later. */
const leaving = (later) => ({
  name: "later",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      later.add(join(resolveDir, path));
      return { path, external: true };
    }),
});

async function bundle(file) {
  const later = new Set();
  const result = await build({
    entryPoints: [file],
    plugins: [leaving(later)],
    // Chunks are imported for their order, too, though nothing comes of it.
    logLevel: "error",
    bundle: true,
    minify: true,
    format: "esm",
    target: "node20",
    platform: "neutral",
    packages: "external",
    external: ["node:*"],
    write: false,
    outfile: "core.min.js",
    metafile: true,
  });
  const foreign = Object.values(result.metafile.outputs)
    .flatMap((output) => output.imports)
    .filter(({ external, kind }) => external && kind !== "dynamic-import")
    .map(({ path }) => path);
  const code = result.outputFiles[0].contents;
  return { minified: code.length, gzip: gzipSync(code, { level: 9 }).length, foreign, later: [...later] };
}

/** Milliseconds that a fresh process takes for the first `import()` of the file. */
async function importTime(file) {
  const code = `const t = performance.now(); await import(${JSON.stringify(pathToFileURL(file).href)}); console.log(performance.now() - t);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", code]);
  return Number(stdout);
}

function median(times) {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
}

async function importTimes() {
  const folder = await mkdtemp(join(tmpdir(), "kv-size-"));
  try {
    const empty = join(folder, "empty.mjs");
    await writeFile(empty, "export {};\n");
    const times = { core: [], empty: [] };
    for (let round = 0; round < ROUNDS; round++) {
      times.core.push(await importTime(index));
      times.empty.push(await importTime(empty));
    }
    return { core: median(times.core), empty: median(times.empty) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { minified, gzip, foreign, later } = await bundle(index);
const { core, empty } = await importTimes();
const more = core - empty;

console.log(`@kv/core minified        ${minified.toLocaleString("en")} bytes`);
console.log(`@kv/core minified + gzip ${gzip.toLocaleString("en")} bytes (limit ${GZIP_LIMIT.toLocaleString("en")})`);
console.log(`beside it                ${later.length} file, loaded when it is first called for`);
console.log(
  `import "@kv/core"        ${more.toFixed(1)} ms more than an empty module (target ${TIME_TARGET}; ${core.toFixed(1)} against ${empty.toFixed(1)}, medians of ${ROUNDS})`,
);

if (gzip > GZIP_LIMIT) {
  console.error(`Core is ${(gzip - GZIP_LIMIT).toLocaleString("en")} bytes over its limit.`);
  process.exitCode = 1;
}
if (foreign.length > 0) {
  console.error(`Core's index must import nothing but its own files, but imports ${[...new Set(foreign)].join(", ")}.`);
  process.exitCode = 1;
}
