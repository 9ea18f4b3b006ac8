// Nobody writes while a process opens the folder, and what a dead process left behind stops nobody.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diskStore } from "@kv/disk";
import { rejection } from "@kv/test-servers";
import { expect, test, vi } from "vitest";
import { newFolder } from "./helpers.ts";

/** The id of a process that has ended. */
const dead = spawnSync(process.execPath, ["--version"]).pid;

async function folderWithData(): Promise<string> {
  const path = newFolder();
  const store = diskStore({ path });
  await store.put("a", 1);
  await store.close();
  return path;
}

test("writes wait while another process opens the folder, reads do not", async () => {
  const path = await folderWithData();
  const store = diskStore({ path });
  await store.get("a");
  const opening = join(path, "opening");
  writeFileSync(opening, `${process.pid}`);
  const order: string[] = [];
  const write = store.put("a", 2).then(() => order.push("written"));
  expect(await store.get("a")).toBe(1);
  const refused = await rejection(store.put("a", 3, { timeout: 100 }));
  expect(refused).toMatchObject({ code: "TIMEOUT" });
  order.push("opened");
  rmSync(opening);
  await write;
  expect(order).toEqual(["opened", "written"]);
  expect(await store.get("a")).toBe(2);
  await store.close();
});

test("who writes without a pause lets in who opens", async () => {
  const path = await folderWithData();
  const store = diskStore({ path });
  let enough = false;
  const writers = Array.from({ length: 8 }, async (_, nth) => {
    while (!enough) await store.put(`w${nth}`, nth, { timeout: "1m" });
  });
  const flag = () => readFileSync(join(path, readdirSync(path).find((name) => /^writing-/.test(name)) ?? ""), "latin1");
  await vi.waitUntil(() => existsSync(join(path, "data.mdb")) && flag() === "1", { interval: 1, timeout: 20_000 });
  const opening = join(path, "opening");
  writeFileSync(opening, `${process.pid}`);
  await vi.waitUntil(() => flag() === "0", { interval: 1, timeout: 20_000 });
  // Not because that file had been there for too long.
  expect(existsSync(opening)).toBe(true);
  rmSync(opening);
  enough = true;
  await Promise.all(writers);
  await store.close();
});

test("who opens waits for who does so already, and for who writes", async () => {
  const path = await folderWithData();
  const [opening, writing] = [join(path, "opening"), join(path, `writing-${process.pid}-00`)];
  writeFileSync(opening, `${process.pid}`);
  writeFileSync(writing, "1");
  const store = diskStore({ path });
  const order: string[] = [];
  const read = store.get("a").then(() => order.push("open"));
  expect(await rejection(store.get("a", { timeout: 100 }))).toMatchObject({ code: "TIMEOUT" });
  order.push("other opened");
  rmSync(opening);
  expect(await rejection(store.get("a", { timeout: 100 }))).toMatchObject({ code: "TIMEOUT" });
  order.push("other wrote");
  writeFileSync(writing, "0");
  await read;
  expect(order).toEqual(["other opened", "other wrote", "open"]);
  await store.close();
});

test("what a dead process left is no obstacle, and is removed", async () => {
  const path = await folderWithData();
  writeFileSync(join(path, "opening"), `${dead}`);
  writeFileSync(join(path, `writing-${dead}-00`), "1");
  const began = performance.now();
  const store = diskStore({ path });
  expect(await store.get("a")).toBe(1);
  expect(performance.now() - began).toBeLessThan(1900);
  expect(existsSync(join(path, `writing-${dead}-00`))).toBe(false);
  writeFileSync(join(path, "opening"), `${dead}`);
  await store.put("a", 2);
  await store.close();
  expect(readdirSync(path).sort()).toEqual(["data.mdb", "lock.mdb"]);
});

test("nor is what it left when its process id has been given away", async () => {
  const path = await folderWithData();
  const opening = join(path, "opening");
  writeFileSync(opening, `${process.pid}`);
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(opening, longAgo, longAgo);
  writeFileSync(join(path, `writing-${process.pid}-00`), "1");
  const store = diskStore({ path });
  expect(await store.get("a", { timeout: "20s" })).toBe(1);
  await store.close();
});
