/** The demo runs to its end and shows what it promises. It runs what was built: turbo sees to that. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("ends by itself, and shows hits where there are to be some", async () => {
  const demo = fileURLToPath(new URL("../demo/main.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", import.meta.resolve("tsx"), demo]);
  const [, disk = "", crash = "", redis = ""] = stdout.split(/^\d\. /m);
  const origins = (part: string) => part.match(/from the cache|read and ranked/g);
  expect(disk).toContain("search_docs, save_note, list_notes, delete_note");
  expect(origins(disk)).toEqual(["read and ranked", "from the cache"]);
  expect(crash).toMatch(/list_notes +"Written before the crash"/);
  expect(origins(crash)).toEqual(["from the cache"]);
  if (redis.includes("Left out")) return;
  expect(origins(redis)).toEqual(["read and ranked", "from the cache"]);
  expect(redis).toMatch(/list_notes +"Written through the first"/);
}, 60_000);
