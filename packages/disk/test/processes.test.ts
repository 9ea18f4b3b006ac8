// Several processes on one folder, and what is left of one that was killed.
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { diskStore } from "@kv/disk";
import { killedSuite } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, test } from "vitest";
import { newFolder, startChild } from "./helpers.ts";

killedSuite(vitest, {
  scheme: "disk",
  open: diskStore,
  newFolder,
  check: (path) => expect(readdirSync(path).sort()).toEqual(["data.mdb", "lock.mdb"]),
});

describe("several processes", () => {
  test("increment one counter to the exact sum, while others open the folder", { timeout: 180_000 }, async () => {
    const path = newFolder();
    const children = [1, 2, 3].map(() => startChild("counter.ts", path, "600"));
    const ended = Promise.all(children.map((child) => child.ended));
    let over = false;
    void ended.finally(() => {
      over = true;
    });
    // In opening, lmdb by itself would lose what another process commits at that moment.
    while (!over) {
      const visitor = diskStore({ path, sync: false, timeout: "60s" });
      await visitor.get("counter");
      await visitor.close();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(await ended).toEqual([0, 0, 0]);
    const store = diskStore({ path });
    expect(await store.get("counter")).toBe(1800);
    await store.close();
    expect(readdirSync(path).sort()).toEqual(["data.mdb", "lock.mdb"]);
  });

  test("see each other's writes as soon as they are told of them", { timeout: 60_000 }, async () => {
    const path = newFolder();
    const store = diskStore({ path, sync: false });
    const child = startChild("echo.ts", path);
    await once(child.process, "message");
    for (let number = 1; number <= 300; number++) {
      const told = once(child.process, "message");
      child.process.send(number);
      let waiting = true;
      void told.then(() => {
        waiting = false;
      });
      // Reads all the time, so that there is always a snapshot that was just taken.
      while (waiting) {
        await store.get("number");
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await store.get("number")).toBe(number);
    }
    child.process.send("stop");
    expect(await child.ended).toBe(0);
    await store.close();
  });
});
