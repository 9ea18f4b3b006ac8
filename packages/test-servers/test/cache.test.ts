// The cache folder under several writers.

import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { cached, findCached } from "../src/cache.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kv-cache-test-"));
  vi.stubEnv("KV_TEST_CACHE", join(folder, "made", "on", "demand"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const fillWith = (text: string) => (path: string) => writeFile(join(path, "file"), text);

it("an entry is made once", async () => {
  expect(findCached("entry")).toBeUndefined();
  const path = await cached("entry", fillWith("first"));
  expect(await cached("entry", fillWith("second"))).toBe(path);
  expect(findCached("entry")).toBe(path);
  expect(await readFile(join(path, "file"), "utf8")).toBe("first");
});

it("of two who make it at once, the first to be ready wins, and nothing else is left", async () => {
  let quick = "";
  const slow = await cached("entry", async (path) => {
    quick = await cached("entry", fillWith("quick"));
    await fillWith("slow")(path);
  });
  expect(slow).toBe(quick);
  expect(await readFile(join(slow, "file"), "utf8")).toBe("quick");
  expect(await readdir(join(slow, ".."))).toEqual(["entry"]);
});

it("what fails in the middle leaves nothing", async () => {
  let half = "";
  const failing = cached("entry", async (path) => {
    half = path;
    await fillWith("half")(path);
    throw new Error("no network");
  });
  await expect(failing).rejects.toThrow("no network");
  expect(existsSync(half)).toBe(false);
  expect(findCached("entry")).toBeUndefined();
});
