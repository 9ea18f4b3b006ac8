// The folder: who may read it, how it is named, and what is refused.
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { IncompatibleFormatError, InvalidArgumentError, KeyValueError } from "@kv/core";
import { fromUrl, RocksdbDriver, type RocksdbStoreOptions, rocksdbStore } from "@kv/rocksdb";
import { folderSuite, listed, rejection, runChild, startFolderChild } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, test } from "vitest";
import { openDatabase, write } from "../src/native.ts";
import { childArguments, newFolder } from "./helpers.ts";

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

const shared = { scheme: "rocksdb", open: rocksdbStore, newFolder };
folderSuite(vitest, {
  ...shared,
  fromUrl,
  pathOf: (driver) => (driver instanceof RocksdbDriver ? driver.path : ""),
  largestRecord: 32_000_000,
  parameters: "sync=false&cacheBytes=0&compression=false",
  file: "format",
  spoil(path) {
    mkdirSync(path);
    writeFileSync(join(path, "format"), "garbage");
    return () => rmSync(join(path, "format"));
  },
});

async function errorAt(path: string): Promise<KeyValueError> {
  const store = rocksdbStore({ path });
  const error = await rejection(store.put("a", 1));
  await store.close();
  if (!(error instanceof KeyValueError)) throw error;
  return error;
}

/** A folder with 300 records, which RocksDB has put in order; its largest file whose name ends so. */
async function filled(): Promise<{ path: string; file: (end: string) => string }> {
  const path = newFolder();
  const records = Array.from({ length: 300 }, (_, at) => ({ key: `${at}`, value: "x".repeat(3000) }));
  const store = rocksdbStore({ path, compression: false, sync: false });
  await store.putMany(records);
  await store.close();
  // Opening puts in order what is in the log.
  const again = rocksdbStore({ path, compression: false });
  await again.ping();
  await again.close();
  const data = join(path, "data");
  const file = (end: string) => {
    const names = readdirSync(data).filter((name) => name.endsWith(end));
    const [largest] = names.sort((a, b) => statSync(join(data, b)).size - statSync(join(data, a)).size);
    if (!largest) throw new Error(`there is no file *${end}`);
    return join(data, largest);
  };
  return { path, file };
}

describe("permissions", () => {
  test("are the owner's only, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      const path = join(newFolder(), "deeper", "with.dot");
      const store = rocksdbStore({ path });
      await store.put("a", 1);
      expect([dirname(path), path, join(path, "data")].map(modeOf)).toEqual(["700", "700", "700"]);
      expect(readdirSync(path)).toEqual(["data", "format"]);
      expect(modeOf(join(path, "format"))).toBe("600");
      await store.close();
    } finally {
      process.umask(before);
    }
  });

  test("of RocksDB's own folder are the owner's in any case", async () => {
    const path = newFolder();
    mkdirSync(path);
    chmodSync(path, 0o750);
    const store = rocksdbStore({ path });
    await store.put("a", 1);
    await store.close();
    expect(modeOf(join(path, "data"))).toBe("700");
  });

  test.each(["600", "444"])("RocksDB's files that may not be used are told (%s)", async (mode) => {
    const { path } = await filled();
    const data = join(path, "data");
    for (const folder of [dirname(path), path, data]) chmodSync(folder, 0o755);
    chmodSync(join(path, "format"), 0o444);
    for (const file of readdirSync(data)) chmodSync(join(data, file), Number.parseInt(mode, 8));
    const child = startFolderChild(shared, "attempt.ts", path, "nobody");
    expect(await child.ended).toBe(0);
    expect(child.output()).toBe("ACCESS_DENIED undefined\nACCESS_DENIED not-applied\n");
  });
});

describe("what is in the folder", () => {
  test("another version of the format is refused, and both are named", async () => {
    const path = newFolder();
    mkdirSync(path);
    writeFileSync(join(path, "format"), "kv-rocksdb 27\n");
    const error = await errorAt(path);
    expect(error).toBeInstanceOf(IncompatibleFormatError);
    expect(error.outcome).toBe("not-applied");
    expect(error.message).toMatch(/version 27 .* version 1$/);
  });

  test("another program's file `format` is refused", async () => {
    const path = newFolder();
    mkdirSync(path);
    writeFileSync(join(path, "format"), "MP4");
    expect((await errorAt(path)).message).toMatch(/another program/);
    expect(readdirSync(path)).toEqual(["format"]);
  });

  test("another program's database is refused, and left as it is", async () => {
    const path = newFolder();
    mkdirSync(path);
    const foreign = await openDatabase(path, { cacheSize: 0, compression: false });
    await write(foreign, [{ type: "put", key: "theirs", value: "data" }], false);
    await foreign.close();
    const before = readdirSync(path);
    const error = await errorAt(path);
    expect(error).toBeInstanceOf(IncompatibleFormatError);
    expect(error.message).toMatch(/another program/);
    expect(readdirSync(path)).toEqual(before);
  });

  test("what file systems and tools leave in a folder is no other program's", async () => {
    const path = newFolder();
    mkdirSync(path);
    for (const name of [".gitkeep", "lost+found", ".format-1"]) writeFileSync(join(path, name), "");
    const store = rocksdbStore({ path });
    await store.put("a", 1);
    expect(await store.get("a")).toBe(1);
    await store.close();
  });
});

describe("damage", () => {
  test.each(["CURRENT", "MANIFEST"])(
    "RocksDB's file %s that is missing is told, and nothing is deleted",
    async (name) => {
      const { path } = await filled();
      const data = join(path, "data");
      for (const file of readdirSync(data)) if (file.startsWith(name)) rmSync(join(data, file));
      const tables = () => readdirSync(data).filter((file) => file.endsWith(".sst"));
      const before = tables();
      expect(await errorAt(path)).toBeInstanceOf(IncompatibleFormatError);
      expect(tables()).toEqual(before);
    },
  );

  test.each(["CURRENT", "MANIFEST"])("garbage in RocksDB's file %s is told", async (name) => {
    const { path } = await filled();
    const data = join(path, "data");
    for (const file of readdirSync(data)) if (file.startsWith(name)) writeFileSync(join(data, file), "garbage\n");
    expect(await errorAt(path)).toBeInstanceOf(IncompatibleFormatError);
  });

  test.each([
    ["changed in its midst", (file: string) => overwrite(file, statSync(file).size / 3, 20_000)],
    ["cut off", (file: string) => truncateSync(file, 1000)],
    ["missing", (file: string) => rmSync(file)],
  ])("a table that is %s is an error where it is read, never a miss or other data", async (_, damage) => {
    const { path, file } = await filled();
    damage(file(".sst"));
    const store = rocksdbStore({ path, compression: false, cacheBytes: 0 });
    const keys = Array.from({ length: 300 }, (_, at) => `${at}`);
    const settled = await Promise.allSettled(keys.map((key) => store.get(key)));
    const failed = settled.filter((one) => one.status === "rejected");
    expect(failed.length).toBeGreaterThan(0);
    for (const { reason } of failed) expect(reason).toBeInstanceOf(IncompatibleFormatError);
    for (const one of settled) {
      if (one.status === "fulfilled") expect(one.value).toMatch(/^x{3000}$/);
    }
    await expect(listed(store.collection().entries())).rejects.toBeInstanceOf(IncompatibleFormatError);
    await store.close();
  });

  test("an end of the log that was not written whole, as a power cut leaves it, is no damage", async () => {
    const path = newFolder();
    const store = rocksdbStore({ path });
    await store.put("a", 1);
    await store.close();
    const [log] = readdirSync(join(path, "data")).filter((name) => name.endsWith(".log"));
    appendFileSync(join(path, "data", log ?? ""), Buffer.alloc(100, "torn"));
    const again = rocksdbStore({ path });
    expect(await again.get("a")).toBe(1);
    await again.close();
  });
});

describe("a full disk", () => {
  const small = (path: string, size: string, ...commands: string[]) =>
    runChild("unshare", [
      ...["--mount", "--map-root-user", "sh", "-c"],
      `mount -t tmpfs -o size=${size} tmpfs "$1" && shift && { ${commands.join("; ") || "true"}; }`,
      ...["sh", path, process.execPath],
    ]);
  const quoted = (args: readonly string[]) => args.map((one) => `'${one}'`).join(" ");
  const node = (...args: Parameters<typeof childArguments>) => `"$1" ${quoted(childArguments(...args))}`;

  async function smallDisk(skip: (why: string) => void): Promise<string> {
    const path = newFolder();
    mkdirSync(path);
    if ((await small(path, "1m").ended.catch(() => 1)) !== 0) skip("this system lets nobody mount a small disk");
    return path;
  }

  test("is told, nothing is lost, and what is deleted makes room", { timeout: 300_000 }, async ({ skip }) => {
    const path = await smallDisk(skip);
    const child = small(path, "400m", node("filler.ts", join(path, "store")));
    expect(await child.ended).toBe(0);
    expect(child.output().split("\n")).toEqual([
      "full STORAGE_FULL not-applied",
      "at once STORAGE_FULL",
      "read whole",
      "delete all",
      "read whole",
      "",
    ]);
  });

  test("that RocksDB itself meets costs no write that resolved", { timeout: 300_000 }, async ({ skip }) => {
    const path = await smallDisk(skip);
    const store = join(path, "store");
    const child = small(path, "500m", node("torn.ts", store, "write"), node("torn.ts", store, "check"));
    expect(await child.ended).toBe(0);
    expect(child.output().split("\n")).toEqual([
      "full undefined",
      "full undefined",
      "full STORAGE_FULL unknown",
      "read 1",
      "still STORAGE_FULL not-applied",
      "read 1",
      "written",
      "found 1,1,1,1",
      "whole true,true",
      "",
    ]);
  });
});

describe("stores of one process", () => {
  test("may differ in sync", async () => {
    const path = newFolder();
    const [one, two] = [rocksdbStore({ path }), rocksdbStore({ path, sync: false })];
    await Promise.all([one.put("a", 1), two.put("b", 2)]);
    expect(await Promise.all([one.get("b"), two.get("a")])).toEqual([2, 1]);
    await Promise.all([one.close(), two.close()]);
  });

  test.each([{ compression: false }, { cacheBytes: 1_000_000 }])("must agree on %j", async (options) => {
    const path = newFolder();
    const [one, two] = [rocksdbStore({ path }), rocksdbStore({ path, ...options })];
    await one.put("a", 1);
    await expect(two.get("a")).rejects.toBeInstanceOf(InvalidArgumentError);
    await one.close();
    expect(await two.get("a")).toBe(1);
    await two.close();
  });

  test("are told where another thread or copy of the package has the folder open", async () => {
    const path = newFolder();
    const store = rocksdbStore({ path });
    await store.put("a", 1);
    await store.close();
    const copy = await openDatabase(join(path, "data"), { cacheSize: 0, compression: false });
    const error = await errorAt(path);
    expect([error.code, error.message]).toEqual(["UNAVAILABLE", expect.stringContaining("a worker thread of this")]);
    await copy.close();
    const again = rocksdbStore({ path });
    expect(await again.get("a")).toBe(1);
    await again.close();
  });

  test("write a batch of any size whole", async () => {
    const store = rocksdbStore({ path: newFolder(), sync: false });
    const entries = Array.from({ length: 30 }, (_, at) => ({ key: `${at}`, value: `${at}`.repeat(500_000) }));
    await store.putMany(entries);
    const values = await store.getMany(entries.map(({ key }) => key));
    expect(values.every((value, at) => value === entries[at]?.value)).toBe(true);
    await store.close();
  });
});

test.each(["rocksdb:./a?cacheBytes=many", "rocksdb:./a?compression=1"])("refuses %s", (url) => {
  expect(() => fromUrl(url)).toThrow(InvalidArgumentError);
});

test("says in the folder what it is", async () => {
  const path = newFolder();
  const store = rocksdbStore({ path });
  await store.put("a", 1);
  await store.close();
  expect(readFileSync(join(path, "format"), "utf8")).toBe("kv-rocksdb 1\n");
});

test.each([
  {},
  { path: "" },
  { path: 3 },
  { path: "a\0b" },
  { path: "a", sync: "yes" },
  { path: "a", compression: 1 },
  { path: "a", cacheBytes: -1 },
  { path: "a", cacheBytes: 2 ** 32 },
  { path: "a", cacheBytes: 1.5 },
])("refuses the options %j", (options) => {
  expect(() => rocksdbStore(options as RocksdbStoreOptions)).toThrow(InvalidArgumentError);
});

function overwrite(file: string, start: number, length: number): void {
  const bytes = readFileSync(file);
  for (let at = Math.floor(start); at < start + length; at++) bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}
