// The newer versions of Node.js that users run: each is fetched into the cache folder, and runs what shows that the packages
// and their drivers work on it. The version that started this has run all tests already.

import { spawnSync } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { nodeOf } from "./fetched.mjs";

const root = join(import.meta.dirname, "..");
const VERSIONS = ["22", "24", "26"];

/** What runs on each: the contract where it takes no server, else one file that connects, reads and writes. */
const RUNS = [
  ["memory", []],
  ["core", ["unit"]],
  ["disk", ["format", "expiry", "gate"]],
  ["rocksdb", ["format", "expiry", "closing"]],
  ["redis", ["format"]],
  ["valkey", ["format"]],
  ["memcached", ["format"]],
  ["dynamodb", ["format"]],
  ["mongodb", ["format"]],
  ["mcp", ["server/response-cache", "server/event-store", "client/login"]],
];

let failed = 0;
for (const version of VERSIONS) {
  const node = await nodeOf(version);
  const report = { KV_TEST_REPORT: `.vitest/report-node-${version}.json` };
  const env = { ...process.env, ...report, PATH: dirname(node) + delimiter + process.env.PATH };
  for (const [name, filters] of RUNS) {
    const cwd = join(root, "packages", name);
    const options = ["--reporter=json", "--reporter=dot"];
    const vitest = join(cwd, "node_modules", "vitest", "vitest.mjs");
    const began = Date.now();
    const { status, stdout, stderr } = spawnSync(node, [vitest, "run", ...filters, ...options], {
      cwd,
      env,
      encoding: "utf8",
    });
    const seconds = ((Date.now() - began) / 1000).toFixed(0);
    console.log(`Node.js ${version}, ${name}: ${status === 0 ? "passed" : "failed"} after ${seconds} s`);
    if (status === 0) continue;
    failed++;
    console.log(stdout);
    console.log(stderr);
  }
}
if (failed > 0) process.exitCode = 1;
