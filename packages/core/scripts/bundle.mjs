// Puts what the compiler wrote into one file for each entry and what they share, since Node.js takes about a millisecond
// for each file that is imported. The declarations and the maps to the sources stay as they are.

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entries = Object.values(exports).flatMap((target) => (target.default ? [join(root, target.default)] : []));

const { outputFiles } = await build({
  entryPoints: entries,
  outbase: dist,
  outdir: dist,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  target: "node20",
  packages: "external",
  external: ["node:*"],
  sourcemap: true,
  // The package has the sources beside it.
  sourcesContent: false,
  write: false,
});
for (const file of readdirSync(dist, { recursive: true })) {
  if (/\.js(\.map)?$/.test(file)) rmSync(join(dist, file));
}
for (const { path, contents } of outputFiles) writeFileSync(path, contents);
