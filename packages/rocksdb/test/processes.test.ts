// One process has the folder at a time, and what is left of one that was killed.
import { once } from "node:events";
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { StoreUnavailableError } from "@kv/core";
import { rocksdbStore } from "@kv/rocksdb";
import { killedSuite, rejection } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, test } from "vitest";
import { newFolder, startChild } from "./helpers.ts";

killedSuite(vitest, { scheme: "rocksdb", open: rocksdbStore, newFolder });

describe("a second process", () => {
  test("is told of the lock, and gets the folder when the first has closed it", async () => {
    const path = newFolder();
    const holder = startChild("holder.ts", path);
    await once(holder.process, "message");
    const store = rocksdbStore({ path });
    for (const [attempt, outcome] of [
      [() => store.get("holder"), undefined],
      [() => store.put("a", 1), "not-applied"],
    ] as const) {
      const error = await rejection(attempt());
      if (!(error instanceof StoreUnavailableError)) throw error;
      expect([error.code, error.retryable, error.outcome]).toEqual(["UNAVAILABLE", true, outcome]);
      expect(String(error)).toMatch(/another process has the folder open: its lock, data\/LOCK, is taken/);
    }
    const closed = once(holder.process, "message");
    holder.process.send("close");
    await closed;
    expect(await store.get("holder")).toBe(holder.process.pid);
    await store.close();
    expect(await holder.ended).toBe(0);
  });

  test("gets the folder when the first has been killed", async () => {
    const path = newFolder();
    const holder = startChild("holder.ts", path);
    await once(holder.process, "message");
    const store = rocksdbStore({ path });
    await expect(store.get("holder")).rejects.toBeInstanceOf(StoreUnavailableError);
    holder.process.kill("SIGKILL");
    await holder.ended;
    expect(await store.get("holder")).toBe(holder.process.pid);
    await store.close();
  });

  test("is told by another path to the folder, too", async () => {
    const path = newFolder();
    mkdirSync(path);
    const link = join(dirname(path), "link");
    symlinkSync(path, link);
    const holder = startChild("holder.ts", link);
    await once(holder.process, "message");
    const store = rocksdbStore({ path });
    await expect(store.get("holder")).rejects.toBeInstanceOf(StoreUnavailableError);
    await store.close();
    holder.process.send("close");
    expect(await holder.ended).toBe(0);
  });
});

describe("a process", () => {
  test.each(["exit", "throw", "worker"])("ends as it should in the midst of everything (%s)", async (how) => {
    const child = startChild("leaving.ts", newFolder(), how);
    expect(await child.ended).toBe(how === "throw" ? 7 : 0);
    expect(child.output()).toBe("busy\n");
  });
});
