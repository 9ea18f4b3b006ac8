// The example of the README is the one in examples/, and does what it says.
import { mkdirSync, readFileSync } from "node:fs";
import { runChild } from "@kv/test-servers";
import { expect, test } from "vitest";
import { childArguments, newFolder } from "./helpers.ts";

test("the example runs, and finds its data again", async () => {
  const example = readFileSync(new URL("../examples/notes.ts", import.meta.url), "utf8");
  expect(readFileSync(new URL("../README.md", import.meta.url), "utf8")).toContain(`\`\`\`ts\n${example}\`\`\``);
  const folder = newFolder();
  mkdirSync(folder);
  for (const run of [1, 2]) {
    const child = runChild(process.execPath, childArguments("../../examples/notes.ts"), { cwd: folder });
    expect(await child.ended).toBe(0);
    expect(child.output()).toBe(`{ text: 'Wrote the first program' }\nrun ${run}\n`);
  }
});
