// The folder: who may read it, how it is named, and what is refused.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import {
  IncompatibleFormatError,
  InvalidArgumentError,
  KeyValueError,
  openStore,
  StoreClosedError,
  ValueTooLargeError,
} from "@kv/core";
import { DiskDriver, type DiskStoreOptions, diskStore, fromUrl } from "@kv/disk";
import { rejection, runChild } from "@kv/test-servers";
import { open } from "lmdb";
import { describe, expect, test } from "vitest";
import { childArguments, newFolder, startChild } from "./helpers.ts";

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

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

  test("of a folder that is there stay as they are", async () => {
    const path = newFolder();
    mkdirSync(path);
    chmodSync(path, 0o750);
    const store = diskStore({ path });
    await store.put("a", 1);
    await store.close();
    expect(modeOf(path)).toBe("750");
  });

  test("a folder that may not be written to is told", async () => {
    const path = newFolder();
    mkdirSync(path);
    chmodSync(dirname(path), 0o755);
    chmodSync(path, 0o555);
    for (const place of [path, join(path, "inside")]) {
      const child = startChild("attempt.ts", place, "nobody");
      expect(await child.ended).toBe(0);
      expect(child.output()).toBe("ACCESS_DENIED undefined\nACCESS_DENIED not-applied\n");
    }
  });

  test("files that may not be written to are told", async () => {
    const path = newFolder();
    const store = diskStore({ path });
    await store.put("a", 1);
    await store.close();
    for (const folder of [dirname(path), path]) chmodSync(folder, 0o755);
    for (const file of readdirSync(path)) chmodSync(join(path, file), 0o444);
    const child = startChild("attempt.ts", path, "nobody");
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

  test.each([9000, 100_000, 600_000])(
    "a data file that was cut off is an error, not a crash: at %d bytes",
    async (size) => {
      const path = newFolder();
      const store = diskStore({ path });
      await store.putMany(Array.from({ length: 300 }, (_, at) => ({ key: `${at}`, value: "x".repeat(3000) })));
      await store.close();
      truncateSync(join(path, "data.mdb"), size);
      const child = startChild("attempt.ts", path);
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

  test("a path that is no folder is refused", async () => {
    const path = newFolder();
    writeFileSync(path, "a file");
    for (const place of [path, join(path, "inside")]) {
      expect(await errorAt(place)).toBeInstanceOf(InvalidArgumentError);
    }
  });

  test("a store that could not be opened opens when the cause is gone", async () => {
    const path = newFolder();
    mkdirSync(path);
    writeFileSync(join(path, "data.mdb"), "garbage");
    const store = diskStore({ path });
    await expect(store.get("a")).rejects.toBeInstanceOf(IncompatibleFormatError);
    writeFileSync(join(path, "data.mdb"), "");
    await store.put("a", 1);
    expect(await store.get("a")).toBe(1);
    await store.close();
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
  test("share a folder, and closing one leaves the others", async () => {
    const path = newFolder();
    const [one, two] = [diskStore({ path }), diskStore({ path: `${path}/../store/` })];
    await Promise.all([one.put("a", 1), two.put("b", 2)]);
    expect(await Promise.all([one.get("b"), two.get("a")])).toEqual([2, 1]);
    await one.close();
    await expect(one.get("a")).rejects.toBeInstanceOf(StoreClosedError);
    await two.put("a", 3);
    expect(await two.get("a")).toBe(3);
    await two.close();
    const three = diskStore({ path });
    expect(await three.get("a")).toBe(3);
    await three.close();
  });

  test("must agree on sync", async () => {
    const path = newFolder();
    const [one, two] = [diskStore({ path }), diskStore({ path, sync: false })];
    await one.put("a", 1);
    await expect(two.get("a")).rejects.toBeInstanceOf(InvalidArgumentError);
    await Promise.all([one.close(), two.close()]);
  });

  test("close without having opened", async () => {
    const path = newFolder();
    await diskStore({ path }).close();
    expect(existsSync(path)).toBe(false);
  });

  test("refuse a record over the limit before anything is written", async () => {
    const store = diskStore({ path: newFolder() });
    const error = await rejection(store.put("a", "x".repeat(16_000_000)));
    expect(error).toBeInstanceOf(ValueTooLargeError);
    await store.put("a", "ü".repeat(7_999_000));
    expect(await store.get("a")).toBe("ü".repeat(7_999_000));
    await store.close();
  });
});

describe("by URL", () => {
  const pathOf = (url: string): string => {
    const { driver } = fromUrl(url);
    if (!(driver instanceof DiskDriver)) throw new Error("not a disk store");
    return relative(process.cwd(), driver.path);
  };

  test("relative and absolute paths, percent-encoded", () => {
    expect(pathOf("disk:./folder")).toBe("folder");
    expect(pathOf("disk:folder/a%20b%3F")).toBe("folder/a b?");
    expect(pathOf("DISK:../x")).toBe("../x");
    const root = relative(process.cwd(), "/");
    expect(pathOf("disk:/abs/x")).toBe(`${root}abs/x`.replace(/([^/])abs/, "$1/abs"));
    expect(pathOf("disk:///abs/x%25?sync=false")).toBe(`${root}/abs/x%`);
  });

  test.each([
    "disk:",
    "disk:?sync=false",
    "disk://host/path",
    "disk://",
    "disk:////x",
    "disk:./a#b",
    "disk:./a?sync=yes",
    "disk:./a?size=3",
    "disk:./%zz",
    "disk:./a%00b",
    "memory:",
  ])("refuses %s", (url) => {
    expect(() => fromUrl(url)).toThrow(InvalidArgumentError);
  });

  test("openStore finds it", async () => {
    const path = newFolder();
    const store = await openStore(`disk:${path}`, { needs: ["atomic", "enumerate", "clear", "durable"] });
    expect(await store.increment("a")).toBe(1);
    await store.close();
    expect(existsSync(join(path, "data.mdb"))).toBe(true);
  });

  test.each([{}, { path: "" }, { path: 3 }, { path: "a\0b" }, { path: "a", sync: "yes" }])(
    "refuses the options %j",
    (options) => {
      expect(() => diskStore(options as DiskStoreOptions)).toThrow(InvalidArgumentError);
    },
  );
});
