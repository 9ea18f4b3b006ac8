// What is fetched by npm into the cache folder, outside of the project: other versions of Node.js, tools that need them.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { cached } from "../packages/test-servers/src/cache.ts";

/** The program of a version of Node.js, from packages that hold the released binaries. */
export async function nodeOf(version) {
  const name = `node-${process.platform}-${process.arch}`;
  return join(await npmPackage(name, version), "bin", "node");
}

/** The folder of a package, with what it depends on beside it. */
export async function npmPackage(name, version) {
  const folder = await cached(`${name.replace(/\W+/g, "-")}-${version}`, async (place) => {
    const options = ["--prefix", place, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    execFileSync("npm", ["install", ...options, `${name}@${version}`], { stdio: "inherit" });
  });
  return join(folder, "node_modules", name);
}
