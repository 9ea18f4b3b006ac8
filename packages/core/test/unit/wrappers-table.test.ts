// The README's table of wrappers: complete, up to date, and true.

import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { allWrappers, wrappersTable } from "../../scripts/wrappers-table.ts";
import { allCapabilities } from "../../src/capabilities.ts";
import * as exported from "../../src/wrappers/index.ts";

/** What `@kv/core/wrappers` exports beside wrappers. */
const OTHERS = ["fernetKeyFromPassphrase", "keyFromPassphrase", "reencrypt", "route"];

it("is the one that the code gives: else run `pnpm --filter @kv/core wrappers-table`", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  expect(readme).toContain(wrappersTable());
});

it("has every wrapper there is", () => {
  const functions = Object.entries(exported).flatMap(([name, one]) => (typeof one === "function" ? [name] : []));
  const wrappers = functions.filter((name) => !OTHERS.includes(name));
  const listed = allWrappers().map(({ name }) => name);
  expect(listed.filter((name) => name !== "telemetry").sort()).toEqual(wrappers.sort());
  expect(listed).toContain("telemetry");
});

// Python's wrappers forward eight operations: whatever is wrapped can be enumerated, cleared and closed no more.
it.each(allWrappers())("tells the truth of $name", (layer) => {
  const { capabilities } = layer.apply(new CompleteDriver());
  const withdrawn = allCapabilities.filter((one) => !capabilities[one]);
  expect(withdrawn.sort()).toEqual([...layer.withdraws].sort());
});
