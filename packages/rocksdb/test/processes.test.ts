// One process has the folder at a time, and what is left of one that was killed.
import { once } from "node:events";
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { StoreUnavailableError } from "@kv/core";
import { rocksdbStore } from "@kv/rocksdb";
import { rejection, until } from "@kv/test-servers";
import { describe, expect, test } from "vitest";
import { newFolder, startChild } from "./helpers.ts";

describe("a process that is killed", () => {
  test.each([true, false])("loses none of the writes that resolved (sync: %s)", { timeout: 240_000 }, async (sync) => {
    const path = newFolder();
    for (let round = 0; round < 5; round++) {
      const child = startChild("writer.ts", path, String(sync), String(round));
      await until(() => child.output().includes("count"));
      // Any moment will do, each time another.
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 600));
      child.process.kill("SIGKILL");
      expect(await child.ended).toBe("SIGKILL");

      const lines = child.output().split("\n").slice(0, -1);
      const puts = lines.filter((line) => line.startsWith("put ")).map((line) => line.slice(4));
      const last = Number(lines.findLast((line) => line.startsWith("count "))?.slice(6));
      expect(puts.length).toBeGreaterThan(0);

      const store = rocksdbStore({ path });
      const values = await store.getMany(puts);
      expect(values.map((value) => (typeof value === "object" ? value?.["key" as never] : value))).toEqual(puts);
      expect(await store.get("counter")).toBeGreaterThanOrEqual(last);
      await store.put("still", "writable");
      await store.close();
    }
  });
});

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
  test.each(["close", "leave"])("exits by itself (%s)", async (how) => {
    const child = startChild("expiring.ts", newFolder(), how);
    expect(await child.ended).toBe(0);
    expect(child.output()).toBe("stored\n");
  });

  test.each(["exit", "throw", "worker"])("ends as it should in the midst of everything (%s)", async (how) => {
    const child = startChild("leaving.ts", newFolder(), how);
    expect(await child.ended).toBe(how === "throw" ? 7 : 0);
    expect(child.output()).toBe("busy\n");
  });
});
