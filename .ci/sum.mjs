// Adds up the test reports of all packages, also those of other versions of Node.js. Prints what failed and why, what
// was skipped, and as the last line "N passed, N failed, N skipped". Fails when a test failed, when a test file could not
// run, or when a package that has tests left no report.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const MOST_SKIPPED_NAMED = 50;
const LONGEST_REASON = 1500;

function packageFolders() {
  return ["packages", "apps"].flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)));
}

function hasTests(folder) {
  const tests = join(folder, "test");
  return existsSync(tests) && readdirSync(tests, { recursive: true }).some((file) => file.endsWith(".test.ts"));
}

let passed = 0;
const failed = [];
const skipped = [];

for (const folder of packageFolders().filter(hasTests)) {
  const name = relative(root, folder);
  const reports = join(folder, ".vitest");
  // One of the main run, and one for each other version of Node.js that was tried.
  const files = existsSync(reports) ? readdirSync(reports).filter((file) => /^report.*\.json$/.test(file)) : [];
  if (!files.includes("report.json")) failed.push(`${name}: no test report`);
  for (const file of files) count(name, JSON.parse(readFileSync(join(reports, file), "utf8")));
}

function count(name, report) {
  let wentWrong = false;
  for (const file of report.testResults) {
    const path = relative(root, file.name);
    if (file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed")) {
      failed.push(`${path}: ${file.message || "the file could not run"}`);
      wentWrong = true;
    }
    for (const { status, fullName, failureMessages } of file.assertionResults) {
      if (status === "passed") passed++;
      else if (status === "failed") {
        const reason = failureMessages.join("\n").slice(0, LONGEST_REASON).replaceAll("\n", "\n         ");
        failed.push(`${path}: ${fullName}\n         ${reason}`);
        wentWrong = true;
      } else skipped.push(`${path}: ${fullName}`);
    }
  }
  if (!report.success && !wentWrong) failed.push(`${name}: the run failed outside of its tests`);
}

for (const line of failed) console.log(`failed   ${line}`);
for (const line of skipped.slice(0, MOST_SKIPPED_NAMED)) console.log(`skipped  ${line}`);
if (skipped.length > MOST_SKIPPED_NAMED) console.log(`skipped  and ${skipped.length - MOST_SKIPPED_NAMED} more`);
console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
if (failed.length > 0) process.exitCode = 1;
