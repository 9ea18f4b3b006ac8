// The folder: who may read it, how it is named, and what is refused.

import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { IncompatibleFormatError, InvalidArgumentError, KeyValueError } from "@kv/core";
import { DiskDriver, type DiskStoreOptions, diskStore, fromUrl } from "@kv/disk";
import { folderSuite, rejection, runChild, startFolderChild } from "@kv/test-servers";
import { open } from "lmdb";
import * as vitest from "vitest";
import { describe, expect, test } from "vitest";
import { childArguments, newFolder } from "./helpers.ts";

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

const shared = { scheme: "disk", open: diskStore, newFolder };
folderSuite(vitest, {
  ...shared,
  fromUrl,
  pathOf: (driver) => (driver instanceof DiskDriver ? driver.path : ""),
  largestRecord: 16_000_000,
  parameters: "sync=false",
  file: "data.mdb",
  spoil(path) {
    mkdirSync(path);
    writeFileSync(join(path, "data.mdb"), "garbage");
    return () => writeFileSync(join(path, "data.mdb"), "");
  },
});

/** How another program, or another release, would have opened the folder. */
const bare = { noSubdir: false, overlappingSync: false, encoding: "binary", keyEncoding: "binary" } as const;

describe("permissions", () => {
  test("are the owner's only, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      const path = join(newFolder(), "deeper", "with.dot");
      const store = diskStore({ path });
      await store.put("a", 1);
      expect([modeOf(dirname(path)), modeOf(path)]).toEqual(["700", "700"]);
      const files = readdirSync(path);
      expect(files).toEqual(expect.arrayContaining(["data.mdb", "lock.mdb"]));
      expect(files.map((file) => modeOf(join(path, file)))).toEqual(files.map(() => "600"));
      await store.close();
    } finally {
      process.umask(before);
    }
  });

  test("files that may not be written to are told", async () => {
    const path = newFolder();
    const store = diskStore({ path });
    await store.put("a", 1);
    await store.close();
    for (const folder of [dirname(path), path]) chmodSync(folder, 0o755);
    for (const file of readdirSync(path)) chmodSync(join(path, file), 0o444);
    const child = startFolderChild(shared, "attempt.ts", path, "nobody");
    expect(await child.ended).toBe(0);
    expect(child.output()).toBe("ACCESS_DENIED undefined\nACCESS_DENIED not-applied\n");
  });
});

describe("what is in the folder", () => {
  async function errorAt(path: string): Promise<KeyValueError> {
    const store = diskStore({ path });
    const error = await rejection(store.put("a", 1));
    await store.close();
    if (!(error instanceof KeyValueError)) throw error;
    return error;
  }

  test.each([
    ["nothing of lmdb's", Buffer.alloc(20_000, "not lmdb")],
    ["too little", Buffer.from("short")],
  ])("a data file that is damaged is refused: %s", async (_, bytes) => {
    const path = newFolder();
    mkdirSync(path);
    writeFileSync(join(path, "data.mdb"), bytes);
    const error = await errorAt(path);
    expect(error).toBeInstanceOf(IncompatibleFormatError);
    expect(error.outcome).toBe("not-applied");
  });

  // Where its pages lie depends on the transactions: of those of four single puts, lmdb says that one was spoilt.
  test.each([
    [9000, 4, 1],
    [9000, 1, 300],
    [100_000, 1, 300],
    [600_000, 1, 300],
  ])(
    "a data file that was cut off is an error, not a crash: at %d bytes, after %d batches of %d",
    async (size, batches, records) => {
      const path = newFolder();
      const store = diskStore({ path });
      for (const batch of Array(batches).keys()) {
        const keys = Array.from({ length: records }, (_, at) => `${batch} ${at}`);
        await store.putMany(keys.map((key) => ({ key, value: "x".repeat(3000) })));
      }
      await store.close();
      truncateSync(join(path, "data.mdb"), size);
      const child = startFolderChild(shared, "attempt.ts", path);
      expect(await child.ended).toBe(0);
      expect(child.output()).toContain("INCOMPATIBLE_FORMAT");
    },
  );

  test("an empty data file is a new one", async () => {
    const path = newFolder();
    mkdirSync(path);
    writeFileSync(join(path, "data.mdb"), "");
    const store = diskStore({ path });
    await store.put("a", 1);
    expect(await store.get("a")).toBe(1);
    await store.close();
  });

  test("another version of the format is refused, and both are named", async () => {
    const path = newFolder();
    const later = open({ path, ...bare });
    await later.put(Buffer.from("format"), Buffer.from("kv-disk 27"));
    await later.close();
    const error = await errorAt(path);
    expect(error).toBeInstanceOf(IncompatibleFormatError);
    expect(error.message).toMatch(/version 27 .* version 1$/);
  });

  test("another version of lmdb's own format is refused, and both are named", async () => {
    const path = newFolder();
    const store = diskStore({ path });
    await store.put("a", 1);
    await store.close();
    const file = join(path, "data.mdb");
    const bytes = readFileSync(file);
    bytes.writeUInt32LE(9, 28);
    writeFileSync(file, bytes);
    const error = await errorAt(path);
    expect(error).toBeInstanceOf(IncompatibleFormatError);
    expect(error.message).toMatch(/version 9 .* version 2$/);
  });

  test("the lmdb database of another program is refused, and left as it is", async () => {
    const path = newFolder();
    const foreign = open({ path, ...bare });
    await foreign.put(Buffer.from("theirs"), Buffer.from("data"));
    await foreign.close();
    expect(await errorAt(path)).toBeInstanceOf(IncompatibleFormatError);
    const again = open({ path, ...bare });
    expect([...again.getKeys({})].map(String)).toEqual(["theirs"]);
    await again.close();
  });
});

describe("a full disk", () => {
  const mount = 'mount -t tmpfs -o size=3m tmpfs "$1" && shift && exec "$@"';
  const own = ["--mount", "--map-root-user", "sh", "-c", mount, "sh"];

  test("is told, nothing is lost, and what is deleted makes room", async ({ skip }) => {
    const path = newFolder();
    mkdirSync(path);
    const tried = runChild("unshare", [...own, path, "true"]);
    if ((await tried.ended.catch(() => 1)) !== 0) skip("this system lets nobody mount a small disk");
    const child = runChild("unshare", [
      ...own,
      path,
      process.execPath,
      ...childArguments("filler.ts", join(path, "store")),
    ]);
    expect(await child.ended).toBe(0);
    expect(child.output().split("\n")).toEqual([
      "full STORAGE_FULL not-applied",
      "at once 1",
      "read whole",
      "delete all",
      "put undefined",
      "read whole",
      "",
    ]);
  });
});

describe("stores of one process", () => {
  test("must agree on sync", async () => {
    const path = newFolder();
    const [one, two] = [diskStore({ path }), diskStore({ path, sync: false })];
    await one.put("a", 1);
    await expect(two.get("a")).rejects.toBeInstanceOf(InvalidArgumentError);
    await Promise.all([one.close(), two.close()]);
  });
});

test.each([{}, { path: "" }, { path: 3 }, { path: "a\0b" }, { path: "a", sync: "yes" }])(
  "refuses the options %j",
  (options) => {
    expect(() => diskStore(options as DiskStoreOptions)).toThrow(InvalidArgumentError);
  },
);
