// What the README shows: its code is that of the files, the examples run, and the example drivers keep the contract.

import { readFile } from "node:fs/promises";
import { conformance } from "@kv/core/conformance";
import { describe, expect, it } from "vitest";
import { minimalStore } from "../../examples/minimal-driver.ts";
import * as errors from "../../src/errors.ts";

const file = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
const readme = await file("README.md");
const shown = [...readme.matchAll(/<!-- (examples\/\S+) -->\n```ts\n(.*?)```/gs)].map(([, path = "", code]) => ({
  path,
  code,
}));

describe("the README", () => {
  it("shows all examples", () => {
    expect(shown.map(({ path }) => path).sort()).toEqual([
      "examples/around-wrappers.ts",
      "examples/complete-driver.ts",
      "examples/compression.ts",
      "examples/conformance.ts",
      "examples/default-value.ts",
      "examples/encryption.ts",
      "examples/fernet-encryption.ts",
      "examples/five-minutes.ts",
      "examples/get-or-set.ts",
      "examples/minimal-driver.ts",
      "examples/names.ts",
      "examples/several.ts",
      "examples/telemetry.ts",
      "examples/typed-collection.ts",
    ]);
  });

  it.each(shown)("shows $path as it is", async ({ path, code }) => {
    // Without the first line, which says what the file is.
    expect(code).toBe((await file(path)).replace(/^.*\n/, ""));
  });

  it("has every error in its table, with its code and whether it is retryable", () => {
    const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| `(\w+)` \| .* \| (yes|no|.*) \|$/gm)];
    const told = new Map(rows.map(([, code, name, retryable]) => [name, { code, retryable }]));
    const classes = Object.entries(errors).filter(
      ([name]) => name.endsWith("Error") && name !== "KeyValueError" && name !== "asKeyValueError",
    );
    expect([...told.keys()].sort()).toEqual(classes.map(([name]) => name).sort());
    for (const [name, one] of classes) {
      const error = Reflect.construct(one, name === "BatchError" ? [[], []] : ["message"]) as errors.KeyValueError;
      expect(told.get(name)?.code).toBe(error.code);
      if (name !== "BatchError") expect(told.get(name)?.retryable).toBe(error.retryable ? "yes" : "no");
    }
  });
});

describe("an example runs", () => {
  it.each([
    "five-minutes",
    "around-wrappers",
    "telemetry",
    "typed-collection",
    "names",
    "encryption",
    "fernet-encryption",
    "compression",
    "default-value",
    "get-or-set",
    "several",
  ])("%s", async (name) => {
    await import(`../../examples/${name}.ts`);
  });
});

await import("../../examples/conformance.ts");
await conformance({ name: "minimal", open: (options) => minimalStore(options) }).register({ describe, it });
