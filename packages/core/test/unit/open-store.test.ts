// Stores by URL: which backend, what it must be able to do, and what is said where that fails.

import { BackendNotInstalledError, InvalidArgumentError, openStore } from "@kv/core";
import { expect, it } from "vitest";
import { rejection } from "./held-driver.ts";

it("opens the backend of the scheme, in whatever case", async () => {
  for (const url of ["memory:", "MEMORY:"]) {
    const store = await openStore(url, { needs: ["write", "atomic"], defaultCollection: "mine" });
    expect(store.driver.name).toBe("memory");
    expect(store.name).toBe("mine");
    await store.put("a", 1);
    expect(await store.increment("a")).toBe(2);
    await store.close();
  }
});

it.each([
  ["nothing", ""],
  ["no scheme", "localhost:"],
  ["a path", "/var/lib/kv"],
  ["an unknown scheme", "postgres://user:s3cret@host/db"],
  ["a scheme named as an object's own", "constructor:x"],
  ["another such", "__proto__:x"],
  ["no text", undefined],
])("refuses %s, names the schemes there are, and repeats no URL", async (_, url) => {
  const error = await rejection(openStore(url as string));
  expect(error).toBeInstanceOf(InvalidArgumentError);
  expect(error).not.toBeInstanceOf(BackendNotInstalledError);
  expect((error as Error).message).toMatch(/one of memory:, disk:, redis:, rediss:/);
  expect((error as Error).message).not.toContain("s3cret");
});
